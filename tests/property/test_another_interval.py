"""Another interval is one more line in schemas/intervals.py: a copy of the project with it passes its own tests.

The copy is what a contributor would have. Its kernels run as plain Python, where an index beyond the end of a row is an
error; compiled, it would write into whatever lies behind.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.house import PACKAGES, ROOT

pytestmark = [pytest.mark.long, pytest.mark.thorough]

FIFTEEN_MINUTES = '    Interval("15m", 15 * MINUTE_US),\n'
HALF_AN_HOUR = '    Interval("30m", 30 * MINUTE_US),\n'
TESTS = (
    "tests/unit/core", "tests/unit/sinks", "tests/unit/flows/test_conflation.py", "tests/unit/flows/test_live.py",
    "tests/unit/flows/test_bars.py", "tests/unit/gateway/ws/dialects", "tests/unit/gateway/rest/test_ohlc.py",
    "tests/unit/oracle/test_truth.py", "tests/unit/oracle/test_comparison.py",
    "tests/property/test_shard_laws.py", "tests/property/test_repair_law.py",
)  # fmt: skip
OTHER_STATE = "tests/unit/core/bars/test_seen_ids.py::test_a_state_of_version_2_opens"
"""A state of seven intervals, which a program of eight refuses."""


@pytest.mark.compiled
def test_the_laws_hold_with_an_eighth_interval(tmp_path: Path) -> None:
    for name in (*PACKAGES, "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    table = tmp_path / "schemas" / "intervals.py"
    text = table.read_text("utf-8")
    assert FIFTEEN_MINUTES in text
    table.write_text(text.replace(FIFTEEN_MINUTES, FIFTEEN_MINUTES + HALF_AN_HOUR), "utf-8")
    run = subprocess.run(
        [sys.executable, *["-m", "pytest", "-q", "-p", "no:cacheprovider", "--deselect"], OTHER_STATE, *TESTS],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    assert int(re.search(r"(\d+) passed", run.stdout)[1]) > 300, run.stdout[-400:]
