"""How long a flow is away after kill -9, and how long its orderly stop takes, by the number of symbols in its state.

``python -m bench.recovery --json FILE``. Both flows read a steady feed after they caught up with a topic in which every
symbol has traded. Each is killed and started again at once, ROUNDS times, then stopped. Time runs from the start of the
new process to the first effect that a reader can see (live: an entry in a stream of Redis; history: a new row in
ClickHouse), everything included: interpreter, compiled kernels, state, broker. ``--standby`` kills live alone where
another instance stands by, and counts from the kill.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
from clickhouse_driver import Client

from bench.latency import plain, produce, start
from bench.report import Figure, commit, write
from bench.rig import PARTITIONS, Rig, fill_topic, servers
from processes.runner import FlowProcess
from processes.warm import compile_kernels
from runtime.settings.whole import Settings
from schemas.names import TRADES_TABLE, deltas_stream

DATABASE = "bench_recovery"
COUNTS = (100, 1_000, 20_000)
RATE = 1_000
CAUGHT_UP_S = 120.0
STANDBY_PORT = 29_470
KEPT_S = 5.0
"""Until an epoch with the whole state is kept."""


def newest_entry(client: Any) -> str:
    """Of all streams; ids are times, so the greatest is the newest."""
    ids: list[str] = [
        client.xinfo_stream(deltas_stream(shard))["last-generated-id"].decode() for shard in range(PARTITIONS)
    ]
    return max(ids, key=lambda entry: tuple(map(int, entry.split("-"))))


def rows(dsn: str) -> int:
    client = Client.from_url(dsn)
    found: int = client.execute(f"SELECT uniqExact(kafka_partition, kafka_offset) FROM {DATABASE}.{TRADES_TABLE}")[0][0]
    client.disconnect()
    return found


def until_changed(look: Callable[[], Any]) -> None:
    before, deadline = look(), time.monotonic() + CAUGHT_UP_S
    while look() == before:
        if time.monotonic() > deadline:
            raise SystemExit(f"no figures: no output for {CAUGHT_UP_S:g} s")
        time.sleep(0.005)


def until_caught_up(flow: FlowProcess, records: int) -> None:
    deadline = time.monotonic() + CAUGHT_UP_S
    while sum(value for (name, _), value in flow.metrics().items() if name == "tapeflow_account_records") < records:
        if time.monotonic() > deadline or flow.poll() is not None:
            raise SystemExit(f"no figures: {flow.name} does not catch up")
        time.sleep(0.2)


def measure(name: str, settings: Settings, look: Callable[[], Any], records: int, rounds: int) -> tuple[float, float]:
    """(slowest first output after a kill, orderly stop), in seconds."""
    flow, away = FlowProcess(name, settings), []
    flow.start()
    until_caught_up(flow, records)
    for _ in range(rounds):
        time.sleep(KEPT_S)
        flow.kill()
        flow = FlowProcess(name, settings)
        begun = time.monotonic()
        flow.start()
        until_changed(look)
        away.append(time.monotonic() - begun)
    time.sleep(KEPT_S)
    begun = time.monotonic()
    if code := flow.stop():
        raise SystemExit(f"wrong result, no figures: {name} stopped with {code}")
    stopped = time.monotonic() - begun
    print(f"{name}: first output {min(away):.1f} to {max(away):.1f} s (median {statistics.median(away):.1f}),"
          f" orderly stop {stopped:.1f} s", flush=True)  # fmt: skip
    return max(away), stopped


def measure_standby(settings: Settings, look: Callable[[], Any], records: int, rounds: int) -> float:
    """Slowest first output after a kill, in seconds."""

    def start(port: int) -> FlowProcess:
        flow = FlowProcess("live", settings.model_copy(update={"standby": True, "metrics_port": port}))
        flow.start()
        return flow

    leader, port, away = start(STANDBY_PORT), STANDBY_PORT, []
    until_caught_up(leader, records)
    for _ in range(rounds):
        port += 1
        standby = start(port)
        time.sleep(2 * KEPT_S)
        killed = time.monotonic()
        leader.kill()
        until_changed(look)
        away.append(time.monotonic() - killed)
        leader = standby
    if code := leader.stop():
        raise SystemExit(f"wrong result, no figures: live stopped with {code}")
    print(f"live with a standby: first output {min(away):.2f} to {max(away):.2f} s"
          f" (median {statistics.median(away):.2f})", flush=True)  # fmt: skip
    return max(away)


def run(rig: Rig, symbols: int, rounds: int, *, standby: bool) -> list[Figure]:
    print(f"{symbols:,} symbols", flush=True)
    tape = fill_topic(rig, f"bench-recovery-{symbols}", max(100_000, 25 * symbols), symbols)
    rig.fresh_tables(DATABASE)
    client = redis.Redis.from_url(rig.redis_url)
    client.flushall()
    figures = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-recovery-")))
        settings = rig.settings(tape.topic, clickhouse_database=DATABASE, recovery_dir=folder, log_level="error",
                                metrics_port=29_464)  # fmt: skip
        seconds = 2 * CAUGHT_UP_S + 2 * (rounds + 1) * 4 * KEPT_S
        feed = start(produce, {"settings": plain(settings), "symbols": symbols, "rate": RATE, "seconds": seconds})
        stack.callback(feed.kill)
        if standby:
            slowest_s = measure_standby(settings, lambda: newest_entry(client), tape.trades, rounds)
            command = f"python -m bench.recovery --standby --rounds {rounds}"
            what = f"flows.live with a standby, {symbols:,} symbols, first output after kill -9, slowest"
            client.close()
            return [Figure(what, slowest_s, "s", None, command, commit())]
        looks = {"live": lambda: newest_entry(client), "history": lambda: rows(rig.clickhouse_dsn)}
        for name, look in looks.items():
            first_s, stop_s = measure(name, settings, look, tape.trades, rounds)
            for what, value in (("first output after kill -9, slowest", first_s), ("orderly stop", stop_s)):
                figures.append(Figure(f"flows.{name}, {symbols:,} symbols, {what}", value, "s", None,
                                      f"python -m bench.recovery --rounds {rounds}", commit()))  # fmt: skip
    client.close()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.recovery", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--standby", action="store_true", help="live alone, with another instance that stands by")
    options = parser.parse_args()
    compile_kernels()  # a first start on a machine is not a recovery
    figures = []
    with servers(core=None) as rig:
        for symbols in COUNTS:
            figures += run(rig, symbols, options.rounds, standby=options.standby)
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
