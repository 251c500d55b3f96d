"""A module runs as it would by itself, with its arguments and its exit code, while the collector rests."""

import subprocess
import sys
from pathlib import Path

import pytest

from processes.load import NO_DATE_TABLE
from tests.unit.house import ROOT

MODULE = """
import gc, os, sys
assert __name__ == "__main__"
print(gc.isenabled(), sys.argv[1:], sorted(os.environ.items() & {pairs}.items()) == sorted({pairs}.items()))
sys.exit(7)
"""


@pytest.fixture
def module(tmp_path: Path) -> str:
    (tmp_path / "made_up.py").write_text(MODULE.format(pairs=NO_DATE_TABLE))
    return str(tmp_path)


def test_it_runs_a_module_and_the_collector_rests(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "processes.load", "made_up", "live", "--last-words", "3"],
        cwd=ROOT,
        env={"PYTHONPATH": f"{module}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("False ['live', '--last-words', '3'] True\n", 7), done.stderr


def test_the_driver_knows_how_its_table_is_left_out() -> None:
    """Its name for it is spelt wrong, and a later version may mend that."""
    story = "from clickhouse_driver.columns import datecolumn; print(len(datecolumn.date_range))"
    done = subprocess.run([sys.executable, "-c", story], env=NO_DATE_TABLE, capture_output=True, text=True, check=False)
    assert done.stdout == "1\n", done.stderr
