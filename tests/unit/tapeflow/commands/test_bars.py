"""``tapeflow bars`` as a user runs it: several files, lateness, completeness, formats, accounts."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from tapeflow.cli import main

HEADER = "event_time_us,symbol,price,size,side,trade_id\n"
START_US = 1_767_571_200_000_000
MINUTE_US = 60_000_000


@pytest.fixture(autouse=True)
def in_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, *trades: tuple[float, str, str, str]) -> str:
    """Trades (minute, symbol, price, id), size 1."""
    lines = [f"{START_US + int(minute * MINUTE_US)},{symbol},{price},1,BUY,{number}\n"
             for minute, symbol, price, number in trades]  # fmt: skip
    Path(name).write_text(HEADER + "".join(lines))
    return name


def bars(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[list[tuple[str, ...]], str]:
    """(symbol, minute, close, trade count, revision, final) of each bar, and what was said."""
    assert main(["bars", *words]) == 0
    shown = capsys.readouterr()
    rows = [
        (row["symbol"], str((int(row["start_ms"]) - START_US // 1000) // 60_000), row["close"], row["trade_count"],
         row["revision"], row["final"])
        for row in csv.DictReader(io.StringIO(shown.out))
    ]  # fmt: skip
    return rows, shown.err


def test_symbol_goes_on_from_file_to_file(capsys: pytest.CaptureFixture[str]) -> None:
    one = write("1.csv", (0, "A", "5", "1"), (0.5, "B", "7", "1"))
    two = write("2.csv", (0.7, "A", "6", "2"), (3, "A", "9", "3"))
    rows, said = bars(capsys, one, two)
    assert rows == [("A", "0", "6", "2", "0", "true"), ("A", "3", "9", "1", "0", "false"),
                    ("B", "0", "7", "1", "0", "true")]  # fmt: skip
    assert "4 read = 4 applied + 0 duplicate + 0 late + 0 rejected; 3 bars" in said


def test_no_trade_of_a_file_is_too_late_unless_told(capsys: pytest.CaptureFixture[str]) -> None:
    path = write("1.csv", (0, "A", "5", "1"), (600, "A", "6", "2"), (0.5, "A", "7", "3"))
    rows, _ = bars(capsys, path)
    assert rows[0] == ("A", "0", "7", "2", "1", "true")
    rows, said = bars(capsys, path, "--lateness-ms", "60000")
    assert rows[0] == ("A", "0", "5", "1", "0", "true")
    assert "2 applied + 0 duplicate + 1 late" in said


def test_complete_input_closes_the_last_bar(capsys: pytest.CaptureFixture[str]) -> None:
    path = write("1.csv", (0, "A", "5", "1"))
    assert bars(capsys, path)[0][0][-1] == "false"
    assert bars(capsys, path, "--complete")[0][0][-1] == "true"


def test_duplicates_go_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    path = write("1.csv", (0, "A", "5", "1"), (0, "A", "5", "1"))
    assert "2 applied + 0 duplicate" in bars(capsys, path)[1]
    assert "1 applied + 1 duplicate" in bars(capsys, path, "--dedupe")[1]


def test_own_column_names(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.csv").write_text(f"ts,sym,p,q\n{START_US},A,5,2\n")
    rows, _ = bars(capsys, "mine.csv", "--field-map", "event_time=ts,symbol=sym,price=p,size=q")
    assert rows == [("A", "0", "5", "1", "0", "false")]


def test_parquet_in_and_out(capsys: pytest.CaptureFixture[str]) -> None:
    pl.DataFrame({"event_time_us": [START_US], "symbol": ["A"], "price": ["5.5"], "size": ["1"]}).write_parquet(
        "t.parquet"
    )
    assert main(["bars", "t.parquet", "--intervals", "1m,1D", "--out", "bars.parquet"]) == 0
    assert pl.read_parquet("bars.parquet")["interval"].to_list() == ["1m", "1D"]
    assert capsys.readouterr().out == ""


def test_rejects_name_file_and_row(capsys: pytest.CaptureFixture[str]) -> None:
    one = write("1.csv", (0, "A", "5", "1"))
    two = write("2.csv", (0, "A", "5", "2"), (0, "A", "-5", "3"))
    _, said = bars(capsys, one, two, "--rejects", "r.csv")
    (row,) = csv.DictReader(io.StringIO(Path("r.csv").read_text()))
    assert (row["reason"], row["file"], row["row"]) == ("price-not-positive", "2.csv", "2")
    assert "3 read = 2 applied + 0 duplicate + 0 late + 1 rejected" in said


def test_broken_file_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    one = write("1.csv", (0, "A", "5", "1"))
    Path("2.csv.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    assert main(["bars", one, "2.csv.gz", "--out", "bars.csv"]) == 2
    assert "2.csv.gz" in capsys.readouterr().err
    assert not Path("bars.csv").exists()


def test_empty_file_gives_a_header(capsys: pytest.CaptureFixture[str]) -> None:
    rows, said = bars(capsys, write("1.csv"))
    assert rows == []
    assert "0 read = 0 applied" in said


def test_ids_that_begin_anew_the_next_day_are_no_duplicates(capsys: pytest.CaptureFixture[str]) -> None:
    days = [(day, "A", "1", number) for day in (0, 1440) for number in ("1", "2", "2")]
    said = bars(capsys, write("trades.csv", *days, (1441, "A", "1", "")), "--dedupe")[1]
    assert "7 read = 5 applied + 2 duplicate + 0 late + 0 rejected (1 unjudged)" in said


@pytest.mark.parametrize(
    ("ids", "opening", "closing"),
    [
        (("8389766145050669872", "8389766145050669871", "8389766145050669873"), "2", "3"),
        (("102523573486100000002", "102523573486100000003", "102523573486100000001"), "3", "2"),
        (("00000000000000000012", "00000000000000000011", "13"), "2", "3"),
        (("10.0", "9.0", "11.0"), "2", "3"),
        ((" 10", " 9", "11 "), "2", "3"),
        (("1" + "0" * 50, "9" * 50, "1" + "0" * 51), "2", "3"),
        (("10", "9", "x"), "1", "3"),
    ],
)
def test_trades_of_one_moment_are_ordered_by_ids_of_any_length(
    capsys: pytest.CaptureFixture[str], ids: tuple[str, ...], opening: str, closing: str
) -> None:
    path = write("trades.csv", *[(0, "A", str(price + 1), each) for price, each in enumerate(ids)])
    assert main(["bars", path]) == 0
    (bar,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (bar["open"], bar["close"]) == (opening, closing)
