"""The truth about a topic, and what the stores say instead: the other half of the killer.

Reads the topic with the plain reader, recomputes everything with the oracle, and compares ClickHouse, Redis, the dead
letters and the flows' accounts with it. Nothing that a flow wrote takes part in what is expected. The oracle goes on
where it was at the last check, so a check costs what came since, and one look at every bar.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import redis
from clickhouse_driver import Client
from confluent_kafka import Consumer, TopicPartition

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.range import ranges_between, read_records
from flows.live import bounds_of
from flows.reading import read_options
from jobs.clickhouse_bars import read_bars
from jobs.desk.redis_stream import holds_all
from jobs.redis_now import compare_now
from jobs.verify import oracle_reader, oracle_rules
from oracle.comparison import compare_bars, decided_bars
from oracle.truth import Oracle, OracleReject, OracleResult, OracleTrade
from runtime.settings.whole import Settings
from schemas.names import ALERTS_VIEW, EVENTS_STREAM
from schemas.rejects import Reason
from sinks.clickhouse.connection import connect
from tests.chaos.follower import StreamFollower

__all__ = ["Truth", "Verdict", "dead_letters"]

SHOWN: Final = 20
UNIT: Final = 10**10
TRADE_COLUMNS: Final = (
    "kafka_partition, kafka_offset, symbol, toUnixTimestamp64Micro(event_time), price, size, toString(side), trade_id,"
    " exchange, bid, ask, sequence, toUnixTimestamp64Milli(kafka_time)"
)
Accounts = dict[int, dict[str, int]]


@dataclass
class Verdict:
    """``rows`` that were compared; ``differences``: one line each."""

    rows: int = 0
    differences: list[str] = field(default_factory=list)

    def take(self, rows: int, differences: Iterable[str]) -> None:
        self.rows += rows
        self.differences.extend(differences)

    def __str__(self) -> str:
        more = len(self.differences) - SHOWN
        lines = self.differences[:SHOWN] + ([f"… and {more} more"] if more > 0 else [])
        return "\n".join(lines) or f"{self.rows} rows, no difference"


class Truth:
    """Everything that follows from a topic, as far as it has been read. on_applied: gets each trade that is applied."""

    def __init__(
        self,
        settings: Settings,
        follower: StreamFollower | None = None,
        on_applied: Callable[[OracleTrade], None] = lambda _trade: None,
    ) -> None:
        self.settings = settings
        self._on_applied = on_applied
        self.follower = follower
        self._options = read_options(settings)
        self._oracle = Oracle(oracle_rules(settings))
        self._reader = oracle_reader(settings)
        self._next: dict[int, int] = {}
        self._trades: dict[tuple[int, int], OracleTrade] = {}
        self._late: set[tuple[int, int]] = set()
        self._rejects: dict[tuple[int, int], Reason] = {}
        self.result = OracleResult({}, {}, {}, {}, {}, {})

    def advance(self) -> int:
        """Read on to the end of the topic; returns how many records it holds."""
        ranges = ranges_between(self._options, Position("earliest"), Position("latest"))
        left = {partition: (self._next.get(partition, start), end) for partition, (start, end) in ranges.items()}
        for record in read_records(self._options, left):
            item = self._reader.read(record.partition, record.offset, record.timestamp_ms, record.value)
            place = (record.partition, record.offset)
            outcome = self._oracle.take(item)
            if isinstance(item, OracleReject):
                self._rejects[place] = item.reason
            elif outcome != "duplicate":
                self._trades[place] = item
                if outcome == "late":
                    self._late.add(place)
                else:
                    self._on_applied(item)
        self._next = {partition: end for partition, (_, end) in left.items()}
        self.result = self._oracle.result()
        return sum(count["read"] for count in self.result.counts.values())

    @property
    def ends(self) -> dict[int, int]:
        """Of each partition, the offset behind the last record that was read."""
        return dict(self._next)

    def check(self, accounts: dict[str, Accounts], client: redis.Redis) -> Verdict:
        """``accounts``: flow -> partition -> outcome -> records, as the flows say. What only history writes is compared
        where it is one of them."""
        verdict = Verdict()
        for flow, found in accounts.items():
            verdict.take(len(self.result.counts), self._account_differences(flow, found))
        self.check_redis(verdict, client)
        if "history" in accounts:
            self.check_clickhouse(verdict)
            self.check_dead_letters(verdict)
        return verdict

    def check_clickhouse(self, verdict: Verdict) -> None:
        client = connect(self.settings.clickhouse_dsn)
        try:
            stored = read_bars(client, self.settings.clickhouse_database)
            bars = compare_bars(decided_bars(self.result.bars.values(), stored), stored)
            verdict.take(bars.compared, (f"ClickHouse bar {each}" for each in bars.differences))
            if bars.elsewhere:
                verdict.take(bars.elsewhere, [f"ClickHouse holds {bars.elsewhere} bars of unknown symbols"])
            verdict.take(*self._kept_compared(client))
            self._check_trades(verdict, client, "trades_unique", set(self._trades))
            self._check_trades(verdict, client, "late_trades FINAL", self._late)
        finally:
            client.disconnect()

    def check_redis(self, verdict: Verdict, client: redis.Redis) -> None:
        now = compare_now(client, self.result, kept=bounds_of(self.settings).kept)
        verdict.take(now.compared, (f"Redis {each}" for each in now.differences))
        verdict.take(*self._events_compared(client))
        if self.follower is not None:
            rows, contradictions = self.follower.follow()
            verdict.take(rows, contradictions)
            verdict.take(*self.follower.compare(self.result, client))

    def _doubled(self) -> set[str]:
        symbols = Counter(symbol for _, symbol in self.result.tickers)
        return {symbol for symbol, count in symbols.items() if count > 1}

    def _kept_compared(self, client: Client) -> tuple[int, list[str]]:
        """Each symbol in two partitions stands once among the alerts that ClickHouse keeps."""
        query = (
            f"SELECT id FROM {self.settings.clickhouse_database}.{ALERTS_VIEW} WHERE startsWith(id, 'two-partitions:')"
        )
        kept = Counter(alert_id.removeprefix("two-partitions:") for (alert_id,) in client.execute(query))
        doubled = self._doubled()
        return len(doubled), [
            f"ClickHouse alerts of {symbol}: {kept[symbol]}, not {int(symbol in doubled)}"
            for symbol in doubled | set(kept)
            if kept[symbol] != (symbol in doubled)
        ]

    def _events_compared(self, client: redis.Redis) -> tuple[int, list[str]]:
        """An alert for each symbol in two partitions, once."""
        doubled = self._doubled()
        told = [
            json.loads(fields[b"data"]) for _, fields in client.xrange(EVENTS_STREAM) if fields[b"type"] == b"alert"
        ]
        alerts = Counter(data["symbol"] for data in told if "symbol" in data)
        is_whole = holds_all(client)
        return len(doubled), [
            f"alerts of {symbol}: {alerts[symbol]}, not {int(symbol in doubled)}"
            for symbol in doubled | set(alerts)
            if alerts[symbol] > (symbol in doubled) or (is_whole and alerts[symbol] < (symbol in doubled))
        ]

    def check_dead_letters(self, verdict: Verdict) -> None:
        found: dict[tuple[int, int], str] = {}
        for headers in dead_letters(self.settings):
            found[int(headers["partition"]), int(headers["offset"])] = headers["reason"]
        expected = {place: reason.label for place, reason in self._rejects.items()}
        verdict.take(len(expected), (
            f"dead letter {place}: {expected.get(place, 'none')} expected, {found.get(place, 'none')} found"
            for place in expected.keys() | found.keys() if expected.get(place) != found.get(place)
        ))  # fmt: skip

    def _account_differences(self, flow: str, found: Accounts) -> Iterator[str]:
        for partition, expected in self.result.counts.items():
            whole = {**expected, "unjudged": self.result.unjudged[partition]}
            if found.get(partition) != whole:
                yield f"{flow} account of partition {partition}: {found.get(partition)}, not {whole}"

    def _check_trades(self, verdict: Verdict, client: Client, table: str, wanted: set[tuple[int, int]]) -> None:
        name = f"{self.settings.clickhouse_database}.{table}"
        seen: set[tuple[int, int]] = set()
        rules = oracle_rules(self.settings)
        wrong: list[str] = []
        for partition, offset, *values in client.execute_iter(f"SELECT {TRADE_COLUMNS} FROM {name}"):
            place = (partition, offset)
            trade = self._trades.get(place) if place in wanted else None
            if trade is None or place in seen:
                wrong.append(f"{table} {place}: {'twice' if trade else 'not expected'}")
                continue
            seen.add(place)
            expected = [
                trade.symbol, trade.event_time_us, trade.price, trade.size, trade.side, trade.trade_id, trade.exchange,
                trade.bid, trade.ask, rules.source_epoch * 2**44 + offset, trade.timestamp_ms,
            ]  # fmt: skip
            if values != expected:
                wrong.append(f"{table} {place}: {values}, not {expected}")
        wrong += [f"{table} {place}: missing" for place in sorted(wanted - seen)]
        verdict.take(len(wanted), wrong)


def dead_letters(settings: Settings) -> Iterator[dict[str, str]]:
    """Headers of every dead letter, in order."""
    topic = settings.dead_letter_topic
    options = KafkaReadOptions(bootstrap=settings.kafka_bootstrap, topic=topic)
    (start, end), *_ = ranges_between(options, Position("earliest"), Position("latest")).values()
    consumer: Any = Consumer({"bootstrap.servers": settings.kafka_bootstrap, "group.id": "truth", "log_level": 2})
    try:
        consumer.assign([TopicPartition(topic, 0, start)])
        while start < end:
            for message in consumer.consume(1000, 1.0):
                assert message.error() is None, message.error()
                start = message.offset() + 1
                yield {name: value.decode() for name, value in message.headers()}
    finally:
        consumer.close()
