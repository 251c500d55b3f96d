"""The killer's users: rules about prices that come, change and go, and what they must have fired.

Rules are about symbols that lie in one partition, near the price that Redis tells, of every condition. At each check
the oracle makes of the trades and of the armed log what should have fired, and ClickHouse and the stream of events
are held against it by id.
"""

import json
import random
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec
import redis
from confluent_kafka import Producer
from msgspec.structs import replace

from jobs.desk.clickhouse_rows import read_firings
from jobs.desk.redis_stream import holds_all, read_sent_firings
from jobs.price_alerts import Ticks, compare_firings, read_armings
from oracle.truth import OracleTrade
from runtime.settings.whole import Settings
from schemas.alert_rules import AlertRule
from schemas.names import RedisKeys
from sinks.clickhouse.connection import connect
from tests.chaos.feeder import OPTIONS

__all__ = ["Users"]

USERS: Final = ("anna", "bert", "cleo")
RULES_MAX: Final = 400
CONDITIONS: Final = ("crosses_above", "crosses_below", "above", "below", "rises_by", "falls_by")


class Users:
    """``symbols``: those that trade in one partition."""

    def __init__(self, settings: Settings, client: redis.Redis, symbols: list[str], *, seed: int) -> None:
        self._settings, self._client, self._symbols = settings, client, symbols
        self._random = random.Random(seed)
        self._producer = Producer({**OPTIONS, "bootstrap.servers": settings.kafka_bootstrap})
        self._rules: dict[str, AlertRule] = {}
        self._made = 0
        self._applied: dict[str, list[OracleTrade]] = defaultdict(list)

    def take(self, trade: OracleTrade) -> None:
        """A trade that the oracle applies; all are kept, as rules may come that look at them."""
        self._applied[trade.symbol].append(trade)

    def stir(self) -> None:
        """Some rules come, one changes, one goes; the broker has it all, unless it is away for long."""
        for _ in range(self._random.randrange(1, 8)):
            if len(self._rules) < RULES_MAX:
                self._make()
        if self._rules and self._random.random() < 0.5:
            old = self._rules[self._random.choice(sorted(self._rules))]
            self._put(replace(old, repeat="every", version=old.version + 1))
        if len(self._rules) > 10 and self._random.random() < 0.3:
            gone = self._random.choice(sorted(self._rules))
            del self._rules[gone]
            self._send(gone, None)
        self._producer.flush(30)

    def settle(self) -> None:
        """Returns when the broker has every rule."""
        assert self._producer.flush(60) == 0, "rules were not taken"

    def armed(self) -> bool:
        """Whether each rule that is there is armed in its newest version."""
        found = read_armings(self._settings).armings
        return all((rule.id, rule.version) in found for rule in self._rules.values())

    def check(self, ends: Mapping[int, int], *, was_wiped: bool) -> tuple[int, list[str]]:
        """Rows compared, and differences. ends: offsets up to which trades were taken. was_wiped: whether Redis has
        lost what it held before."""
        armings = read_armings(self._settings)
        ranges = {partition: (0, end) for partition, end in ends.items()}
        ticks = Ticks(armings.symbols, self._settings.source_epoch, ranges, self._settings.out_of_order_ms * 1000)
        for symbol in armings.symbols:
            for trade in self._applied[symbol]:
                ticks.take(trade)
        client = connect(self._settings.clickhouse_dsn)
        try:
            stored = read_firings(client, self._settings.clickhouse_database)
        finally:
            client.disconnect()
        sent = read_sent_firings(self._client)
        found = compare_firings(armings, ticks, stored, sent, is_whole=not was_wiped and holds_all(self._client))
        return found.compared, [str(each) for each in found.differences]

    def _make(self) -> None:
        chance, symbol = self._random, self._random.choice(self._symbols)
        text = self._client.get(RedisKeys().price(symbol))
        if text is None:
            return
        assert isinstance(text, bytes)
        price = Decimal(str(json.loads(text, parse_float=str, parse_int=str)["price"]))
        condition = chance.choice(CONDITIONS)
        threshold = str(max(price + Decimal(chance.randrange(-300, 301)) / 100, Decimal("0.01")))
        if condition in ("rises_by", "falls_by"):
            threshold = str(Decimal(chance.randrange(1, 200)) / 100)
        self._made += 1
        self._put(
            AlertRule(
                f"rule-{self._made}", chance.choice(USERS), symbol, condition, threshold,
                chance.choice(("once", "every", "every")), chance.choice(("0.02", "0.1", "1")),
                chance.choice((0, 60_000, 600_000)), note=f"number {self._made}",
            )
        )  # fmt: skip

    def _put(self, rule: AlertRule) -> None:
        self._rules[rule.id] = rule
        self._send(rule.id, msgspec.json.encode(rule))

    def _send(self, rule_id: str, value: bytes | None) -> None:
        self._producer.produce(self._settings.alert_rules_topic, value, rule_id.encode())
