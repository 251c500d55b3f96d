"""The killer's dealing desk: records that never end on the three topics of a desk, and what must have come of them.

The checker reads back what the broker took. Times are those of our clock, some records come late, some are refused.
At each check everything is recomputed by the oracles from the topics and held against ClickHouse, the stream of
events and the streams of the channels.
"""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import redis

from flows.analytics_reading import desk_rules, desk_settings, desk_topics
from jobs.desk.alerts import PREFIXES, compare_sent
from jobs.desk.redis_stream import holds_all, read_sent_alerts
from jobs.desk.topic import read_desk
from jobs.desk.verify import DeskTruth, compare_tables, recompute_desk, whole_topic
from jobs.produce.desk import DeskMarket, desk_encoder, desk_schema_id
from oracle.desk import OracleDeskRules, recompute_routing
from runtime.settings.whole import Settings
from schemas.channels import ENTRIES_KEPT, channel_stream
from schemas.desk import DeskKind
from tests.chaos.feeder import Feeder
from tests.chaos.truth import dead_letters

__all__ = ["DESK_PARTITIONS", "DeskTape", "check_desk"]

DESK_PARTITIONS: Final[Mapping[DeskKind, int]] = {"routing": 2, "lp": 1, "exposure": 1}
RATES: Final[Mapping[DeskKind, int]] = {"routing": 20, "lp": 5, "exposure": 5}
SYMBOLS: Final = 8
SLICE_S: Final = 0.1
LATE: Final = 0.05
LATE_US: Final = 20_000_000
BAD: Final = 0.01


class DeskTape(Feeder):
    """Each kind at its rate."""

    def __init__(self, settings: Settings, *, seed: int) -> None:
        super().__init__(settings.kafka_bootstrap, name="desk", slice_s=SLICE_S)
        self._random = random.Random(seed)
        self._topics = desk_topics(settings)
        self._markets = {kind: DeskMarket(kind, SYMBOLS, seed) for kind in self._topics}
        self._encoders = {}
        for kind, topic in self._topics.items():
            schema_id = desk_schema_id(kind, desk_settings(settings, topic))
            self._encoders[kind] = (desk_encoder(kind, "json"), desk_encoder(kind, "confluent", schema_id))
        self._made = dict.fromkeys(self._topics, 0.0)

    def send_slice(self) -> None:
        for kind, rate in RATES.items():
            self._made[kind] += rate * SLICE_S
            self._send(kind, int(self._made[kind]))
            self._made[kind] -= int(self._made[kind])

    def _send(self, kind: DeskKind, count: int) -> None:
        chance, now_us = self._random, time.time_ns() // 1000
        for record in self._markets[kind].take(count, now_us, 1000 * count):
            if chance.random() < LATE:
                record.fields["eventTime"] -= chance.randrange(LATE_US)
            value = chance.choice(self._encoders[kind])(record)
            if chance.random() < BAD:
                value = chance.choice((b"", b"nonsense", value[:-3], b'{"symbol":"A"}'))
            partition = sum(record.key.encode()) % DESK_PARTITIONS[kind]
            self.produce(self._topics[kind], value, record.key.encode(), partition)


def check_desk(settings: Settings, client: redis.Redis, *, was_wiped: bool) -> tuple[int, list[str]]:
    """Rows compared, and differences. was_wiped: whether Redis has lost what it held before."""
    rows, wrong = 0, []
    is_whole = not was_wiped and holds_all(client)
    for kind, topic in desk_topics(settings).items():
        own = desk_settings(settings, topic)
        truth = recompute_desk(own, read_desk(own, kind, whole_topic(own), lambda _done, _total: None))
        found = compare_tables(own, truth)
        if kind in PREFIXES:
            found.add(compare_sent(truth.alerts, read_sent_alerts(client, PREFIXES[kind]), is_whole=is_whole))
        rows += found.compared
        wrong += [str(each) for each in found.differences]
        letters = {(int(each["partition"]), int(each["offset"])) for each in dead_letters(own)}
        rows += len(letters)
        wrong += [f"dead letters of {topic}: {each}" for each in sorted(letters ^ truth.topic.refused)]
        messages = list(messages_of(client, kind))
        rows += len(messages)
        wrong += check_order(kind, messages)
        if kind == "routing":
            is_full = not was_wiped and len(messages) < ENTRIES_KEPT
            wrong += check_decisions(own, truth, messages, is_full=is_full)
        else:
            wrong += (check_providers if kind == "lp" else check_totals)(truth, messages)
    return rows, wrong


