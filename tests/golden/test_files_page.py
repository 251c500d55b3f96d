"""The page about trade files: each of its commands is run as it stands there, and its table is that of the layouts."""

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from connectors.values.layouts import LAYOUTS
from tapeflow.cli import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "files.md").read_text("utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
HEADER = "event_time_us,symbol,price,size,side,trade_id\n"
OWN = HEADER + "1714521600000000,AAA,1.5,2,BUY,1\n1714521660000000,AAA,1.6,1,SELL,2\n"
SHELL = re.compile(r"^\w+=|[|<>$*~&;`]")
"""What asks something of bash. A command without any runs in this process: starting one takes a second."""
RUN = "import sys; from tapeflow.cli import main; sys.exit(main())"
BINANCE = "1,0.25,12,3,1714521600011,False,True\n2,0.26,4,1.04,1714521600012,True,True\n"
AGGREGATED = "1,0.25,12,3,3,1714521600011,False,True\n2,0.26,4,4,5,1714521600012,True,True\n"
MESSAGES = "34200.017459617,5,0,1,2238200,-1\n34200.1,1,77,9,2238300,1\n34200.189607670,4,11885113,21,2238100,1\n"
SECONDS = "1714521600,1.5,2,more\n1714521601,1.6,1,more\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with every file that the page names."""
    (tmp_path / "trades.csv").write_text(OWN)
    (tmp_path / "trades.csv.gz").write_bytes(gzip.compress(OWN.encode()))
    (tmp_path / "trades").mkdir()
    (tmp_path / "trades" / "part-0.csv").write_text(OWN)
    with zipfile.ZipFile(tmp_path / "BTCUSDT-trades-2024-05-01.zip", "w") as archive:
        archive.writestr("BTCUSDT-trades-2024-05-01.csv", BINANCE)
    (tmp_path / "BTCUSDT-aggTrades-2024-05-01.csv").write_text(AGGREGATED)
    (tmp_path / "latin.csv").write_bytes(
        (OWN.replace("trade_id", "exchange").replace("BUY,1", "BUY,é")).encode("latin-1")
    )
    (tmp_path / "headerless.csv").write_text(SECONDS)
    (tmp_path / "BTC-USD.csv").write_text(SECONDS)
    (tmp_path / "own.csv").write_text("ts,px,qty\n1714521600,1.5,2\n")
    (tmp_path / "kraken.csv.gz").write_bytes(gzip.compress(b"1381095255,123.61000,0.10000000\n"))
    for name in ("AAPL_2012-06-21_34200000_57600000_message_10.csv", "messages.csv"):
        (tmp_path / name).write_text(MESSAGES)
    import polars as pl

    frame = pl.read_csv(tmp_path / "trades.csv")
    for name in ("day1.parquet", "day2.parquet"):
        frame.write_parquet(tmp_path / name)
    program = tmp_path / "tapeflow"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{RUN}" "$@"\n')
    program.chmod(0o755)
    return tmp_path


def check_account(command: str, code: int, said: str) -> None:
    assert code == 0, said
    refused = 1 if "messag" in command else 0
    assert re.search(rf"[1-9]\d* read = [1-9]\d* applied \+ .* \+ {refused} rejected", said), said


@pytest.mark.skipif(shutil.which("bash") is None, reason="the page's commands are those of bash")
@pytest.mark.parametrize("command", [each for each in COMMANDS if SHELL.search(each)])
def test_commands_of_the_page_work(command: str, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    check_account(command, done.returncode, done.stderr)


@pytest.mark.parametrize("command", [each for each in COMMANDS if not SHELL.search(each)])
def test_commands_that_are_words_alone_work(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    program, *words = shlex.split(command, comments=True)
    assert program == "tapeflow"
    check_account(command, main(words), capfd.readouterr().err)


def test_the_table_of_the_page_is_that_of_the_layouts() -> None:
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)
    assert [(name, what) for name, what, _ in rows] == [(each.name, each.what) for each in LAYOUTS]
    for (_, _, columns), each in zip(rows, LAYOUTS, strict=True):
        assert columns == ", ".join(f"`{name}`" for name in each.columns)
