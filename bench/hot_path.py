"""Where a trade's processor time goes, stage by stage, from librdkafka's threads to the bytes for Redis and ClickHouse.

``python -m bench.hot_path --json FILE``. One thread on core 0 does by hand what the flows' steps do, over a real topic,
and reads its own account of processor time between the stages; what the process spent besides is librdkafka's
threads. The engine, its sinks' threads and the servers aren't in it: bench.pipeline has them. The median of the
rounds counts; a round that applied another number of trades than the tape holds ends the bench without figures.
"""

import argparse
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from bench.pipeline import expect
from bench.report import Figure, commit, write
from bench.rig import PARTITIONS, WORKER_CORE, Rig, Tape, fill_topic, servers
from connectors.kafka.native_poll import open_poll
from core.bars.shard import Shard
from flows.quality import Watched
from flows.reading import decode_trades, read_options, rules_of
from runtime.settings.whole import Settings
from schemas.columns import DUPLICATE, TradeBatch
from schemas.names import RedisKeys
from sinks.clickhouse.native_block import trade_block
from sinks.redis.encode import KeyParts
from sinks.redis.state import LiveUpdate, ShardState

COMMAND = "python -m bench.hot_path"
LIVE_EVERY = 4
"""Batches of a partition between two takings of what changed: more often than any flow does at full speed."""
WAIT_S = 0.1

CLIENT = "librdkafka's threads"
TAKE = "records out of librdkafka"
DECODE = "Avro to columns, checked"
APPLY = "into bars of all intervals"
FINAL = "bars that closed"
LIVE = "tickers and open bars to messages"
QUALITY = "figures of quality"
BLOCK = "columns for ClickHouse"


class Stages:
    """Nanoseconds of this thread's processor time by stage."""

    def __init__(self) -> None:
        self.spent_ns: dict[str, int] = defaultdict(int)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begun_ns = time.thread_time_ns()
        yield
        self.spent_ns[name] += time.thread_time_ns() - begun_ns


class Partition:
    """What the flows' steps and sinks hold of one partition."""

    def __init__(self, settings: Settings, number: int) -> None:
        self.shard = Shard(rules_of(settings))
        self.watched = Watched(self.shard)
        self.redis = ShardState(KeyParts.of(RedisKeys()), finals_kept=1_000, shard=number)
        self.number = number
        self.batches = 0

    def take(self, batch: TradeBatch, stages: Stages) -> None:
        with stages.stage(APPLY):
            self.shard.apply(batch)
        with stages.stage(FINAL):
            finals = self.shard.take_final()
        with stages.stage(QUALITY):
            self.watched.observe(batch)
        with stages.stage(BLOCK):
            trade_block([(batch, np.flatnonzero(batch.rows["outcome"] != DUPLICATE))], 0)
        self.batches += 1
        if self.batches % LIVE_EVERY == 0:
            with stages.stage(LIVE):
                tickers, live = self.shard.take_live()
                for _ in self.redis.absorb(LiveUpdate(self.number, tickers, live, finals)):
                    pass


def one_round(rig: Rig, tape: Tape, dedupe: bool) -> dict[str, float]:
    """Microseconds a trade by stage."""
    settings = rig.settings(tape.topic, dedupe=dedupe)
    poll = open_poll(read_options(settings), PARTITIONS)
    decode: Callable[..., TradeBatch] = decode_trades(settings)
    partitions = {number: Partition(settings, number) for number in range(PARTITIONS)}
    stages, applied = Stages(), 0
    poll.assign(dict.fromkeys(partitions, 0))
    before_s, own_s = time.process_time(), time.thread_time()
    while applied < tape.trades:
        with stages.stage(TAKE):
            found = poll.drain(partitions, read_options(settings).batch_records_max)
        if not found:
            poll.wait(WAIT_S)
        for number, drained in found.items():
            if drained.batch is None:
                continue
            with stages.stage(DECODE):
                batch = decode(drained.batch)
            partitions[number].take(batch, stages)
            applied += len(batch)
    others_s = (time.process_time() - before_s) - (time.thread_time() - own_s)
    poll.close()
    expect("trades applied", sum(int(each.shard.counts[0]) for each in partitions.values()), tape.trades)
    return {
        CLIENT: others_s / tape.trades * 1e6,
        **{name: ns / tape.trades / 1e3 for name, ns in stages.spent_ns.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--json", help="file to add the figures to")
    parser.add_argument("--trades", type=int, default=2_000_000)
    parser.add_argument("--symbols", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dedupe", action="store_true", help="look for duplicates, which flows do when asked to")
    options = parser.parse_args()
    with servers() as rig:
        tape = fill_topic(rig, "bench-hot-path", options.trades, options.symbols)
        warm = fill_topic(rig, "bench-warm", 40_000, options.symbols)
        os.sched_setaffinity(0, {WORKER_CORE})
        one_round(rig, warm, options.dedupe)  # kernels are compiled once per machine, which is no part of any figure
        rounds = [one_round(rig, tape, options.dedupe) for _ in range(options.rounds)]
    figures = [
        Figure(f"{name}, {tape.symbols:,} symbols", statistics.median(each[name] for each in rounds), "µs/trade", None,
               COMMAND, commit())
        for name in (CLIENT, TAKE, DECODE, APPLY, FINAL, LIVE, QUALITY, BLOCK)
    ]  # fmt: skip
    write(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