CHANNELS: Final[Mapping[DeskKind, str]] = {
    "routing": "routing-metrics", "lp": "lp-performance", "exposure": "exposure-updates",
}  # fmt: skip
Message = tuple[str, dict[str, Any]]
"""Type and data."""


def messages_of(client: redis.Redis, kind: DeskKind) -> Iterator[Message]:
    """All that stand in the kind's channel."""
    asked: Any = client
    for _, fields in asked.xrange(channel_stream(CHANNELS[kind])):
        yield fields[b"type"].decode(), json.loads(fields[b"data"], parse_float=Decimal, parse_int=Decimal)


def check_order(kind: DeskKind, messages: list[Message]) -> Iterator[str]:
    """Figures of a window never go back."""
    last: dict[tuple[Any, ...], int] = {}
    for told, data in messages:
        if "sequence" in data:
            window = (told, data["interval"], data["startTime"], data["partition"], data.get("symbol", ""))
            if data["sequence"] < last.get(window, -1):
                yield f"{kind} channel: {window} went from {last[window]} to {data['sequence']}"
            last[window] = data["sequence"]


def check_providers(truth: DeskTruth, messages: list[Message]) -> Iterator[str]:
    """A minute that was told with its last record in it has the figures of all."""
    minutes = {(start, lp): row for (start, lp, _), row in truth.minutes.items()}
    versions: dict[object, int] = {}
    for (start, _), row in minutes.items():
        versions[start] = max(versions.get(start, -1), row.version)
    for kind, data in messages:
        if kind != "lp-stats" or data["interval"] != "1m":
            continue
        start = int(data["startTime"]) * 1000
        if data["sequence"] == versions.get(start):
            for lp, told in data["byLP"].items():
                wanted = minutes[start, lp].values
                if (told["samples"], told["statusChanges"]) != (wanted[0], wanted[8]):
                    yield f"lp channel: {lp} at {start}: {told['samples']}, {told['statusChanges']}, not {wanted}"


def check_totals(truth: DeskTruth, messages: list[Message]) -> Iterator[str]:
    """The totals that were told last are those of the last record."""
    totals = {key[0]: row.values for key, row in truth.minutes.items() if key[1] == "total"}
    changes = [data for kind, data in messages if kind == "exposure-change"]
    if totals and changes:
        wanted, told = totals[max(totals, key=str)], changes[-1]
        if (told["netExposure"], told["totalExposure"]) != wanted[:2]:
            yield f"exposure channel: {told['netExposure']} and {told['totalExposure']} last, not {wanted[:2]}"


def check_decisions(settings: Settings, truth: DeskTruth, messages: list[Message], *, is_full: bool) -> Iterator[str]:
    """Each decision that passes stands once in its channel, and each second's and minute's last figures are right."""
    rules = desk_rules(settings)
    whole = recompute_routing(
        truth.topic.records, OracleDeskRules(rules.out_of_order_us, rules.lateness_us, rules.passed_per_second)
    )
    names = ("symbol", "side", "volume", "routingDecision", "lpSelected", "executionTimeMs", "spread", "slippage")
    wanted = Counter(
        (
            each.symbol, each.side, each.volume, each.decision, each.lp, Decimal(each.execution_us) / 1000,
            each.spread, each.slippage,
        )
        for each in whole.passed
    )  # fmt: skip
    told = Counter(tuple(data[name] for name in names) for kind, data in messages if kind == "routing-decision")
    for decision in wanted.keys() | told.keys():
        if told[decision] > wanted[decision] or (is_full and told[decision] < wanted[decision]):
            yield f"routing channel: {decision} {told[decision]} times, not {wanted[decision]}"
    counts: Counter[tuple[int, str, int]] = Counter()
    versions: dict[tuple[int, str, int], int] = {}
    for (partition, interval, start_us, *_), cell in whole.cells.items():
        window = (partition, interval, start_us)
        counts[window] += len(cell.spreads)
        versions[window] = max(versions.get(window, -1), cell.version)
    for kind, data in messages:
        window = (int(data.get("partition", -1)), str(data.get("interval")), int(data.get("startTime", 0)) * 1000)
        if kind != "routing-stats" or "symbol" in data or data["sequence"] != versions.get(window):
            continue
        if (data["count"], data["sampled"]) != (counts[window], whole.sampled.get(window, 0)):
            yield f"routing channel: {window} says {data['count']}, not {counts[window]}"
