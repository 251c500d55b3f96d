"""Recomputes what users' rules should have fired, from the trades and the armed log, and compares what is stored.

The demo, the killer and ``tapeflow verify --kind alerts`` call it. The armed log says which rules count from where
(docs/adr/0036-rules-of-users.md); the trades come from the oracle of bars, those that it applies. A rule that was taken
back counts as far as the log tells of it: what it fired behind that may be there or not. So may a silence that a clock
told of.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.range import OffsetRange, Record, ranges_between, read_records
from oracle.alert_series import OracleTick
from oracle.alerts import OracleRule, expected_firings
from oracle.rows import RowComparison, RowDifference
from oracle.truth import OracleTrade, sequence_of
from runtime.settings.whole import Settings
from schemas.alert_rules import AlertRule, ArmedRule, firing_id
from schemas.contract import first_sequence
from schemas.errors import MissingObject
from schemas.names import armed_topic

__all__ = ["Armings", "Fired", "Ticks", "compare_firings", "read_armings"]

Fired = tuple[object, ...]
"""Price, user, symbol, event time in microseconds: what is compared of a firing beside its id."""


class Arming(NamedTuple):
    """One version of a rule in a partition. known_to: the sequence up to which the log tells of a rule that is gone."""

    partition: int
    rule: OracleRule
    user: str
    known_to: int | None = None


class Armings:
    """All that an armed log says. is_whole: whether it still holds every record, none compacted away."""

    def __init__(self, records: Iterable[Record], *, is_whole: bool = True) -> None:
        self.is_whole = is_whole
        self.armings: dict[tuple[str, int], Arming] = {}
        newest: dict[str, tuple[tuple[str, int], int]] = {}
        for record in records:
            rule_id = (record.key or b"").decode()
            if record.value is None:
                if rule_id in newest:
                    key, at = newest.pop(rule_id)
                    self.armings[key] = self.armings[key]._replace(known_to=at)
                continue
            said = msgspec.json.decode(record.value, type=ArmedRule)
            rule = msgspec.json.decode(said.rule, type=AlertRule)
            key = (rule.id, rule.version)
            if key not in self.armings:
                if rule_id in newest:
                    self._end(newest[rule_id][0], said.armed_at)
                self.armings[key] = Arming(record.partition, oracle_rule(rule, said.armed_at), rule.user)
            newest[rule_id] = key, max(said.armed_at, said.at)

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset(each.rule.symbol for each in self.armings.values())

    @property
    def rules(self) -> frozenset[str]:
        """Ids of all rules that were ever armed."""
        return frozenset(rule_id for rule_id, _ in self.armings)

    def _end(self, key: tuple[str, int], sequence: int) -> None:
        arming = self.armings[key]
        self.armings[key] = arming._replace(rule=arming.rule._replace(ended_at=sequence))


def oracle_rule(rule: AlertRule, armed_at: int) -> OracleRule:
    return OracleRule(
        rule.id, rule.symbol, rule.condition, Decimal(rule.threshold), armed_at, rule.repeat, Decimal(rule.rearm),
        rule.cooldown_ms, rule.expires_at_ms, series=rule.series, window=rule.window,
    )  # fmt: skip


class Ticks:
    """Takes trades that are applied, and keeps those that rules look at, in order, by partition: of symbols that have
    rules all, of others those that take the log's time into another millisecond. That closes bars, and tells of
    silence.

    ranges: of each partition, the offsets of the records that are looked at.
    """

    def __init__(
        self,
        symbols: frozenset[str],
        source_epoch: int,
        ranges: Mapping[int, OffsetRange],
        out_of_order_us: int = 5_000_000,
    ) -> None:
        self.out_of_order_us = out_of_order_us
        self._symbols = symbols
        self._epoch = source_epoch
        self.by_partition: dict[int, list[OracleTick]] = defaultdict(list)
        self._newest_ms: dict[int, int] = {}
        first = first_sequence(source_epoch)
        self.spans = {partition: range(first + start, first + end) for partition, (start, end) in ranges.items()}

    def take(self, trade: OracleTrade) -> None:
        time_ms = trade.event_time_us // 1000
        goes_on = time_ms > self._newest_ms.get(trade.partition, -1)
        if goes_on:
            self._newest_ms[trade.partition] = time_ms
        if goes_on or trade.symbol in self._symbols:
            sequence = sequence_of(trade, self._epoch)
            tick = OracleTick(sequence, trade.event_time_us, trade.symbol, trade.price, trade.size)
            self.by_partition[trade.partition].append(tick)


def read_armings(settings: Settings) -> Armings:
    """The armed log as far as it is there; empty where there is none."""
    options = KafkaReadOptions(
        bootstrap=settings.kafka_bootstrap,
        topic=armed_topic(settings.alert_rules_topic),
        properties=settings.kafka_properties,
    )
    try:
        ranges = ranges_between(options, Position("earliest"), Position("latest"))
    except MissingObject:
        return Armings([])  # the flow makes it
    records = list(read_records(options, ranges))
    return Armings(records, is_whole=len(records) == sum(end for _, end in ranges.values()))


def compare_firings(
    armings: Armings, ticks: Ticks, stored: Mapping[str, Fired], sent: Iterable[str], *, is_whole: bool = True
) -> RowComparison:
    """``stored``: by id; ``sent``: ids of the stream's messages. is_whole: whether it still holds its first entry."""
    needed, allowed = _expected(armings, ticks)
    found, counts = RowComparison(), Counter(sent)
    first: dict[str, Arming] = {}
    for arming in sorted(armings.armings.values(), key=lambda each: each.rule.armed_at):
        first.setdefault(arming.rule.id, arming)

    def is_decided(alert_id: str) -> bool:
        """Whether the trades and the log at hand say all about a firing."""
        rule_id, _, place = alert_id.rpartition(":")
        sequence, arming = int(place.partition(".")[0]), first.get(rule_id)
        if arming is None:
            return armings.is_whole
        span = ticks.spans.get(arming.partition, range(0))
        return (
            sequence < span.stop
            and arming.rule.armed_at >= span.start - (span.start == 0)
            and (armings.is_whole or sequence > arming.rule.armed_at)
        )

    found.open = sum(not is_decided(alert_id) for alert_id in stored)
    for alert_id in filter(is_decided, needed.keys() | stored.keys()):
        expected = needed.get(alert_id) or allowed.get(alert_id)
        has = stored.get(alert_id)
        found.compared += 1
        if has != expected:
            found.differences.append(RowDifference("price_alerts", alert_id, "row", str(expected), str(has)))
    for alert_id in filter(is_decided, counts.keys() | (needed.keys() if is_whole else ())):
        found.compared += 1
        is_known = alert_id in needed or alert_id in allowed
        if counts[alert_id] != 1 or not is_known:
            wanted = "once" if is_known else "none"
            found.differences.append(
                RowDifference("event stream", alert_id, "price_alert", wanted, str(counts[alert_id]))
            )
    return found


