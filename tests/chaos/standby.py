"""Kills the leader of two live flows again and again: ``python -m tests.chaos.standby --strikes 20 --seed 7``.

Broker, redis-server and market are those of the killer beside this file, with live alone. Most strikes are SIGKILL of
all that belongs to the instance which has the lease, some of them before the other is prepared. Others stall the leader
for longer than its lease lives, or stop it in order. Time runs from the strike to the first entry of a stream that the
new leader wrote, by Redis's clock. Every few strikes keys, streams and accounts are held against the oracle: no final
bar is missing, no sequence fell. Code 1 and the differences where one is found.
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
from schemas.errors import LeaseLost
from schemas.names import deltas_stream, leader_key
from sinks.redis.lease import holder_of
from tests.chaos.clock import HostClock
from tests.chaos.world import PARTITIONS, Flow, World, accounts_of, free_ports_in_a_row, rest, until

__all__ = ["Pair", "await_leader", "await_prepared", "run", "strike"]

CHECK_EVERY: Final = 10
KILLED, EARLY, STALLED, STOPPED = "killed", "killed before the other was prepared", "stalled", "stopped"
SHARES: Final = {KILLED: 7, EARLY: 1.5, STALLED: 1, STOPPED: 1}
"""How often each strikes, as parts of the whole."""
TAKEN_S: Final = 30.0
PREPARED_S: Final = 60.0
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
        self.ports = [free_ports_in_a_row(1) for _ in range(2)]
        """Where the metrics of each are."""
        self._own_folders = own_folders
        self.logs = [log.with_suffix(f".{which}.log") for which in range(2)]

    def start(self) -> None:
        for which in range(2):
            self.start_one(which)

    def start_one(self, which: int) -> None:
        folder = self._settings.recovery_dir
        own = {"metrics_port": self.ports[which], "recovery_dir": folder / str(which)}
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


def holder(client: Any) -> str | None:
    return holder_of(client, leader_key("live"))


def await_leader(pair: Pair, client: Any, before: str | None = None) -> int:
    """Until somebody other than ``before`` has the lease; which it is."""
    deadline = time.monotonic() + TAKEN_S
    while (found := holder(client)) in (None, before) or pair.leader(found) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {TAKEN_S:g} s for a leader after {before}: {pair.last_line()}")
        rest(STEP_S)
    which = pair.leader(found)
    assert which is not None
    return which


def newest(client: Any) -> dict[int, bytes]:
    """Id of the last entry of each stream."""
    return {
        shard: (client.xrevrange(deltas_stream(shard), "+", "-", 1) or [(b"0-0", {})])[0][0]
        for shard in range(PARTITIONS)
    }


def first_behind(pair: Pair, client: Any, last: dict[int, bytes]) -> int:
    """Redis's time in ms of the first entry behind ``last``, waited for."""
    deadline = time.monotonic() + TAKEN_S
    while time.monotonic() < deadline:
        found = [client.xrange(deltas_stream(shard), b"(" + entry, "+", 1) for shard, entry in last.items()]
        times = [int(entries[0][0].split(b"-")[0]) for entries in found if entries]
        if times:
            return min(times)
        rest(STEP_S)
    raise TimeoutError(f"waited {TAKEN_S:g} s for a write: {pair.last_line()}")


def strike(pair: Pair, client: Any, how: str = KILLED) -> tuple[float, int]:
    """(ms from the strike to the first entry that the next leader wrote, which was struck). That one stays away."""
    before = holder(client)
    which = pair.leader(before)
    assert which is not None, f"nobody known leads: {before}"
    struck = pair.instances[which]
    assert struck is not None
    began_ms = time.time() * 1000
    if how == STALLED:
        signal_all(struck, signal.SIGSTOP)
        until(lambda: holder(client) not in (None, before), TAKEN_S, "the other to take the lease")
        signal_all(struck, signal.SIGCONT)
        ended, wanted = struck.wait(10), LeaseLost.exit_code
    elif how == STOPPED:
        ended, wanted = struck.stop(), 0
    else:
        struck.kill()
        ended, wanted = 0, 0
    if ended != wanted:
        pair.unexpected.append(f"live {which}, {how}, ended with {ended}: {pair.said(which)[-1:]}")
    pair.instances[which] = None
    mark = newest(client)
    await_leader(pair, client, before)
    return first_behind(pair, client, mark) - began_ms, which


def signal_all(flow: FlowProcess, number: int) -> None:
    for pid in flow.pids:
        os.kill(pid, number)


def run(strikes: int, seed: int, folder: Path, rate: int, *, own_folders: bool = False) -> int:
    """The exit code."""
    rng, rows, differences = random.Random(seed), 0, []
    took_ms: dict[str, list[float]] = {}
    make_pair = partial(Pair, own_folders=own_folders)
    with World(folder, seed=seed, rate=rate, flows=("live",), make_flow=make_pair) as world:
        pair = pair_of(world)
        which = await_leader(pair, world.client)
        until(pair.records_read, PREPARED_S, "the first work")
        for number in range(1, strikes + 1):
            (how,) = rng.choices(list(SHARES), list(SHARES.values()))
            if how != EARLY:
                await_prepared(pair, 1 - which)
            rest(rng.uniform(0.0, 1.5))
            ms, struck = strike(pair, world.client, how)
            took_ms.setdefault(how, []).append(ms)
            sys.stderr.write(f"{number:4} {how} {ms:.0f} ms\n")
            pair.start_one(struck)
            which = 1 - struck
            if number % CHECK_EVERY == 0 or number == strikes:
                verdict = world.check()
                rows += verdict.rows
                differences += verdict.differences
                sys.stderr.write(f"     {verdict}\n")
        await_prepared(pair, 1 - which)
        pair.stop()
        differences += world.unexpected()
    for line in differences[:50]:
        print(line)
    for how, times in took_ms.items():
        print(f"{how}: {len(times)}, p50 {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms")
    print(f"{strikes} strikes, {rows} rows compared, {len(differences)} differences")
    return 1 if differences else 0


def await_prepared(pair: Pair, which: int) -> None:
    until(lambda: pair.is_prepared(which), PREPARED_S, "the standby to be prepared")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.standby", description=__doc__)
    parser.add_argument("--strikes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=int, default=400, help="trades a second")
    parser.add_argument("--own-folders", action="store_true", help="recovery state of each instance for itself")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return run(options.strikes, options.seed, Path(folder), options.rate, own_folders=options.own_folders)


if __name__ == "__main__":
    sys.exit(main())
