"""Loses one part after the other and brings it back by the documented commands: ``make drill``.

Live and history run on a real broker, redis-server and the embedded ClickHouse, over a seeded market. Each loss is
mended as docs/drill.md says, with the commands of the product; the time counts from the first command until both flows
have read all there is. Then ``tapeflow verify`` must be clean, and the stores must equal the oracle. It prints
the table of docs/drill.md and ends with code 1 if anything differed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between
from flows.reading import read_options
from processes.runner import worker_environment
from runtime.settings.whole import Settings
from schemas.names import TRADES_TOPIC
from sinks.clickhouse.connection import connect
from tests.chaos.faults import tickers
from tests.chaos.tape import Tape
from tests.chaos.world import PARTITIONS, Flow, World, until
from tests.servers.kafka import jars
from tests.servers.needs import require
from tests.servers.redis import redis_binary

__all__ = ["LOSSES", "Loss", "main", "run"]

SEED: Final = 5
RECORDS: Final = 4_000
COMMAND: Final = "import sys; from tapeflow.cli import main; sys.exit(main())"
COMMAND_S: Final = 170.0
BACK_S: Final = 60.0


@dataclass
class Loss:
    """One row of the table. ``steps``: what is done, a line each; ``lost``: what doesn't come back."""

    name: str
    steps: list[str]
    took_s: float
    lost: str
    verify: str
    differences: list[str]


class VerifiedWorld(World):
    """Each symbol lies in one partition, so that ``tapeflow verify`` finds nothing to say."""

    def make_tape(self, *, doubled: bool) -> Tape:
        return super().make_tape(doubled=False)


class Drill:
    """A world, and a backup that was taken beside its running flows."""

    def __init__(self, world: World, say: Callable[[str], None]) -> None:
        self.world, self._say = world, say
        self.settings: Settings = world.settings
        self.place = world.folder / "backup"
        self.steps: list[str] = []
        self.log_is_new = False
        """The topic was made anew: what the oracle took from the old one can't be asked for again."""

    def command(self, *words: str) -> str:
        """``tapeflow WORDS`` as an operator types it; gives what it says. Raises RuntimeError when it fails."""
        self.step(f"tapeflow {' '.join(words)}".replace(str(self.world.folder) + "/", ""))
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *words], env=worker_environment(self.settings), capture_output=True,
            text=True, check=False, timeout=COMMAND_S,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"tapeflow {words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def step(self, words: str) -> None:
        self._say(f"    {words}")
        self.steps.append(words)

    def stop(self, *flows: str) -> None:
        self.step(f"stop {' and '.join(flows)}")
        for name in flows:
            self.world.flows[name].stop()

    def start(self, *flows: str) -> None:
        self.step(f"start {' and '.join(flows)}")
        for name in flows:
            self.world.flows[name].start()
            self.world.flows[name].await_up()

    def move_away(self, *flows: str) -> None:
        self.step(f"move away recovery/{' and recovery/'.join(flows)}")
        for name in flows:
            shutil.rmtree(self.settings.recovery_dir / name)


def lose_redis(drill: Drill) -> str:
    """It comes back empty; the running flow notices, and a rebuild brings old final bars."""
    before = tickers(drill.world)
    drill.world.redis.restart(crash=True, keep_data=False)
    drill.world.was_wiped = True
    drill.step("start Redis: tickers and open bars come back by themselves")
    until(lambda: tickers(drill.world) >= before, BACK_S, f"{before} tickers to come back")
    drill.stop("live")
    drill.move_away("live")
    drill.start("live")
    return "users' watchlists and reports; the fan-out streams begin anew, so clients get whole states"


def lose_recovery(drill: Drill) -> str:
    """The host is gone, and its recovery folder with it."""
    for flow in drill.world.flows.values():
        flow.kill()
    shutil.rmtree(drill.settings.recovery_dir)
    drill.command("restore", str(drill.place))
    drill.start("live", "history")
    return "nothing"


def lose_clickhouse(drill: Drill) -> str:
    """Every table is gone; what came after the backup is written again from the log."""
    drill.world.flows["history"].kill()
    client = connect(drill.settings.clickhouse_dsn)
    client.execute(f"DROP DATABASE {drill.settings.clickhouse_database} SYNC")
    client.disconnect()
    drill.move_away("history")
    drill.command("restore", str(drill.place), "--flows", "history")
    drill.start("history")
    return "nothing, while Kafka holds what came after the backup"