def _expected(armings: Armings, ticks: Ticks) -> tuple[dict[str, Fired], dict[str, Fired]]:
    """Firings that must be there, and others that may be."""
    sorted_ticks = defaultdict(list, {each: sorted(found) for each, found in ticks.by_partition.items()})
    needed: dict[str, Fired] = {}
    allowed: dict[str, Fired] = {}
    for arming in armings.armings.values():
        rule = arming.rule
        if rule.armed_at not in range(-1, ticks.spans.get(arming.partition, range(0)).stop):
            continue
        of_partition = sorted_ticks[arming.partition]
        for firing in expected_firings([rule], of_partition, ticks.out_of_order_us):
            told = (firing.price, arming.user, rule.symbol, firing.event_time_us)
            is_sure = arming.known_to is None or firing.sequence <= arming.known_to
            (needed if is_sure else allowed)[firing_id(rule.id, firing.named)] = told
        if rule.series == "silence":
            allowed |= _told_by_clock(arming, of_partition)
    return needed, allowed


def _told_by_clock(arming: Arming, ticks: Iterable[OracleTick]) -> dict[str, Fired]:
    """Silences that a clock may have told of: one behind each trade of the symbol."""
    rule = arming.rule
    found: dict[str, Fired] = {}
    latest: OracleTick | None = None
    for tick in ticks:
        if tick.symbol == rule.symbol:
            latest = tick if latest is None or tick.event_time_us >= latest.event_time_us else latest
            time_us = latest.event_time_us + int(rule.threshold * 1_000_000)
            found[firing_id(rule.id, tick.sequence)] = (latest.price, arming.user, rule.symbol, time_us)
    return found
