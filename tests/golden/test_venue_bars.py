"""The venues' own bars, to the last digit: ``tapeflow bars`` over recordings, every field that the source gives.

The recordings lie beside the project (TAPEFLOW_TEST_DATA, else ../shared/data) and are no part of it: where they are
missing these tests have nothing to compare; the golden files of this folder are always compared.
"""

import csv
import gzip
import io
import os
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from tapeflow.cli import main

HERE = Path(__file__).parent
DATA = Path(os.environ.get("RECORDINGS") or HERE.parents[2] / "shared" / "data")
FIELDS = ("open", "high", "low", "close", "volume", "quote_volume", "trade_count", "buy_volume")


class Recording(NamedTuple):
    """``cut``: minutes at the capture's edges that it holds only in part, first and last."""

    folder: str
    trades: str
    bars: str
    matches: int
    read: int
    rejected: int = 0
    cut: tuple[bool, bool] = (False, False)


RECORDINGS = (
    Recording("comex_gold", "trades.csv.gz", "bars_1m.csv.gz", 4_681, 157_822),
    Recording("binance_trxusdt", "trades.csv.gz", "bars_1m.csv", 16, 10_000, rejected=1, cut=(False, True)),
    Recording("kraken_xbtusdt", "trades.csv", "bars_1m.csv", 273, 1_000, cut=(True, False)),
)


def rows_of(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    text = gzip.decompress(data).decode() if path.suffix == ".gz" else data.decode()
    return list(csv.DictReader(io.StringIO(text)))


def bars_by_key(rows: list[dict[str, str]]) -> dict[tuple[str, int], dict[str, str]]:
    return {(row["symbol"], int(row["start_ms"])): row for row in rows}


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.folder)
def test_bars_equal_those_of_the_venue(
    recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DATA / recording.folder
    if not folder.is_dir():
        pytest.skip(f"needs the recordings at {DATA}")
    out, rejects = tmp_path / "bars.csv", tmp_path / "rejects.csv"
    options = ["--intervals", "1m", "--complete", "--out", str(out), "--rejects", str(rejects)]
    assert main(["bars", str(folder / recording.trades), *options]) == 0
    applied = recording.read - recording.rejected
    account = f"{recording.read} read = {applied} applied + 0 duplicate + 0 late + {recording.rejected} rejected"
    assert account in capsys.readouterr().err
    ours, theirs = bars_by_key(rows_of(out)), bars_by_key(rows_of(folder / recording.bars))
    starts = sorted({start for _, start in ours})
    first, last = starts[recording.cut[0]], starts[-1 - recording.cut[1]]
    held = {key for key in theirs if first <= key[1] <= last}
    whole = held & ours.keys()
    # Minutes without trades: some venues print a flat bar there, we none.
    assert all(Decimal(theirs[key]["volume"]) == 0 and theirs[key]["trade_count"] == "0" for key in held - whole)
    assert {key for key in ours if first <= key[1] <= last} <= held
    differences = [
        f"{key} {field}: {ours[key][field]}, not {theirs[key][field]}"
        for key in sorted(whole)
        for field in FIELDS
        if theirs[key][field] != "" and Decimal(ours[key][field]) != Decimal(theirs[key][field])
    ]
    assert differences == []
    assert len(whole) == recording.matches
    assert len(rows_of(rejects)) == recording.rejected


def test_price_of_zero_is_the_one_reject_of_the_capture(tmp_path: Path) -> None:
    folder = DATA / "binance_trxusdt"
    if not folder.is_dir():
        pytest.skip(f"needs the recordings at {DATA}")
    rejects = tmp_path / "rejects.csv"
    main(["bars", str(folder / "trades.csv.gz"), "--out", str(tmp_path / "b.csv"), "--rejects", str(rejects)])
    (row,) = rows_of(rejects)
    assert (row["reason"], row["file"]) == ("price-not-positive", str(folder / "trades.csv.gz"))
    assert "548331095" in row["record"]


def test_golden_trades_give_the_golden_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, rejects = tmp_path / "bars.csv", tmp_path / "rejects.csv"
    options = ["--intervals", "1m,5m,1D,1W", "--dedupe", "--out", str(out), "--rejects", str(rejects)]
    assert main(["bars", str(HERE / "trades.csv"), *options]) == 0
    assert out.read_text() == (HERE / "bars.csv").read_text()
    assert rejects.read_text().replace(str(HERE) + "/", "") == (HERE / "rejects.csv").read_text()
    assert "17 read = 10 applied + 1 duplicate + 0 late + 6 rejected" in capsys.readouterr().err
