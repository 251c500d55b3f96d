"""A dozen kill points in CI, and clocks that are set, on one stack, and everything compared at the end.

It has one of each kind that takes seconds. The long run is ``make chaos``; this one shows that the killer and the
checker work, and that the plain cases hold.
"""

import os
import random
from pathlib import Path

import pytest

from tests.chaos.__main__ import run, schedule
from tests.chaos.clock import COMPILER
from tests.chaos.faults import FAULTS

pytestmark = pytest.mark.thorough

DOZEN = (
    "kill live", "kill history in an insert", "kill live in a script", "kill ClickHouse in an insert",
    "kill Redis in a script", "kill every flow", "kill the broker", "kill history", "an hour of downtime", "kill Redis",
    "kill analytics in a script", "kill alerts in an insert", "kill quotes in a script", "kill alerts", "kill quotes",
    "kill everything",
)  # fmt: skip
CLOCK = "set the clock"


def test_a_dozen_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    names = [*DOZEN[:6], CLOCK, *DOZEN[6:], CLOCK]
    if COMPILER is None:
        assert not os.environ.get("CI"), "needs a C compiler"
        names = list(DOZEN)
    outcome = run(len(names), int(os.environ.get("SEED", "1")), tmp_path, names=names, say=False)
    assert not outcome.differences, "\n".join(outcome.differences[:20])
    assert outcome.kills == len(names)
    assert outcome.rows > 1000


@pytest.mark.parametrize("rounds", [1, 5, 200])
def test_a_schedule_follows_from_its_seed(rounds: int) -> None:
    names = schedule(rounds, random.Random(7))
    assert names == schedule(rounds, random.Random(7))
    assert len(names) == rounds
    assert rounds < 200 or set(names) == set(FAULTS)
