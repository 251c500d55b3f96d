"""The demo's proof of its desk: figures, exposure and every alert recomputed from the topics, and compared.

Runs after the flows have stopped, as demo.proof does, which calls it. Each kind of record is one check, and so are the
rules: what they fired must stand in ClickHouse and in the stream, once each, and nothing else.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from connectors.kafka.range import OffsetRange
from demo.checks import Check
from flows.analytics_reading import desk_settings, desk_topics
from jobs.desk.alerts import PREFIXES, compare_sent
from jobs.desk.clickhouse_rows import read_firings
from jobs.desk.redis_stream import holds_all, read_sent_alerts, read_sent_firings
from jobs.desk.topic import read_desk
from jobs.desk.verify import compare_tables, recompute_desk, whole_topic
from jobs.price_alerts import Armings, Ticks, compare_firings
from oracle.rows import RowComparison
from runtime.settings.whole import Settings
from schemas.desk import DeskKind
from sinks.clickhouse.connection import connect as connect_clickhouse
from sinks.redis.connection import asked

__all__ = ["DeskMade", "prove_desk", "prove_rules", "ticks_of"]

NAMES: Final[Mapping[DeskKind, str]] = {"routing": "routing", "lp": "providers", "exposure": "exposure"}
SHOWN: Final = 3


class DeskMade(NamedTuple):
    """sent: records that the broker took of each topic; rules: how many the gateway took."""

    sent: Mapping[str, int]
    rules: int


def prove_desk(settings: Settings, sent: Mapping[str, int]) -> list[Check]:
    """``sent``: records that the broker took of each topic."""
    checks: list[Check] = []
    with asked(settings.redis_url) as redis:
        is_whole = holds_all(redis)
        for kind, topic in desk_topics(settings).items():
            own = desk_settings(settings, topic)
            read = read_desk(own, kind, whole_topic(own), lambda _done, _total: None)
            truth = recompute_desk(own, read)
            found = compare_tables(own, truth)
            alerts = ""
            if kind in PREFIXES:
                found.add(compare_sent(truth.alerts, read_sent_alerts(redis, PREFIXES[kind]), is_whole=is_whole))
                alerts = f", {sum(state == 'open' for _, state in truth.alerts.told)} alerts"
            detail = f"{len(read.records)} of {sent.get(topic, 0)} records{alerts}, {told(found)}"
            is_all = len(read.records) == sent.get(topic, 0)
            checks.append(Check(NAMES[kind], is_all and not found.differences and found.compared > 0, detail))
    return checks


def ticks_of(settings: Settings, armings: Armings, ranges: Mapping[int, OffsetRange]) -> Ticks:
    """What collects the trades that rules look at while the proof reads ``ranges``."""
    return Ticks(armings.symbols, settings.source_epoch, ranges, settings.out_of_order_ms * 1000)


def prove_rules(settings: Settings, armings: Armings, ticks: Ticks, rules_made: int) -> Check:
    """rules_made: how many the gateway took; all of them must have been armed."""
    clickhouse = connect_clickhouse(settings.clickhouse_dsn)
    try:
        stored = read_firings(clickhouse, settings.clickhouse_database)
    finally:
        clickhouse.disconnect()
    with asked(settings.redis_url) as redis:
        found = compare_firings(armings, ticks, stored, read_sent_firings(redis), is_whole=holds_all(redis))
    armed = len(armings.rules)
    detail = f"{armed} of {rules_made} armed, {len(stored)} price alerts, {told(found)}"
    return Check("rules", armed == rules_made and not found.differences, detail)


def told(found: RowComparison) -> str:
    """With the first differences."""
    return "; ".join([str(found), *(str(each) for each in found.differences[:SHOWN])])
