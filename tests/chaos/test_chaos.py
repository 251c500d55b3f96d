"""A dozen kill points in CI: one of each kind that takes seconds, on one stack, and everything compared at the end.

The long run is ``make chaos``; this one shows that the killer and the checker work, and that the plain cases hold.
"""

import os
import random
from pathlib import Path

import pytest

from tests.chaos.__main__ import run, schedule
from tests.chaos.faults import FAULTS
from tests.servers.kafka import obstacle
from tests.servers.redis import unavailable

DOZEN = (
    "kill live", "kill history in an insert", "kill live in a script", "kill ClickHouse in an insert",
    "kill Redis in a script", "kill both", "kill the broker", "kill history", "an hour of downtime", "kill Redis",
    "kill live", "kill everything",
)  # fmt: skip


def test_a_dozen_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    if reason := obstacle():
        unavailable(reason)
    outcome = run(len(DOZEN), int(os.environ.get("SEED", "1")), tmp_path, names=list(DOZEN), say=False)
    assert not outcome.differences, "\n".join(outcome.differences[:20])
    assert outcome.kills == len(DOZEN)
    assert outcome.rows > 1000


@pytest.mark.parametrize("rounds", [1, 5, 200])
def test_a_schedule_follows_from_its_seed(rounds: int) -> None:
    names = schedule(rounds, random.Random(7))
    assert names == schedule(rounds, random.Random(7))
    assert len(names) == rounds
    assert rounds < 200 or set(names) == set(FAULTS)
