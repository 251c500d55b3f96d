"""The law of dialects: the same trades, written as any program might write them, are read as the same trades.

Delimiter, quotes, line ends, decimal sign, encoding, packing, order and case of columns, comments and empty cells are
drawn at random. Nothing is told to the reader.
"""

import bz2
import gzip
import lzma
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.files.places import places_of
from connectors.files.reader import TradeFile, read_trades
from tests.property.trade_batches import examples
from tests.unit.connectors.batches import trades_of

PACKINGS: dict[str, Any] = {"none": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16-le": b"\xff\xfe",
    "utf-16-be": b"\xfe\xff",
    "utf-32-le": b"\xff\xfe\0\0",
}
COLUMNS = ["event_time_us", "symbol", "price", "size", "side", "trade_id", "exchange", "note"]


class Writing(NamedTuple):
    delimiter: str
    quote: str
    line_end: str
    decimal_comma: bool
    encoding: str
    packing: str
    columns: list[str]
    is_upper: bool
    before: str
    blank: str
    more: str


writings = st.builds(
    Writing,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quote=st.sampled_from(["", '"', "'"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    decimal_comma=st.booleans(),
    encoding=st.sampled_from(sorted(ENCODINGS)),
    packing=st.sampled_from(sorted(PACKINGS)),
    columns=st.permutations(COLUMNS),
    is_upper=st.booleans(),
    before=st.sampled_from(["", "# made by hand", "Trades of today", "\n"]),
    blank=st.sampled_from(["", " "]),
    more=st.sampled_from(["", "x"]),
)
decimals = st.decimals(Decimal("0.0001"), Decimal(10**6), places=4)
trades = st.lists(
    st.tuples(
        st.integers(1_500_000_000_000_000, 1_800_000_000_000_000),
        st.sampled_from(["AAA", "BTC/USDT", "é-1"]),
        decimals,
        decimals,
        st.sampled_from(["BUY", "SELL", ""]),
        st.integers(0, 10**12),
    ),
    min_size=1,
    max_size=6,
)


def written(found: list[Any], how: Writing) -> bytes:
    comma = how.decimal_comma and how.delimiter != ","

    def line(cells: list[str]) -> str:
        quoted = [f"{how.quote}{cell}{how.quote}" if cell else cell for cell in cells]
        return (how.delimiter + how.blank).join(quoted) + (how.delimiter if how.more else "")

    def number(value: Decimal) -> str:
        text = format(value, "f")
        return text.replace(".", ",") if comma else text

    lines = [how.before] if how.before else []
    lines.append(line([name.upper() if how.is_upper else name for name in how.columns]))
    for time_us, symbol, price, size, side, number_id in found:
        cells = dict(zip(COLUMNS, [str(time_us), symbol, number(price), number(size), side, str(number_id), "E", "ok"],
                         strict=True))  # fmt: skip
        lines.append(line([cells[name] for name in how.columns]))
    text = how.line_end.join(lines) + how.line_end
    return bytes(PACKINGS[how.packing](ENCODINGS[how.encoding] + text.encode(how.encoding)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dialects")


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trades, writings)
@example(
    [(1_714_521_600_000_000, "AAA", Decimal("1.5"), Decimal(2), "BUY", 7)],
    Writing(";", "'", "\n", False, "utf-8", "none", COLUMNS, False, "Trades of today", " ", "x"),
)
def test_any_way_of_writing_is_read_alike(folder: Path, found: list[Any], how: Writing) -> None:
    path = folder / "t.bin"
    path.write_bytes(written(found, how))
    (place,) = places_of(str(path))
    batches = list(read_trades(TradeFile(place)))
    assert [reject for batch in batches for reject in batch.rejects] == []
    got = [
        (
            each["event_time"],
            each["symbol"].decode(),
            each["price"],
            each["size"],
            each["side"],
            each["trade_id_number"],
        )
        for batch in batches
        for each in trades_of(batch)
    ]
    sides = {"BUY": 0, "SELL": 1, "": 2}
    assert got == [
        (time_us, symbol, int(price * 10**10), int(size * 10**10), sides[side], number)
        for time_us, symbol, price, size, side, number in found
    ]
