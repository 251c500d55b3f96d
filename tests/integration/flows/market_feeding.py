"""A market on a real topic for tests of flows: trades with known times and offsets, some of them too late for live.

Record timestamps follow event times by half a second, as a live producer's would, so that times mean something.
"""

import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between
from demo.figures import figures_of
from flows.reading import read_options
from jobs.produce.encoding import encoder_of
from jobs.verify import recompute_ranges
from local.ports import free_port
from oracle.truth import OracleBar, OracleResult, OracleTrade
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from tests.property.trade_batches import MONDAY_US, to_batch
from tests.servers.kafka import make_topic

PARTITIONS = 2
SYMBOLS = ("AAPL", "BTC/USDT", "MSFT", "ETH/USDT")
MINUTE_US = 60_000_000
DEADLINE_S = 120
KEEP = {"retention.ms": "-1"}
"""Of a topic whose records are stamped long ago: the broker would delete them within the test."""
FOR_EVER_MS = 366 * 24 * 3_600_000


def tape(
    count: int,
    minutes: int,
    late_every: int = 0,
    seed: int = 1,
    symbols: Sequence[str] = SYMBOLS,
    partitions: int = PARTITIONS,
) -> list[OracleTrade]:
    """Trades of all partitions in time order; a symbol stays in one partition. Late ones are 20 minutes old."""
    random_ = random.Random(seed)
    offsets = [0] * partitions
    trades = []
    for index in range(count):
        which = random_.randrange(len(symbols))
        partition = which % partitions
        now_us = MONDAY_US - 30 * MINUTE_US + index * minutes * MINUTE_US // count
        is_late = late_every and index % late_every == late_every - 1 and index > count // 2
        time_us = now_us - (20 * MINUTE_US if is_late else random_.randrange(3_000_000))
        trades.append(
            OracleTrade(
                partition, offsets[partition], now_us // 1000 + 500, time_us, symbols[which],
                Decimal(random_.randrange(1, 10**6)).scaleb(-2), Decimal(random_.randrange(10**4)).scaleb(-3),
                random_.choice(("BUY", "SELL")), str(index),
            )
        )  # fmt: skip
        offsets[partition] += 1
    return trades


def feed(settings: Settings, trades: Sequence[OracleTrade], partitions: int = PARTITIONS) -> None:
    """Put them where they say they are, onto the settings' topic."""
    if settings.kafka_topic not in AdminClient({"bootstrap.servers": settings.kafka_bootstrap}).list_topics().topics:
        make_topic(settings.kafka_bootstrap, settings.kafka_topic, partitions, KEEP)
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "linger.ms": 5, "enable.idempotence": True})
    values = encoder_of(settings)(to_batch(trades))
    for trade, value in zip(trades, values, strict=True):
        producer.produce(
            settings.kafka_topic, value, trade.symbol.encode(), partition=trade.partition, timestamp=trade.timestamp_ms
        )
    assert producer.flush(30) == 0


def environment(bootstrap: str, dsn: str, database: str, folder: Path) -> dict[str, str]:
    """Variables of a test's own topic, database and folders."""
    return {
        "TAPEFLOW_KAFKA_BOOTSTRAP": bootstrap,
        "TAPEFLOW_KAFKA_TOPIC": f"market-{uuid.uuid4().hex[:8]}",
        "TAPEFLOW_CLICKHOUSE_DSN": dsn,
        "TAPEFLOW_CLICKHOUSE_DATABASE": database,
        "TAPEFLOW_RECOVERY_DIR": str(folder / "recovery"),
        "TAPEFLOW_EPOCH_MS": "300",
        "TAPEFLOW_DEAD_LETTERS_FROM": "none",
    }


def run_history(settings: Settings, records: int, log: Path) -> None:
    """The history flow until it has read everything, then stopped as an operator would."""
    with log.open("ab") as file:
        flow = FlowProcess("history", settings.model_copy(update={"metrics_port": free_port()}), log=file)
        flow.start()
        try:
            deadline = time.monotonic() + DEADLINE_S
            while figures_of(flow.metrics()).records < records:
                assert flow.poll() is None, log.read_text()
                assert time.monotonic() < deadline
            assert flow.stop(30) == 0
        finally:
            flow.kill()


def truth(settings: Settings, **changes: object) -> dict[tuple[str, str, int], OracleBar]:
    """Every bar of the settings' topic by the oracle."""
    bars = recomputed(settings.model_copy(update=changes)).bars.values()
    return {(bar.symbol, bar.interval, bar.start_us): bar for bar in bars}


def recomputed(settings: Settings) -> OracleResult:
    """What the oracle makes of the settings' whole topic."""
    options = read_options(settings)
    ranges = ranges_between(options, Position("earliest"), Position("latest"))
    return recompute_ranges(options, ranges, settings, lambda _done, _total: None)


def until_running(flow: FlowProcess, log: Path, condition: Callable[[], bool]) -> None:
    """Wait for ``condition``; fails with the log when the flow ends first."""
    deadline, moment = time.monotonic() + DEADLINE_S, threading.Event()
    while not condition():
        assert flow.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        moment.wait(0.1)
