"""Lines of CSV: columns by name, quotes, time units, and lines that can't be used."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.csv.decoder import CsvDecoder
from connectors.csv.dialect import Dialect
from connectors.files.line_batches import LineBatch
from connectors.values.column_plan import FileOptions, plan_columns
from schemas.columns import BUY, UNKNOWN
from schemas.errors import InputError
from schemas.rejects import Reason
from tests.unit.connectors.batches import raw_batch, reasons_of, trades_of

HEADER = ["event_time_us", "symbol", "price", "size", "side", "trade_id", "exchange"]
GOOD = b"1762795433971744,XBTUSDT,105433.60000,0.00027625,BUY,10218208,KRAKEN\n"


def lines(*texts: bytes) -> LineBatch:
    raw = raw_batch(list(texts), first_offset=0)
    return LineBatch(raw.topic, 0, raw.data, raw.ends, raw.offsets, raw.timestamps_ms, raw.keys)


def decoder_of(header: Sequence[str], dialect: Dialect | None = None, where: str = "", **options: Any) -> CsvDecoder:
    return CsvDecoder(plan_columns(header, FileOptions(**options), where=where), dialect or Dialect())


def test_a_line_is_a_trade_and_its_text_is_not_copied() -> None:
    raw = lines(GOOD, GOOD.replace(b"\n", b"\r\n"), GOOD[:-1])
    batch = decoder_of(HEADER).decode(raw)
    first, second, third = trades_of(batch)
    assert first == second == third
    assert first == {
        "symbol": b"XBTUSDT",
        "trade_id": b"10218208",
        "exchange": b"KRAKEN",
        "price": 1054336000000000,
        "size": 2762500,
        "bid": None,
        "ask": None,
        "event_time": 1_762_795_433_971_744,
        "side": BUY,
        "trade_id_number": 10218208,
    }
    assert batch.text is raw.data


def test_other_columns_in_another_order_with_another_delimiter() -> None:
    names = {"size": "qty", "event_time": "time_ms", "price": "px", "symbol": "sym"}
    decoder = decoder_of(["x", "qty", "time_ms", "px", "sym", "y"], Dialect(";"), field_map=names)
    (trade,) = trades_of(decoder.decode(lines(b"a,b;2;1700000000123;1.5;X;\n")))
    assert (trade["size"], trade["event_time"], trade["price"]) == (2 * 10**10, 1_700_000_000_123_000, 15 * 10**9)
    assert (trade["symbol"], trade["side"]) == (b"X", UNKNOWN)


@pytest.mark.parametrize(
    ("column", "unit", "text"),
    [
        ("event_time_us", "s", "1700000000000000"),
        ("event_time", "auto", "1700000000000"),
        ("event_time", "s", "1700000000"),
        ("event_time", "auto", "2023-11-14T22:13:20Z"),
        ("event_time_us", "auto", "2023-11-14 22:13:20"),
    ],
)
def test_times_by_the_name_of_their_column(column: str, unit: str, text: str) -> None:
    decoder = decoder_of([column, "symbol", "price", "size"], time_unit=unit)
    (trade,) = trades_of(decoder.decode(lines(f"{text},X,1,1\n".encode())))
    assert trade["event_time"] == 1_700_000_000_000_000


def test_quotes() -> None:
    batch = decoder_of(HEADER).decode(lines(b'"1","X","1.5","2","buy","a,b","say ""hi"""\n'))
    (trade,) = trades_of(batch)
    assert (trade["trade_id"], trade["exchange"], trade["price"]) == (b"a,b", b'say "hi"', 15 * 10**9)


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        (b"1,X,1,1,BUY,7\n", Reason.CORRUPT, "6 columns"),
        (b"1,X,1,313.7,1,BUY,7,E\n", Reason.CORRUPT, "8 columns"),
        (b'1,X,1,1,BUY,7,"E\n', Reason.CORRUPT, "a quote that isn't closed"),
        (b'1,X,1,1,BUY,7,"E"x\n', Reason.CORRUPT, "a quote"),
        (b"1,X,,1,BUY,7,E\n", Reason.MISSING_FIELD, "missing: price"),
        (b",X,1,1,BUY,7,E\n", Reason.MISSING_FIELD, "missing: event_time (event_time_us)"),
        (b"1,X,abc,1,BUY,7,E\n", Reason.BAD_VALUE, "price is 'abc'"),
        (b"1,X,1e30,1,BUY,7,E\n", Reason.OUT_OF_RANGE, "price is '1e30'"),
        (b"1,X,1,1,BUY,7," + b"E" * 70_000 + b"\n", Reason.TOO_LARGE, "exchange is 'EEE"),
        (b"1,X,1,1,BUY,7," + b"E" * 1_000_000 + b"\n", Reason.TOO_LARGE, "a line of 1000014 bytes"),
    ],
)
def test_lines_that_can_not_be_used(line: bytes, reason: Reason, words: str) -> None:
    batch = decoder_of(HEADER).decode(lines(GOOD, line, GOOD))
    assert batch.rows["offset"].tolist() == [0, 2]
    assert reasons_of(batch) == [reason]
    assert words in batch.rejects[0].detail
    assert batch.rejects[0].value == line.rstrip(b"\n")


