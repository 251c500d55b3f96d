"""A market with users' rules on real servers: trades and rules that are sent, what should have fired, what did."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Producer
from redis import Redis

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.range import Record, ranges_between, read_records
from jobs.produce.encoding import encoder_of
from jobs.verify import oracle_rules
from oracle.alert_series import OracleTick
from oracle.alerts import OracleFiring, OracleRule, expected_firings
from oracle.truth import Oracle, OracleTrade, sequence_of
from processes.runner import FlowProcess
from runtime.settings.whole import Settings
from schemas.alert_rules import RELATIVE, AlertRule, ArmedRule
from schemas.alert_series import SERIES
from schemas.errors import MissingObject
from schemas.names import armed_topic
from sinks.clickhouse.connection import connect
from tests.property.trade_batches import to_batch

__all__ = ["AlertFlow", "RuleMarket", "running"]

SYMBOLS = ("AAPL", "BTC/USDT", "MSFT", "ETH/USDT")
PARTITIONS = 2
THRESHOLDS = {
    "vwap": ("0", "0.05"), "rise": ("0.1", "0.5"), "fall": ("0.1", "0.5"), "high": ("0", "0.1"), "low": ("0", "0.1"),
}  # fmt: skip
"""Of the series that aren't prices and that a few minutes move."""
Fired = tuple[str, Decimal, str]
"""Firing id, price, user."""


