"""Kills the leader of two live flows again and again: ``python -m tests.chaos.standby --kills 20 --seed 7``.

Broker, redis-server and market are those of the killer beside this file, with live alone. A strike is SIGKILL of all
that belongs to the instance which has the lease. A fifth of them come before the other is prepared, and a tenth stall
the leader for longer than its lease lives. Time runs from the strike to the first entry of a stream that the new leader
wrote, by Redis's clock. Every few strikes, and at the end, keys and streams are held against the oracle: no final bar
is missing, no sequence fell. Code 1 and the differences where one is found.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from schemas.names import deltas_stream, leader_key
from sinks.redis.lease import holder_of
from tests.chaos.clock import HostClock
from tests.chaos.world import PARTITIONS, Flow, World, accounts_of, free_ports_in_a_row, rest, until

__all__ = ["Pair", "run"]

CHECK_EVERY: Final = 10
COLD_SHARE: Final = 0.2
STALL_SHARE: Final = 0.1
TAKEN_S: Final = 30.0
PREPARED_S: Final = 60.0
LOST: Final = 4
STEP_S: Final = 0.002


class Pair(Flow):
    """Two instances of live as one flow of a world: what it says and does is what the one with the lease does.

    own_folders: each has recovery state of its own, as on two hosts that share no disk.
    """

    def __init__(
        self, name: str, settings: Settings, log: Path, clock: HostClock, *, own_folders: bool = False
    ) -> None:
        super().__init__(name, settings.model_copy(update={"standby": True}), log, clock)
        self.instances: list[FlowProcess | None] = [None, None]
        self._own_folders = own_folders
        self.logs = [log.with_suffix(f".{which}.log") for which in range(2)]

    def start(self) -> None:
        for which in range(2):
            self.start_one(which)

    def start_one(self, which: int) -> None:
        folder = self._settings.recovery_dir
        own = {"metrics_port": free_ports_in_a_row(1), "recovery_dir": folder / str(which)}
        settings = self._settings.model_copy(update=own if self._own_folders else own | {"recovery_dir": folder})
        with self.logs[which].open("wb") as log:
            made = self.instances[which] = FlowProcess(self.name, settings, 1, log)
            made.start()
        self.starts += 1

    def tend(self) -> None:
        """Nothing is started again by itself; an end that nobody caused is remembered."""
        for which, each in enumerate(self.instances):
            if each is not None and (code := each.poll()) is not None:
                each.wait()
                self.instances[which] = None
                self.unexpected.append(f"{self.name} {which} ended by itself with {code}: {self.said(which)[-1:]}")

    def leader(self, holder: str | None) -> int | None:
        """Which instance ``holder`` names, as the lease does; None for one that is gone."""
        for which, each in enumerate(self.instances):
            if holder and each is not None and f" pid {each.pids[0]} " in holder:
                return which
        return None

    def said(self, which: int) -> list[str]:
        return self.logs[which].read_text(errors="replace").splitlines()

    def events(self, which: int, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.said(which) if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]

    def is_prepared(self, which: int) -> bool:
        return bool(self.events(which, "standby_prepared"))

    def kill(self, pid: int | None = None) -> None:
        for which in range(2):
            self.kill_one(which)

    def kill_one(self, which: int) -> None:
        if (each := self.instances[which]) is not None:
            each.kill()
            self.instances[which] = None

    def stop(self) -> None:
        for which, each in enumerate(self.instances):
            if each is not None and (code := each.stop()):
                self.unexpected.append(f"{self.name} {which} stopped with {code}: {self.said(which)[-1:]}")
        self.instances = [None, None]

    def accounts(self) -> dict[int, dict[str, int]]:
        """Of the leader: who stands by has none."""
        found: dict[int, dict[str, int]] = {}
        for each in self.instances:
            found.update(accounts_of(each.metrics()) if each is not None else {})
        return found

    def records_read(self) -> int:
        return sum(each.get("read", 0) for each in self.accounts().values())

    def last_line(self) -> str:
        return " | ".join(line for which in range(2) for line in self.said(which)[-1:])


def pair_of(world: World) -> Pair:
    pair = world.flows["live"]
    assert isinstance(pair, Pair)
    return pair


def holder(world: World) -> str | None:
    return holder_of(world.client, leader_key("live"))


def await_leader(world: World, before: str | None = None) -> int:
    """Until somebody other than ``before`` has the lease; which it is."""
    deadline = time.monotonic() + TAKEN_S
    pair = pair_of(world)
    while (found := holder(world)) in (None, before) or pair.leader(found) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {TAKEN_S:g} s for a leader after {before}: {pair.last_line()}")
        rest(STEP_S)
    which = pair.leader(found)
    assert which is not None
    return which


def newest(world: World) -> dict[int, bytes]:
    """Id of the last entry of each stream."""
    client: Any = world.client
    return {
        shard: (client.xrevrange(deltas_stream(shard), "+", "-", 1) or [(b"0-0", {})])[0][0]
        for shard in range(PARTITIONS)
    }


def first_behind(world: World, last: dict[int, bytes]) -> int:
    """Redis's time in ms of the first entry behind ``last``, waited for."""
    client: Any = world.client
    deadline = time.monotonic() + TAKEN_S
    while time.monotonic() < deadline:
        found = [client.xrange(deltas_stream(shard), b"(" + entry, "+", 1) for shard, entry in last.items()]
        times = [int(entries[0][0].split(b"-")[0]) for entries in found if entries]
        if times:
            return min(times)
        rest(STEP_S)
    raise TimeoutError(f"waited {TAKEN_S:g} s for a write: {pair_of(world).last_line()}")


