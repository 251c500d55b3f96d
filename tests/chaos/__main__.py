"""Kills everything at random and compares with the oracle: ``make chaos ROUNDS=5``, ``SEED=N`` to repeat a schedule.

One stack for the whole run; after every few faults the tape pauses and everything is compared. The last line is
``N kills, M rows compared, D differences``; exit code 1 if there was a difference. The seed is printed first.
"""

import argparse
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from tests.chaos.clock import COMPILER
from tests.chaos.faults import FAULTS
from tests.chaos.world import EVERY_FLOW, World, rest
from tests.servers.kafka import jars
from tests.servers.needs import require
from tests.servers.redis import redis_binary

__all__ = ["Outcome", "main", "run"]

ROUNDS: Final = 200
CHECK_EVERY: Final = 25
CORRUPT_SHARE: Final = 0.15
SCHEMA_SHARE: Final = 0.1
AWAIT_SHARE: Final = 0.5


class Outcome:
    """What a run found."""

    def __init__(self) -> None:
        self.kills = 0
        self.rows = 0
        self.differences: list[str] = []
        self.by_fault: Counter[str] = Counter()
        self.recoveries_s: list[float] = []

    def __str__(self) -> str:
        return f"{self.kills} kills, {self.rows} rows compared, {len(self.differences)} differences"


def schedule(rounds: int, rng: random.Random) -> list[str]:
    """Names of faults: every kind as often as its weight says, each at least once in a long run, shuffled."""
    total = sum(weight for _, weight in FAULTS.values())
    names = [name for name, (_, weight) in FAULTS.items() for _ in range(max(1, round(weight * rounds / total)))]
    rng.shuffle(names)
    while len(names) < rounds:
        names.append(rng.choice(list(FAULTS)))
    return names[:rounds]


def run(rounds: int, seed: int, folder: Path, *, check_every: int = CHECK_EVERY, names: list[str] | None = None,
        say: bool = True) -> Outcome:  # fmt: skip
    """Strike ``rounds`` times. ``names`` replaces the schedule."""
    rng, done = random.Random(seed), Outcome()
    with World(folder, seed=seed, flows=EVERY_FLOW) as world:
        for flow in world.flows.values():
            flow.await_up()
        for number, name in enumerate(names or schedule(rounds, rng), 1):
            rest(rng.uniform(0.1, 1.5))
            if world.users is not None:
                world.users.stir()
            if rng.random() < CORRUPT_SHARE:
                world.tape.send_corrupt(rng.randrange(10, 60))
            if rng.random() < SCHEMA_SHARE:
                world.tape.change_schema()
            began = time.monotonic()
            FAULTS[name][0](world, rng)
            done.kills += 1
            done.by_fault[name] += 1
            if rng.random() < AWAIT_SHARE:
                for flow in world.flows.values():
                    flow.await_up()
            for flow in world.flows.values():
                flow.tend()
            if say:
                sys.stderr.write(f"{number:4} {name} ({time.monotonic() - began:.1f} s)\n")
            if number % check_every == 0 or number == rounds:
                took = time.monotonic()
                verdict = world.check()
                done.rows += verdict.rows
                done.differences += verdict.differences
                if say:
                    sys.stderr.write(f"     {verdict} ({time.monotonic() - took:.1f} s)\n")
        done.differences += world.unexpected()
        for flow in world.flows.values():
            flow.stop()
            done.recoveries_s += flow.recoveries_s
    return done


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often to strike")
    parser.add_argument("--seed", type=int, default=None, help="repeat the schedule of an earlier run")
    options = parser.parse_args()
    require("chaos", jars, redis_binary)
    seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
    print(f"seed {seed}", flush=True)
    if COMPILER is None:
        print("no C compiler (apt install gcc libc6-dev): the workers' clock is left alone", flush=True)
    parent = Path(".cache/chaos").absolute()
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{seed}-"))
    began = time.monotonic()
    outcome = run(options.rounds, seed, folder)
    for line in outcome.differences[:50]:
        print(line)
    if outcome.differences:
        print(f"data and logs are kept in {folder}; SEED={seed} repeats the schedule")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    recoveries = sorted(outcome.recoveries_s) or [0.0]
    middle, slowest = recoveries[len(recoveries) // 2], recoveries[-1]
    print(", ".join(f"{count} {name}" for name, count in outcome.by_fault.most_common()))
    print(
        f"{time.monotonic() - began:.0f} s, {len(recoveries)} recoveries measured,"
        f" half within {middle:.1f} s, slowest {slowest:.1f} s"
    )
    print(outcome)
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    sys.exit(main())
