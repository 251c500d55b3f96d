"""What a soak calls growth: a rise that goes on, not a jump while caches fill, nor noise, nor data."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.__main__ import grown, slope_per_hour

HOURS = 2
ROOT = Path(__file__).parents[2]
STOP_S = 60
TIMES = range(0, HOURS * 3600, 20)


def series(rise_per_hour: float, warm_up: float = 0.0) -> list[tuple[float, float]]:
    """200 MB that rise, with noise and jumps of a few samples; ``warm_up`` comes within the first quarter."""
    chance = random.Random(1)
    return [
        (
            float(at),
            200 + rise_per_hour * at / 3600 + min(at / 1800, 1) * warm_up + chance.gauss(0, 5)
            + (300 if at % 1000 == 0 else 0),
        )
        for at in TIMES
    ]  # fmt: skip


def test_a_slope_is_found_through_noise() -> None:
    assert slope_per_hour(series(60)) == pytest.approx(60, abs=3)
    assert slope_per_hour(series(0, warm_up=100)) == pytest.approx(0, abs=3)
    assert slope_per_hour([(0.0, 1.0)]) == 0


@pytest.mark.parametrize(
    ("kind", "name", "rise", "warm_up", "grows"),
    [
        ("memory_mb", "flow live", 60, 0, True),
        ("memory_mb", "flow live", 5, 0, False),
        ("memory_mb", "flow live", 0, 300, False),
        ("disk_mb", "recovery", 60, 0, True),
        ("disk_mb", "kafka", 600, 0, False),
    ],
)
def test_what_counts_as_growth(kind: str, name: str, rise: float, warm_up: float, grows: bool) -> None:
    assert grown(kind, name, series(rise, warm_up)) is grows


@pytest.mark.thorough
def test_ctrl_c_ends_it_with_a_line() -> None:
    words = [sys.executable, "-m", "tests.soak", "--hours", "0.25"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as soak:
        # It samples at once, and again when its wait ends.
        with pytest.raises(subprocess.TimeoutExpired):
            soak.communicate(timeout=8)
        soak.send_signal(signal.SIGINT)
        out, errors = soak.communicate(timeout=STOP_S)
    assert soak.returncode == 130
    assert out.splitlines()[-1] == "stopped by Ctrl-C, and nothing proved"
    assert errors == ""