@pytest.mark.parametrize(
    "blank",
    [b"  \n", b" \r\n\n\r\n  \n", b"\r\n", pytest.param(b" " * 1_000_000 + b"\n", marks=pytest.mark.compiled)],
)
def test_blank_lines_before_a_line_are_no_part_of_it(blank: bytes) -> None:
    batch = decoder_of(HEADER).decode(lines(GOOD, blank + GOOD, blank + b"1,X,abc,1,BUY,7,E\r\n", blank + b" 1,X\n"))
    first, second = trades_of(batch)
    assert first == second
    assert [reject.value for reject in batch.rejects] == [b"1,X,abc,1,BUY,7,E", b" 1,X"]
    assert [reject.detail[:14] for reject in batch.rejects] == ["price is 'abc'", "2 columns or a"]


def test_headers_that_can_not_be_used() -> None:
    with pytest.raises(InputError, match=r"no column price, event_time_us \(f.csv\).*the columns are symbol, size"):
        decoder_of(["symbol", "size"], where="f.csv")
    with pytest.raises(InputError, match="column price stands twice"):
        decoder_of([*HEADER, "price"])


@pytest.mark.parametrize(
    ("line", "dialect"),
    [
        (b"1762795433971744, XBTUSDT , 105433.6, 0.00027625 ,BUY,10218208, KRAKEN \n", Dialect()),
        (b'1762795433971744, "XBTUSDT" ,105433.6,0.00027625,BUY,10218208,KRAKEN\n', Dialect()),
        (GOOD[:-1] + b",\n", Dialect()),
        (GOOD[:-1] + b",, ,\n", Dialect()),
        (GOOD.replace(b",", b"   "), Dialect(" ")),
        (b"  " + GOOD.replace(b",", b" "), Dialect(" ")),
        (GOOD.replace(b",", b"\t"), Dialect("\t")),
        (GOOD.replace(b"XBTUSDT", b"'XBTUSDT'"), Dialect(quote="'")),
        (GOOD.replace(b",", b";").replace(b".", b","), Dialect(";", decimal_comma=True)),
    ],
)
def test_lines_of_other_writers(line: bytes, dialect: Dialect) -> None:
    (plain,) = trades_of(decoder_of(HEADER).decode(lines(GOOD)))
    assert trades_of(decoder_of(HEADER, dialect).decode(lines(line))) == [plain]


def test_decimal_commas_leave_texts_alone_and_thousands_are_refused() -> None:
    decoder = decoder_of(HEADER, Dialect(";", decimal_comma=True))
    batch = decoder.decode(lines(b"86400000001,5;X;1,5;2;BUY;7;a,b\n", b"1;X;1.234,5;2;BUY;7;a\n"))
    (trade,) = trades_of(batch)
    assert (trade["price"], trade["exchange"]) == (15 * 10**9, b"a,b")
    assert reasons_of(batch) == [Reason.BAD_VALUE]


def test_the_same_text_in_every_row() -> None:
    plan = plan_columns(["event_time_us", "price", "size"], FileOptions(symbol="ABC"))
    batch = CsvDecoder(plan).decode(lines(b"1,2,3\n", b"1,x,3\n", b"2,3,4\n"))
    assert [trade["symbol"] for trade in trades_of(batch)] == [b"ABC", b"ABC"]
    assert batch.rejects[0].detail == "price is 'x'"
