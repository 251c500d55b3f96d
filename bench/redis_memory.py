"""How much memory Redis takes, once each bound is reached and over time, with a real redis-server.

``python -m bench.redis_memory --symbols 200 --symbols 20000`` writes through the real sink what fills every bound: bars
that ended, then tickers and open bars until the streams are full. ``--minutes 30`` runs the live flow at ``--rate``
trades a second instead, and samples the memory every 10 s. A figure is Redis's own ``used_memory``.
"""

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import redis

from bench.latency import produce, start
from bench.report import Figure, commit, write
from bench.rig import PARTITIONS
from connectors.synthetic import symbol_names
from flows.live import bounds_of
from kernels.decimal_text import to_limbs, to_pair, units
from processes.runner import FlowProcess
from runtime.settings.whole import Settings, load_settings
from schemas.columns import (
    BAR,
    TICKER,
    BarBatch,
    BarRows,
    Longs,
    TickerBatch,
    TickerRows,
)
from schemas.intervals import INTERVALS
from schemas.names import SYMBOLS_KEY, deltas_stream
from sinks.redis.sink import LiveUpdate, RedisWriter
from tests.servers.kafka import KafkaBroker, make_topic  # type: ignore[attr-defined]  # not the folder beside it
from tests.servers.redis import RedisServer

SAMPLE_S = 10.0
TICKERS_AT_ONCE = 500
START_US = 1_767_225_600_000_000


def put(rows: BarRows | TickerRows, name: str, value: str) -> None:
    rows[name + "_hi"], rows[name + "_lo"] = to_pair(units(value))


def bars_of(symbols: int, interval: int, number: int, *, final: bool) -> BarBatch:
    """The bars of that number of one interval, with digits as crypto venues have them."""
    rows = np.zeros(symbols, BAR)
    rows["symbol"], rows["interval"], rows["final"] = np.arange(symbols), interval, final
    rows["start_us"] = START_US + number * INTERVALS[interval].length_us
    rows["version"], rows["trade_count"], rows["has_vwap"] = 1 + number, 1234, True
    for name in ("open", "high", "low", "close", "vwap", "volume", "buy_volume", "stddev"):
        put(rows, name, "64250.12345678" if name in ("vwap", "stddev") else "64250.15")
    rows["quote_volume"] = to_limbs(units("79284735.18504321", 20))
    return BarBatch(symbol_names(symbols), rows)


def tickers_of(symbols: int, chosen: Longs, sequence: int) -> TickerBatch:
    rows = np.zeros(len(chosen), TICKER)
    rows["symbol"], rows["sequence"], rows["has_previous_close"] = chosen, sequence, True
    rows["event_time_us"] = START_US + sequence * 1000
    for name in ("price", "open", "high", "low", "volume", "previous_close"):
        put(rows, name, f"{64250 + sequence % 97}.15" if name in ("price", "volume") else "64250.15")
    return TickerBatch(symbol_names(symbols), ("SYNTH",), rows)


def fill(settings: Settings, symbols: int, client: redis.Redis) -> None:
    """Everything that is bounded, beyond its bound."""
    bounds = bounds_of(settings)
    writer = RedisWriter(settings.redis_url, bounds=bounds, finals_kept=1)
    nothing = TickerBatch((), (), np.empty(0, TICKER)), BarBatch((), np.empty(0, BAR))
    writer.write([LiveUpdate(0, tickers_of(symbols, np.arange(symbols), 1), nothing[1], nothing[1])])
    for interval, each in enumerate(INTERVALS):
        for number in range(bounds.kept(each.name, symbols) + 2):
            writer.write([LiveUpdate(0, *nothing, bars_of(symbols, interval, number, final=True))])
    full, sequence = False, 10_000
    while not full:
        chosen = np.arange(sequence, sequence + TICKERS_AT_ONCE) % symbols
        for interval in range(len(INTERVALS)):
            live = bars_of(symbols, interval, sequence, final=False)
            live.rows = live.rows[np.unique(chosen)]
            tickers = tickers_of(symbols, np.unique(chosen), sequence) if interval == 0 else nothing[0]
            writer.write([LiveUpdate(0, tickers, live, nothing[1])])
        sequence += TICKERS_AT_ONCE
        newest: Any = client.xrevrange(deltas_stream(0), "+", "-", 1)
        full = int(newest[0][1][b"sum"]) > 1.2 * bounds.stream_mb * 1e6
    writer.close()


