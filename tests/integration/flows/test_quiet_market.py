"""A market that falls silent, on real servers: the wall clock publishes, late trades still count, live output waits.

Bars are looked for where dashboards and analysts look: in Redis and in ClickHouse.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from clickhouse_driver import Client
from confluent_kafka import Producer
from redis import Redis

from jobs.clickhouse_bars import read_bars
from jobs.verify import oracle_rules
from oracle.comparison import FIELDS
from oracle.truth import OracleBar, OracleTrade, recompute
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from schemas.avro import TRADE_SCHEMA_ID, load_schema
from tests.integration.conftest import Stores
from tests.integration.flows.market_feeding import DEADLINE_S, MINUTE_US, environment
from tests.servers.kafka import make_topic
from tests.unit.connectors.batches import avro_value, framed

CONFLATION_MS = 600


@pytest.fixture
def settings(stores: Stores, migrated: Callable[..., Settings]) -> Settings:
    names = environment(stores.bootstrap, stores.dsn, stores.database, stores.folder)
    names |= {
        "TAPEFLOW_REDIS_URL": stores.redis_url,
        "TAPEFLOW_IDLE_CLOSE_MS": "500",
        "TAPEFLOW_EPOCH_MS": "300",
        "TAPEFLOW_CONFLATION_MS": str(CONFLATION_MS),
    }
    made = migrated(names)
    make_topic(stores.bootstrap, made.kafka_topic)
    return made


@contextmanager
def running(settings: Settings, folder: Path, *names: str) -> Iterator[Callable[[Callable[[], bool]], None]]:
    """The flows while the block runs; gives a wait for a condition that ends early when a flow does."""
    with ExitStack() as opened:
        flows = []
        for name in names:
            log = opened.enter_context((folder / f"{name}.log").open("ab"))
            flows.append(FlowProcess(name, settings, log=log))
            opened.callback(flows[-1].kill)
            flows[-1].start()
        moment = threading.Event()

        def until(condition: Callable[[], bool]) -> None:
            deadline = time.monotonic() + DEADLINE_S
            while not condition():
                assert all(flow.poll() is None for flow in flows), "a flow ended"
                assert time.monotonic() < deadline
                moment.wait(0.05)

        yield until
        assert [flow.stop(30) for flow in flows] == [0] * len(flows)


def now_us() -> int:
    return time.time_ns() // 1000


def send(producer: Producer, settings: Settings, trade: OracleTrade) -> None:
    record = {
        "symbol": trade.symbol, "price": trade.price, "size": trade.size, "event_time": trade.event_time_us,
        "side": "UNKNOWN", "trade_id": "", "exchange": "", "bid": None, "ask": None,
    }  # fmt: skip
    value = framed(TRADE_SCHEMA_ID, avro_value(load_schema("Trade"), record))
    producer.produce(settings.kafka_topic, value, trade.symbol)
    assert producer.flush(30) == 0


def stored(settings: Settings, bar: OracleBar) -> tuple[object, ...] | None:
    client = Client.from_url(settings.clickhouse_dsn)
    found = read_bars(client, settings.clickhouse_database).get((bar.symbol, bar.interval, bar.start_us))
    client.disconnect()
    return found.values if found else None


def shown(redis: Any, bar: OracleBar) -> list[dict[str, Any]]:
    """The final bars of the symbol's minute that Redis holds."""
    return [json.loads(each, parse_float=Decimal) for each in redis.zrange(f"candles:{bar.symbol}:1m", 0, -1)]


def test_the_clock_closes_a_quiet_bar_and_a_late_trade_still_counts(settings: Settings, tmp_path: Path) -> None:
    symbol = f"Q/{uuid.uuid4().hex[:8]}"
    start_us = (now_us() - 3 * MINUTE_US) // MINUTE_US * MINUTE_US
    tape = [
        OracleTrade(0, 0, 0, start_us + MINUTE_US - 1_000_000, symbol, Decimal(10), Decimal(2)),
        OracleTrade(0, 1, 0, start_us + MINUTE_US - 3_000_000, symbol, Decimal("9.5"), Decimal(1)),
    ]
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "enable.idempotence": True})
    with running(settings, tmp_path, "live", "history") as until, Redis.from_url(settings.redis_url) as redis:
        for count in (1, 2):
            bar = recompute(tape[:count], oracle_rules(settings)).bars[0, symbol, "1m", start_us]
            assert not bar.final, "the watermark alone would leave it open"
            send(producer, settings, tape[count - 1])
            until(lambda bar=bar: stored(settings, bar) == tuple(getattr(bar, name) for name in FIELDS))
            until(lambda bar=bar: [each["sequence"] for each in shown(redis, bar)] == [bar.version])
            [candle] = shown(redis, bar)
            assert (candle["final"], candle["revision"], candle["tradeCount"]) == (True, 0, count)
            assert (candle["time"], candle["open"], candle["low"], candle["close"]) == (
                start_us // 1000, bar.open, bar.low, bar.close,
            )  # fmt: skip


def test_a_symbol_goes_out_at_most_once_per_conflation(settings: Settings, tmp_path: Path) -> None:
    symbol = f"C-{uuid.uuid4().hex[:8]}"
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "enable.idempotence": True})
    with running(settings, tmp_path, "live") as until, Redis.from_url(settings.redis_url) as redis:

        def tickers() -> list[int]:
            """Sequences of the symbol's ticker messages in the fan-out stream."""
            batches = [msgspec.json.decode(fields[b"batch"]) for _, fields in redis.xrange("md:deltas:0")]
            return [
                each["sequence"]
                for batch in batches
                for each in batch
                if each["symbol"] == symbol and each["type"] != "bar"
            ]

        pause, began_s, count = threading.Event(), 0.0, 40
        for offset in range(count):
            send(producer, settings, OracleTrade(0, offset, 0, now_us(), symbol, Decimal(10 + offset), Decimal(1)))
            if not offset:
                until(lambda: bool(tickers()))
                began_s = time.monotonic()
            pause.wait(0.05)
        until(lambda: tickers()[-1] == count - 1)
        passed_s = time.monotonic() - began_s
        assert 2 <= len(tickers()) <= 2 + passed_s * 1000 / CONFLATION_MS
        assert tickers() == sorted(set(tickers()))
