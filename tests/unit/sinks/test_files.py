"""Files of bars and refused records: columns, order, plain decimals, whole or not at all."""

import csv
import gzip
import io
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from kernels.decimal_text import to_limbs, to_pair, units
from schemas.columns import BAR, BarBatch
from schemas.errors import InputError
from schemas.rejects import Reason, Reject
from sinks.files import BAR_COLUMNS, REJECT_COLUMNS, BarTable, RejectTable, check_output

MINUTE_US = 60_000_000


def batch(*bars: tuple[str, int, int, str], revision: int = 0, final: int = 1, volume: str = "2") -> BarBatch:
    """Bars (symbol, interval, minute, close)."""
    names = sorted({symbol for symbol, *_ in bars}, reverse=True)
    rows = np.zeros(len(bars), BAR)
    for row, (symbol, interval, minute, close) in zip(rows, bars, strict=True):
        row["symbol"], row["interval"], row["start_us"] = names.index(symbol), interval, minute * MINUTE_US
        for name in ("open", "high", "low", "close", "vwap"):
            row[f"{name}_hi"], row[f"{name}_lo"] = to_pair(units(close))
        row["volume_hi"], row["volume_lo"] = to_pair(units(volume))
        row["has_vwap"] = Decimal(volume) > 0
        row["quote_volume"] = to_limbs(units(close) * units(volume))
        row["trade_count"], row["revision"], row["final"] = 3, revision, final
    return BarBatch(names, rows)


def read(path: Path) -> list[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def write(path: Path, *batches: BarBatch, intervals: tuple[int, ...] = (0, 1)) -> Path:
    table = BarTable(intervals)
    for each in batches:
        table.add(each)
    table.write(str(path))
    return path


def test_columns_are_those_of_the_contract_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "bars.csv", batch(("B", 0, 1, "0.10"), volume="0"))
    assert path.read_text().splitlines() == [
        "symbol,interval,start_ms,open,high,low,close,volume,quote_volume,vwap,trade_count,buy_volume,revision,final",
        "B,1m,60000,0.1,0.1,0.1,0.1,0,0,,3,0,0,true",
    ]
    assert path.read_text().splitlines()[0] == ",".join(BAR_COLUMNS)


def test_bars_are_sorted_by_symbol_interval_and_start(tmp_path: Path) -> None:
    bars = batch(("B", 1, 5, "1"), ("A", 1, 0, "1"), ("B", 0, 7, "1"), ("A", 0, 10, "1"), ("A", 0, 9, "1"))
    found = [(row["symbol"], row["interval"], int(row["start_ms"])) for row in read(write(tmp_path / "b.csv", bars))]
    assert found == [("A", "1m", 540_000), ("A", "1m", 600_000), ("A", "5m", 0), ("B", "1m", 420_000),
                     ("B", "5m", 300_000)]  # fmt: skip


def test_only_the_newest_revision_is_written(tmp_path: Path) -> None:
    first, second = batch(("A", 0, 1, "1")), batch(("A", 0, 1, "2"), revision=1)
    (row,) = read(write(tmp_path / "b.csv", first, batch(("B", 1, 5, "3")), second, intervals=(0,)))
    assert (row["close"], row["revision"]) == ("2", "1")


def test_symbols_are_told_apart_over_batches_with_other_codes(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "b.csv", batch(("A", 0, 1, "1")), batch(("B", 0, 1, "2"), ("A", 0, 2, "3"))))
    assert [(row["symbol"], row["close"]) for row in rows] == [("A", "1"), ("A", "3"), ("B", "2")]


def test_huge_numbers_keep_every_digit(tmp_path: Path) -> None:
    price, volume = "999999999999999999.9999999999", "123456789012345678.0000000001"
    (row,) = read(write(tmp_path / "b.csv", batch(("A", 0, 1, price), volume=volume)))
    assert (row["high"], row["volume"]) == (price, volume)
    assert units(row["quote_volume"], 20) == units(price) * units(volume)


def test_no_bar_gives_a_header_only(tmp_path: Path) -> None:
    assert read(write(tmp_path / "b.csv")) == []


def test_same_bars_give_the_same_packed_bytes(tmp_path: Path) -> None:
    one, other = (write(tmp_path / name, batch(("A", 0, 1, "1"))) for name in ("a.csv.gz", "b.csv.gz"))
    assert one.read_bytes() == other.read_bytes()
    assert read(one)[0]["close"] == "1"


def test_parquet_has_exact_types(tmp_path: Path) -> None:
    frame = pl.read_parquet(write(tmp_path / "b.parquet", batch(("A", 0, 1, "0.0000000001"), volume="0")))
    assert frame.columns == list(BAR_COLUMNS)
    assert frame.schema["close"] == pl.Decimal(38, 10)
    assert frame["close"][0] == Decimal("0.0000000001")
    assert frame["vwap"][0] is None
    assert frame["final"][0] is True


def test_sum_too_wide_for_parquet_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"38 digits.*write \.csv instead"):
        write(tmp_path / "b.parquet", batch(("A", 0, 1, "9" * 18), volume="9" * 18))
    assert list(tmp_path.iterdir()) == []


def test_old_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "b.parquet"
    path.write_text("old")
    with pytest.raises(InputError):
        write(path, batch(("A", 0, 1, "9" * 18), volume="9" * 18))
    assert path.read_text() == "old"


def test_rejects_say_where_they_come_from(tmp_path: Path) -> None:
    table = RejectTable(lambda reject: ("a.csv", reject.offset + 1))
    table.add(Reject(Reason.PRICE_NOT_POSITIVE, "price is 0", "t", 0, 4, -1, None, b'1,"A, B",0'))
    table.add(Reject(Reason.CORRUPT, "not text", "t", 0, 5, -1, None, b"\xff\n"))
    assert table.write(str(tmp_path / "r.csv")) == 2
    rows = read(tmp_path / "r.csv")
    assert list(rows[0]) == list(REJECT_COLUMNS)
    assert rows[0] == {"reason": "price-not-positive", "detail": "price is 0", "file": "a.csv", "row": "5",
                       "record": '1,"A, B",0'}  # fmt: skip
    assert rows[1]["record"] == "\\xff\n"


def test_rejects_as_parquet(tmp_path: Path) -> None:
    table = RejectTable(lambda reject: ("a.csv", reject.offset))
    table.add(Reject(Reason.BAD_SYMBOL, "d", "t", 0, 4, -1, None, None))
    table.write(str(tmp_path / "r.parquet"))
    assert pl.read_parquet(tmp_path / "r.parquet")["row"].to_list() == [4]


@pytest.mark.parametrize(("name", "words"), [("", "it is a folder"), ("no/where.csv", "no such folder")])
def test_place_that_cannot_be_written_is_said_beforehand(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_output(str(tmp_path / name))


def test_standard_output_takes_csv(capsys: pytest.CaptureFixture[str]) -> None:
    table = BarTable((0,))
    table.add(batch(("A", 0, 1, "1")))
    assert table.write("-") == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("A,1m,60000,1,")