def used_mb(client: redis.Redis) -> float:
    memory: dict[str, Any] = client.info("memory")
    return float(memory["used_memory"]) / 1e6


def held(client: redis.Redis) -> tuple[int, int, float]:
    """(entries, their bytes as the sink counts them, seconds that they span), over all streams."""
    entries, size, span_s = 0, 0, 0.0
    for shard in range(PARTITIONS):
        first: Any = client.xrange(deltas_stream(shard), "-", "+", 1)
        last: Any = client.xrevrange(deltas_stream(shard), "+", "-", 1)
        if first:
            entries += client.xlen(deltas_stream(shard))
            size += int(last[0][1][b"sum"]) - int(first[0][1][b"sum"])
            span_s = max(span_s, (int(last[0][0].split(b"-")[0]) - int(first[0][0].split(b"-")[0])) / 1000)
    return entries, size, span_s


def run_live(symbols: int, rate: int, minutes: float, more: dict[str, Any]) -> list[float]:
    """Samples of used_memory in MB, one each SAMPLE_S."""
    samples: list[float] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-redis-")))
        broker, server = stack.enter_context(KafkaBroker()), stack.enter_context(RedisServer(folder))
        topic = f"bench-redis-{time.time_ns()}"
        make_topic(broker.bootstrap, topic, PARTITIONS)
        settings = load_settings(
            kafka_bootstrap=broker.bootstrap, kafka_topic=topic, redis_url=server.url, dead_letters_from="none",
            recovery_dir=folder / "recovery", log_level="warning", **more,
        )  # fmt: skip
        flow = FlowProcess("live", settings)
        flow.start()
        stack.callback(flow.stop)
        words = {"kafka_bootstrap": broker.bootstrap, "kafka_topic": topic}
        producer = start(produce, {"settings": words, "symbols": symbols, "rate": rate, "seconds": minutes * 60})
        stack.callback(producer.kill)
        client = stack.enter_context(redis.Redis.from_url(server.url))
        print(f"redis at {server.url}, {topic} at {broker.bootstrap}", flush=True)
        begun = time.monotonic()
        while producer.poll() is None:
            time.sleep(SAMPLE_S)
            entries, size, span_s = held(client)
            samples.append(used_mb(client))
            print(
                f"{time.monotonic() - begun:6.0f} s: {samples[-1]:7.1f} MB used; streams: {entries:,} entries, "
                f"{size / 1e6:.1f} MB over {span_s:.0f} s; {client.scard(SYMBOLS_KEY):,} symbols",
                flush=True,
            )
    return samples


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.redis_memory", description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument(
        "--symbols", type=int, action="append", help="may be given again; 200, 2000, 20000 unless given"
    )
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--minutes", type=float, default=0.0, help="run the live flow for so long")
    parser.add_argument("--set", type=json.loads, default={}, help="more settings, as JSON")
    options = parser.parse_args()
    figures = []
    for symbols in options.symbols or (200, 2_000, 20_000):
        command = f"python -m bench.redis_memory --symbols {symbols}"
        if options.minutes:
            samples = run_live(symbols, options.rate, options.minutes, options.set)
            command += f" --rate {options.rate} --minutes {options.minutes:g}"
            name = f"Redis, {symbols:,} symbols, after {options.minutes:g} min"
            figures.append(Figure(name, samples[-1], "MB", None, command, commit()))
            continue
        with tempfile.TemporaryDirectory(prefix="bench-redis-") as folder, RedisServer(Path(folder)) as server:
            settings = load_settings(redis_url=server.url, **options.set)
            with redis.Redis.from_url(server.url) as client:
                fill(settings, symbols, client)
                expected = bounds_of(settings).expected_bytes(symbols) / 1e6
                print(f"{symbols:,} symbols: {used_mb(client):,.1f} MB used, {expected:,.0f} MB expected", flush=True)
                name = f"Redis, {symbols:,} symbols, every bound reached"
                figures.append(Figure(name, used_mb(client), "MB", None, command, commit()))
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