def lose_topic(drill: Drill) -> str:
    """The broker's data is gone, the topic is made anew, and its offsets begin at 0 again."""
    world, topics = drill.world, [TRADES_TOPIC, drill.settings.dead_letter_topic]
    world.tape.pause()
    drill.stop("live", "history")
    admin = AdminClient({"bootstrap.servers": world.broker.bootstrap})
    for deleted in admin.delete_topics(topics).values():
        deleted.result(BACK_S)
    until(lambda: not set(topics) & set(admin.list_topics(timeout=10).topics), BACK_S, "the topics to be gone")
    drill.step("create the topics; set TAPEFLOW_SOURCE_EPOCH=1")
    world.broker.make_topic(TRADES_TOPIC, PARTITIONS, {"retention.ms": "-1"})
    world.broker.make_topic(drill.settings.dead_letter_topic)
    drill.move_away("live", "history")
    drill.settings = drill.settings.model_copy(update={"source_epoch": 1})
    world.flows = {name: Flow(name, drill.settings, world.folder / f"{name}.log", world.clock) for name in world.flows}
    drill.log_is_new = True
    world.tape.resume()
    world.tape.send(RECORDS)
    drill.start("live", "history")
    return "records that no flow had read; the first bar of each interval behind the cut is never final"


LOSSES: Final[dict[str, Callable[[Drill], str]]] = {
    "Redis": lose_redis,
    "the recovery folder": lose_recovery,
    "ClickHouse's tables": lose_clickhouse,
    "the broker's data": lose_topic,
}


def run(folder: Path, names: Sequence[str], say: Callable[[str], None], records: int = RECORDS) -> list[Loss]:
    """Each loss in turn; ``say`` gets a line for each step."""
    found = []
    with VerifiedWorld(folder, seed=SEED, rate=400) as world:
        for flow in world.flows.values():
            flow.await_up()
        world.tape.send(records)
        drill = Drill(world, say)
        say("a backup, while both flows run")
        say(f"    {drill.command('backup', str(drill.place))}")
        world.tape.send(records)
        for name in names:
            say(f"losing {name}")
            found.append(_mended(drill, name))
            world.tape.send(records)
        for flow in world.flows.values():
            flow.stop()
    return found


def _mended(drill: Drill, name: str) -> Loss:
    drill.steps = []
    began = time.monotonic()
    lost = LOSSES[name](drill)
    drill.world.tape.pause()
    ends = ranges_between(read_options(drill.settings), Position("earliest"), Position("latest"))
    records = sum(end for _, end in ends.values())
    for flow in drill.world.flows.values():
        until(lambda flow=flow: flow.records_read() >= records, BACK_S, f"{flow.name} to read all")
    took_s = time.monotonic() - began
    steps = list(drill.steps)
    differences = list(drill.world.unexpected())
    if not drill.log_is_new:
        differences += drill.world.check().differences
        drill.world.tape.pause()
    verify = drill.command("verify")
    drill.world.tape.resume()
    return Loss(name, steps, took_s, lost, verify, differences)


def table(found: Sequence[Loss]) -> str:
    lines = ["| lost | commands | whole again after | lost for good | `tapeflow verify` |", "|---|---|---|---|---|"]
    for each in found:
        steps = "; ".join(f"`{step}`" if step.startswith("tapeflow") else step for step in each.steps)
        lines.append(f"| {each.name} | {steps} | {each.took_s:.1f} s | {each.lost} | {each.verify} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--lose", action="append", choices=list(LOSSES), help="only this; may be given again")
    parser.add_argument("--records", type=int, default=RECORDS, help="sent before each loss, beside the running market")
    options = parser.parse_args()
    require("drill", jars, redis_binary)
    parent = Path(".cache/drill").absolute()
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    found = run(folder, options.lose or list(LOSSES), lambda line: print(line, flush=True), options.records)
    print(f"\n{table(found)}\n")
    differences = [f"{each.name}: {line}" for each in found for line in each.differences]
    for line in differences[:50]:
        print(line)
    if differences:
        print(f"data and logs are kept in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{len(found)} losses mended, 0 differences")
    return 0


if __name__ == "__main__":
    sys.exit(main())
