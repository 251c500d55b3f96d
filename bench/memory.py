"""Memory of each flow and cost of a trade by the number of symbols, and what an epoch's snapshot of the state takes.

``python -m bench.memory --json FILE``. Every run is a process of its own that reads a topic as fast as it can, which is
when queues are fullest, so the peak of its resident memory is the worst that a flow takes. The figures of a run count
only when it read every trade. The cost of a trade is that of decode and bars without sinks.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import redis

from bench.cases import run_case
from bench.report import Figure, commit, write
from bench.rig import WORKER_CORE, Rig, Tape, fill_topic, servers
from connectors.synthetic import SyntheticMarket, symbol_names
from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.snapshot import restore, snapshot

DATABASE = "bench_memory"
COUNTS = (100, 1_000, 20_000, 200_000)
COMMAND = "python -m bench.memory"


def run(rig: Rig, tape: Tape, case: str) -> dict[str, float]:
    """One run over the tape, its stores empty before it."""
    rig.fresh_tables(DATABASE)
    client = redis.Redis.from_url(rig.redis_url)
    client.flushall(asynchronous=True)  # millions of keys take longer than the client waits
    client.close()
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as folder:
        settings = rig.settings(
            tape.topic, clickhouse_database=DATABASE, recovery_dir=Path(folder), log_level="error"
        )  # fmt: skip
        answer = run_case(case, settings, core=WORKER_CORE, recovery=case != "bars")
    if answer["records"] != tape.trades:
        raise SystemExit(f"wrong result, no figures: {answer['records']:,.0f} of {tape.trades:,} records read")
    return answer


def snapshot_figures(symbols: int) -> list[Figure]:
    """Bytes and milliseconds of one shard's snapshot that holds ``symbols`` symbols with all their bars."""
    market, shard = SyntheticMarket(symbol_names(symbols), start_us=1_767_225_600_000_000), Shard(Rules())
    # Three trades to a symbol on average and every symbol at least once, over two minutes.
    while len(shard.symbols) < symbols:
        shard.apply(market.take(max(3 * symbols, 1_000), 10_000_000))
    shard.take_final()
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        data = snapshot(shard)
        times.append((time.perf_counter() - begun) * 1e3)
    assert len(restore(data, Rules()).symbols) == symbols
    what, now = f"snapshot of a shard with {symbols:,} symbols", commit()
    return [
        Figure(f"{what}, size", len(data) / 2**20, "MB", None, COMMAND, now),
        Figure(f"{what}, time", statistics.median(times), "ms", None, COMMAND, now),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--trades", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    figures: list[Figure] = []
    costs: dict[int, list[float]] = {count: [] for count in COUNTS}
    with servers() as rig:
        tapes = {count: fill_topic(rig, f"bench-{count}", options.trades, count) for count in COUNTS}
        warm = fill_topic(rig, "bench-warm", 10_000, 100)
        for case in ("bars", "live", "history"):
            run(rig, warm, case)
        for number in range(options.rounds):
            for count in COUNTS if number % 2 else reversed(COUNTS):
                answer = run(rig, tapes[count], "bars")
                costs[count].append(answer["seconds"] / answer["records"] * 1e6)
        for case in ("live", "history"):
            for count in COUNTS[1:]:
                answer = run(rig, tapes[count], case)
                what = f"flows.{case}, {count:,} symbols"
                now = commit()
                figures.append(Figure(f"{what}, peak memory", answer["peak_rss_mb"], "MB", None, COMMAND, now))
                figures.append(Figure(f"{what}, speed", answer["rate"], "trades/s", None, COMMAND, now))
                print(f"{what}: {answer['peak_rss_mb']:,.0f} MB, {answer['rate']:,.0f} trades/s", flush=True)
    for count in COUNTS:
        what = f"decode and bars, {count:,} symbols"
        figures.append(Figure(what, statistics.median(costs[count]), "µs/trade", None, COMMAND, commit()))
        print(f"{what}: {min(costs[count]):.2f} to {max(costs[count]):.2f} µs/trade")
    for count in COUNTS[2:]:
        times = statistics.median(many / few for many, few in zip(costs[count], costs[COUNTS[0]], strict=True))
        what = f"cost of a trade, {count:,} symbols against {COUNTS[0]}"
        figures.append(Figure(what, times, "times", None, COMMAND, commit()))
    for count in COUNTS:
        figures += snapshot_figures(count)
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
