"""What the benches run on: real servers on one core, a topic of synthetic trades, and what a right answer looks like.

pipeline, latency and memory start here: a real Apache Kafka broker (or ``KAFKA_BOOTSTRAP``), redis-server and the
embedded ClickHouse (or ``CLICKHOUSE_DSN``). A figure counts only when the stores hold what was produced, so the number
of trades and of closed bars is worked out here from the tape, without the code under test.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from clickhouse_driver import Client
from confluent_kafka import Producer

from connectors.avro.encode import encode_trades, split_values
from connectors.synthetic import SyntheticMarket, symbol_names
from jobs.produce.sender import Encode, market_tape
from local.stack import NICENESS
from runtime.settings.whole import Settings, load_settings
from schemas.columns import TradeBatch
from schemas.intervals import INTERVALS
from schemas.traces import TRACEPARENT
from sinks.clickhouse.migrations import migrate
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.kafka import KafkaBroker, jars, make_topic  # type: ignore[attr-defined]  # not the folder beside it
from tests.servers.needs import require
from tests.servers.redis import RedisServer, redis_binary

__all__ = ["OUT_OF_ORDER_MS", "SERVER_CORE", "WORKER_CORE", "Rig", "Tape", "fill_topic", "servers"]

WORKER_CORE = 0
SERVER_CORE = (os.cpu_count() or 1) - 1
PARTITIONS = 4
OUT_OF_ORDER_MS = 5_000
MINUTE_US = 60_000_000
FIRST_US = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC: the tape begins with a whole minute, day and year."""


@dataclass(frozen=True)
class Tape:
    """A topic and what the flows must make of it.

    traded: how many of the ``symbols`` did trade; final_trades: trades in closed bars of one minute;
    minute_bars: all bars of one minute, whether the tape's end closes them or not.
    """

    topic: str
    trades: int
    symbols: int
    traded: int
    final_bars: int
    final_trades: int
    minute_bars: int
    bytes_each: float


@dataclass(frozen=True)
class Rig:
    """Addresses of the servers."""

    bootstrap: str
    redis_url: str
    clickhouse_dsn: str

    def settings(self, topic: str, **others: Any) -> Settings:
        return load_settings(
            kafka_bootstrap=self.bootstrap,
            kafka_topic=topic,
            redis_url=self.redis_url,
            clickhouse_dsn=self.clickhouse_dsn,
            out_of_order_ms=OUT_OF_ORDER_MS,
            **others,
        )

    def fresh_tables(self, database: str) -> None:
        """An empty ``database`` with the product's tables."""
        client = Client.from_url(self.clickhouse_dsn)
        client.execute(f"DROP DATABASE IF EXISTS {database} SYNC")
        migrate(client, database)
        client.disconnect()


@contextmanager
def servers(core: int | None = SERVER_CORE) -> Iterator[Rig]:
    """The servers, all on ``core``, in a folder of their own that goes with them.

    None: wherever, beside everything else, and then ClickHouse gives way as in the embedded stack.
    Ends the program with code 2 and one line where something is missing.
    """
    require("bench", *(() if "KAFKA_BOOTSTRAP" in os.environ else (jars,)), redis_binary)
    before = os.sched_getaffinity(0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        if core is not None:
            os.sched_setaffinity(0, {core})
        nice = [f"--nice={NICENESS}"] if core is None else []
        bootstrap = os.environ.get("KAFKA_BOOTSTRAP") or stack.enter_context(KafkaBroker()).bootstrap
        dsn = os.environ.get("CLICKHOUSE_DSN") or stack.enter_context(ClickHouseServer(folder, *nice)).dsn
        url = stack.enter_context(RedisServer(folder)).url
        os.sched_setaffinity(0, before)
        yield Rig(bootstrap, url, dsn)


def avro_values(batch: TradeBatch) -> list[bytes]:
    """Values as the default settings read them: Avro with Confluent's framing."""
    return split_values(*encode_trades(batch.rows, batch.text))


def fill_topic(
    rig: Rig,
    topic: str,
    trades: int,
    symbols: int,
    market_rate: float = 5_000,
    partitions: int = PARTITIONS,
    encode: Encode = avro_values,
    traced_one_in: int = 0,
) -> Tape:
    """Produce ``trades`` trades, ``market_rate`` of them to a second of market time; a symbol keeps to a partition.

    traced_one_in: 1 in so many has the context of a trace; 0 for none.
    """
    make_topic(rig.bootstrap, topic, partitions, {"retention.ms": "-1", "message.timestamp.type": "CreateTime"})
    market = SyntheticMarket(symbol_names(symbols), start_us=FIRST_US)
    numbers = {name.encode(): number for number, name in enumerate(market.symbols)}
    producer = Producer({"bootstrap.servers": rig.bootstrap, "linger.ms": 50, "batch.size": 1 << 20,
                         "enable.idempotence": True, "queue.buffering.max.messages": 400_000,
                         "log_level": 2})  # fmt: skip
    seen, times, size = [], [], 0
    for batch in market_tape(market, trades, market_rate):
        values = encode(batch)
        size += sum(map(len, values))
        ats, lengths = batch.rows["symbol_at"].tolist(), batch.rows["symbol_len"].tolist()
        names = [batch.text[at : at + length] for at, length in zip(ats, lengths, strict=True)]
        seen.append(np.array([numbers[name] for name in names]))
        times.append(batch.rows["event_time_us"].copy())
        messages: list[dict[str, Any]] = [
            {"value": value, "key": name, "partition": numbers[name] % partitions}
            for value, name in zip(values, names, strict=True)
        ]
        while len(producer) > 200_000:
            producer.poll(0.05)
        if traced_one_in:  # a batch can't carry headers
            for number, message in enumerate(messages):
                context = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
                headers: Any = [(TRACEPARENT, context)] if number % traced_one_in == 0 else None
                producer.produce(topic, headers=headers, **message)
        else:
            queued = producer.produce_batch(topic, messages)
            assert queued == len(messages), "the producer's queue was full"
    assert producer.flush(120) == 0, "the broker didn't take every trade"
    traded, times_us = np.concatenate(seen), np.concatenate(times)
    bars, final_trades = closed_bars(traded, times_us, partitions)
    minute_bars = len(np.unique((traded << 40) | times_us // MINUTE_US))
    return Tape(topic, trades, symbols, len(np.unique(traded)), bars, final_trades, minute_bars, size / trades)


def closed_bars(symbols: Any, times_us: Any, partitions: int) -> tuple[int, int]:
    """(bars of all intervals, trades in bars of one minute) that end at or before their partition's watermark."""
    bars = trades = 0
    for partition in range(partitions):
        mine = symbols % partitions == partition
        names, times = symbols[mine], times_us[mine]
        if not len(times):
            continue
        watermark = times.max() - OUT_OF_ORDER_MS * 1000
        for each in INTERVALS:
            numbers = (times - each.origin_us) // each.length_us
            closed = (numbers + 1) * each.length_us + each.origin_us <= watermark
            bars += len(np.unique((names[closed] << 40) | numbers[closed]))
            trades += int(closed.sum()) if each.name == "1m" else 0
    return bars, trades