class RuleMarket:
    """One topic of trades, four symbols that walk around 100, rules of two users."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.settings = settings
        self.chance = random.Random(seed)
        self.trades: list[OracleTrade] = []
        self.prices = dict.fromkeys(SYMBOLS, Decimal(100))
        self.rules: dict[str, AlertRule] = {}
        self._offsets = [0] * PARTITIONS
        self._encode = encoder_of(settings)
        options = {"bootstrap.servers": settings.kafka_bootstrap, "enable.idempotence": True, "linger.ms": 1}
        self._producer = Producer(options)
        self._redis = Redis.from_url(settings.redis_url)

    def trade(self, count: int, symbol: str | None = None, price: str | None = None) -> None:
        """Send trades; a twentieth of them comes out of order, some of these too late."""
        batch = []
        for _ in range(count):
            name = symbol or self.chance.choice(SYMBOLS)
            step = Decimal(self.chance.randrange(-30, 31)) / 100
            self.prices[name] = Decimal(price) if price else max(self.prices[name] + step, Decimal(1))
            partition, now_ms = SYMBOLS.index(name) % PARTITIONS, time.time_ns() // 1_000_000
            ago_ms = self.chance.choice((3_000, 20 * 60_000)) if self.chance.random() < 0.05 else 0
            trade = OracleTrade(
                partition, self._offsets[partition], now_ms, (now_ms - ago_ms) * 1000, name, self.prices[name],
                Decimal(1), "BUY", str(len(self.trades) + len(batch)),
            )  # fmt: skip
            self._offsets[partition] += 1
            batch.append(trade)
        for trade, value in zip(batch, self._encode(to_batch(batch)), strict=True):
            self._producer.produce(
                self.settings.kafka_topic, value, trade.symbol.encode(), trade.partition, timestamp=trade.timestamp_ms
            )
        assert self._producer.flush(30) == 0
        self.trades += batch

    def write(self, rule: AlertRule) -> None:
        self.rules[rule.id] = rule
        self._send(rule.id, msgspec.json.encode(rule))

    def delete(self, rule_id: str) -> None:
        del self.rules[rule_id]
        self._send(rule_id, None)

    def _send(self, rule_id: str, value: bytes | None) -> None:
        self._producer.produce(self.settings.alert_rules_topic, value, rule_id.encode())
        assert self._producer.flush(30) == 0

    def some_rules(self, count: int) -> None:
        """Rules on every series but silence, which a clock may tell of; of prices, near those of now."""
        for number in range(len(self.rules), len(self.rules) + count):
            symbol, series = self.chance.choice(SYMBOLS), self.chance.choice(("price", "price", *THRESHOLDS))
            conditions = [each for each in SERIES[series].conditions if each not in RELATIVE]
            near = str(self.prices[symbol] + Decimal(self.chance.randrange(-300, 301)) / 100)
            self.write(
                AlertRule(
                    f"rule-{number}",
                    self.chance.choice(("anna", "bert")),
                    symbol,
                    self.chance.choice(conditions),  # type: ignore[arg-type]
                    self.chance.choice(THRESHOLDS.get(series, (near,))),
                    self.chance.choice(("once", "every", "every")),
                    self.chance.choice(("0.02", "0.1", "0.5")),
                    self.chance.choice((0, 0, 50)),
                    note=f"number {number}",
                    series=series,  # type: ignore[arg-type]
                    window=self.chance.choice(SERIES[series].windows),  # type: ignore[arg-type]
                )
            )

    def armed(self) -> dict[str, ArmedRule]:
        """The newest record of each rule."""
        found: dict[str, ArmedRule] = {}
        for record in self._armed_log():
            key = (record.key or b"").decode()
            if record.value is None:
                found.pop(key, None)
            else:
                found[key] = msgspec.json.decode(record.value, type=ArmedRule)
        return found

    def is_armed(self) -> bool:
        """Whether all rules are in the armed log as they were written last, and no others."""
        versions = {key: msgspec.json.decode(each.rule, type=AlertRule).version for key, each in self.armed().items()}
        return versions == {key: rule.version for key, rule in self.rules.items()}

    def expected(self) -> set[Fired]:
        """What the oracle makes of the trades and the armed log, whole."""
        oracle = Oracle(oracle_rules(self.settings))
        ticks: dict[int, list[OracleTick]] = {}
        for trade in self.trades:
            if oracle.take(trade) == "applied":
                tick = OracleTick(sequence_of(trade, 0), trade.event_time_us, trade.symbol, trade.price, trade.size)
                ticks.setdefault(trade.partition, []).append(tick)
        armings: dict[tuple[str, int], OracleRule] = {}
        users: dict[str, str] = {}
        newest: dict[str, tuple[str, int]] = {}
        for record in self._armed_log():
            if record.value is None:
                continue
            said = msgspec.json.decode(record.value, type=ArmedRule)
            rule = msgspec.json.decode(said.rule, type=AlertRule)
            users[rule.id], key = rule.user, (rule.id, rule.version)
            if key not in armings:
                if rule.id in newest:
                    armings[newest[rule.id]] = armings[newest[rule.id]]._replace(ended_at=said.armed_at)
                newest[rule.id] = key
                armings[key] = OracleRule(
                    rule.id, rule.symbol, rule.condition, Decimal(rule.threshold), said.armed_at, rule.repeat,
                    Decimal(rule.rearm), rule.cooldown_ms, series=rule.series, window=rule.window,
                )  # fmt: skip
        found: list[OracleFiring] = []
        for partition, of_partition in ticks.items():
            rules = [rule for rule in armings.values() if SYMBOLS.index(rule.symbol) % PARTITIONS == partition]
            found += expected_firings(rules, of_partition, self.settings.out_of_order_ms * 1000)
        return {_fired(firing, users[firing.id]) for firing in found}

    def streamed(self) -> list[dict[str, Any]]:
        """Data of the price alerts in the event stream, with the user of each."""
        found: Any = self._redis.xrange("md:events")
        return [
            {**json.loads(fields[b"data"], parse_float=Decimal), "user": fields[b"user"].decode()}
            for _, fields in found
            if fields[b"type"] == b"price_alert"
        ]

    def stored(self) -> list[Fired]:
        client = connect(self.settings.clickhouse_dsn)
        try:
            table = f"{self.settings.clickhouse_database}.price_alerts_unique"
            rows: list[Fired] = client.execute(f"SELECT id, price, user_id FROM {table}")
        finally:
            client.disconnect()
        return rows

    def _armed_log(self) -> Iterator[Record]:
        topic = armed_topic(self.settings.alert_rules_topic)
        options = KafkaReadOptions(bootstrap=self.settings.kafka_bootstrap, topic=topic)
        try:
            ranges = ranges_between(options, Position("earliest"), Position("latest"))
        except MissingObject:
            return  # the flow makes it
        yield from read_records(options, ranges)


def _fired(firing: OracleFiring, user: str) -> Fired:
    return f"{firing.id}:{firing.sequence}", firing.price, user


class AlertFlow:
    """The alerts flow, which may be killed and started again."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings, self._log = settings, log
        self._moment = threading.Event()
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as file:
            self._process = FlowProcess("alerts", self._settings, log=file)
            self._process.start()

    def kill(self) -> None:
        self._process.kill()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; fails when the flow ends first."""
        deadline = time.monotonic() + 60
        while not condition():
            assert self._process.poll() is None, self._log.read_text()[-4000:]
            assert time.monotonic() < deadline, self._log.read_text()[-4000:]
            self._moment.wait(0.1)


@contextmanager
def running(settings: Settings, log: Path) -> Iterator[AlertFlow]:
    """The alerts flow while the block runs."""
    flow = AlertFlow(settings, log)
    try:
        yield flow
    finally:
        flow.kill()