def kill_leader(world: World, number: int = signal.SIGKILL) -> tuple[float, int]:
    """(ms from the signal to the first entry that the next leader wrote, which was struck). That one stays away."""
    pair, before = pair_of(world), holder(world)
    which = pair.leader(before)
    assert which is not None, f"nobody known leads: {before}"
    struck = pair.instances[which]
    assert struck is not None
    began_ms = time.time() * 1000
    if number == signal.SIGKILL:
        pair.kill_one(which)
    else:
        for pid in struck.pids:
            os.kill(pid, number)
    if number == signal.SIGTERM:
        if code := struck.wait(10):
            pair.unexpected.append(f"live {which} stopped with {code}: {pair.said(which)[-1:]}")
        pair.instances[which] = None
    if number == signal.SIGSTOP:
        await_lease_gone(world, before)
        for pid in struck.pids:
            os.kill(pid, signal.SIGCONT)
        code = struck.wait(10)
        if code != LOST:
            pair.unexpected.append(f"live {which}, stalled, ended with {code}: {pair.said(which)[-1:]}")
        pair.instances[which] = None
    mark = newest(world)
    await_leader(world, before)
    return first_behind(world, mark) - began_ms, which


def await_lease_gone(world: World, before: str | None) -> None:
    until(lambda: holder(world) not in (None, before), TAKEN_S, "the other to take the lease")


def run(kills: int, seed: int, folder: Path, rate: int, *, own_folders: bool = False) -> int:
    """The exit code."""
    rng, rows, differences = random.Random(seed), 0, []
    warm_ms: list[float] = []
    cold_ms: list[float] = []
    stalled_ms: list[float] = []
    make_pair = partial(Pair, own_folders=own_folders)
    with World(folder, seed=seed, rate=rate, flows=("live",), make_flow=make_pair) as world:
        pair = pair_of(world)
        which = await_leader(world)
        until(pair.records_read, PREPARED_S, "the first work")
        for kill in range(1, kills + 1):
            is_cold = rng.random() < COLD_SHARE
            if not is_cold:
                other = 1 - which
                until(lambda other=other: pair.is_prepared(other), PREPARED_S, "the standby to be prepared")
            rest(rng.uniform(0.0, 1.5))
            is_stall = not is_cold and rng.random() < STALL_SHARE
            took_ms, struck = kill_leader(world, signal.SIGSTOP if is_stall else signal.SIGKILL)
            (stalled_ms if is_stall else cold_ms if is_cold else warm_ms).append(took_ms)
            taken = pair.events(1 - struck, "lease_acquired")
            sys.stderr.write(
                f"{kill:4} {'stalled' if is_stall else 'cold' if is_cold else 'warm'} {took_ms:.0f} ms,"
                f" {taken[-1].get('waited_s') if taken else '?'} s waited\n"
            )
            pair.start_one(struck)
            which = 1 - struck
            if kill % CHECK_EVERY == 0 or kill == kills:
                verdict = world.check()
                rows += verdict.rows
                differences += verdict.differences
                sys.stderr.write(f"     {verdict}\n")
        until(lambda: pair.is_prepared(1 - which), PREPARED_S, "the standby to be prepared")
        pair.stop()
        differences += world.unexpected()
    for line in differences[:50]:
        print(line)
    for name, times in (("prepared", warm_ms), ("not yet prepared", cold_ms), ("leader stalled", stalled_ms)):
        if times:
            print(f"{name}: {len(times)} takeovers, p50 {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms")
            print("  " + " ".join(f"{each:.0f}" for each in sorted(times)))
    print(f"{kills} kills, {rows} rows compared, {len(differences)} differences")
    return 1 if differences else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.standby", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=int, default=400, help="trades a second")
    parser.add_argument("--own-folders", action="store_true", help="recovery state of each instance for itself")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run(options.kills, options.seed, Path(folder), options.rate, own_folders=options.own_folders)


if __name__ == "__main__":
    sys.exit(main())
