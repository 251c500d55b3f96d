"""Recomputes a desk's topics with the oracles and compares its tables in ClickHouse, and its alerts, with them.

``tapeflow verify --kind`` calls it, the demo and the killer too. A topic is read from its first record on, as
totals and levels follow from all of them. Rows that may still change are left out and counted.
"""

from dataclasses import dataclass
from typing import Final

from connectors.kafka.options import Position
from connectors.kafka.range import OffsetRange, ranges_between
from flows.analytics_reading import desk_rules
from flows.reading import read_options
from jobs.desk.alerts import PREFIXES, ExpectedAlerts, compare_kept
from jobs.desk.clickhouse_rows import read_alert_states, read_decisions, read_minutes
from jobs.desk.topic import DeskTopic, Progress, read_desk
from oracle.desk import OracleDeskRules
from oracle.desk_exposure import OracleExposureRules, recompute_exposure
from oracle.desk_lp import OracleLpRules
from oracle.desk_lp_alerts import recompute_lp_alerts
from oracle.desk_rows import (
    DECISION_FIELDS,
    EXPOSURE_FIELDS,
    LP_FIELDS,
    ROUTING_FIELDS,
    decision_rows,
    exposure_rows,
    lp_rows,
    routing_rows,
)
from oracle.rows import ExpectedRow, Key, RowComparison, compare_rows
from runtime.settings.whole import Settings
from schemas.contract import first_sequence
from schemas.desk import DeskKind
from schemas.errors import InputError
from sinks.clickhouse.connection import connect

__all__ = ["DeskTruth", "compare_tables", "recompute_desk", "verify_desk", "whole_topic"]

MINUTES: Final[dict[DeskKind, tuple[str, tuple[str, ...]]]] = {
    "routing": ("routing_1m", ROUTING_FIELDS),
    "lp": ("lp_1m", LP_FIELDS),
    "exposure": ("exposure_1m", EXPOSURE_FIELDS),
}


@dataclass(slots=True)
class DeskTruth:
    """What must have come of a kind's topic, as far as it was read."""

    topic: DeskTopic
    minutes: dict[Key, ExpectedRow]
    decisions: dict[Key, ExpectedRow]
    alerts: ExpectedAlerts
    lasts: dict[int, int]
    """Sequence of the last record of each partition."""


def whole_topic(settings: Settings) -> dict[int, OffsetRange]:
    """All that the topic of ``settings`` holds. Raises InputError where its first records are gone."""
    ranges = ranges_between(read_options(settings), Position("earliest"), Position("latest"))
    for partition, (start, _) in ranges.items():
        if start:
            raise InputError(
                f"{settings.kafka_topic}[{partition}] begins at offset {start}, and figures follow from all records",
                where=settings.kafka_topic,
                mend="give the topic a longer retention, or verify before records expire",
            )
    return ranges


def recompute_desk(settings: Settings, topic: DeskTopic) -> DeskTruth:
    """``settings``: those of the kind's topic."""
    rules, first = desk_rules(settings), first_sequence(settings.source_epoch)
    lasts = {partition: first + end - 1 for partition, (_, end) in topic.ranges.items()}
    alerts, partitions = ExpectedAlerts(), sorted(topic.ranges)
    minutes: dict[Key, ExpectedRow] = {}
    decisions: dict[Key, ExpectedRow] = {}
    if topic.kind == "routing":
        of_time = (rules.out_of_order_us, rules.lateness_us)
        minutes = routing_rows(topic.records, OracleDeskRules(*of_time, rules.passed_per_second, first))
        decisions = decision_rows(topic.records, first)
    elif topic.kind == "lp":
        lp_rules = OracleLpRules(rules.out_of_order_us, rules.lateness_us, rules.lp_silence_us, rules.lp_up)
        minutes = lp_rows(topic.records, lp_rules, first)
        for partition in partitions:
            alerts.add(recompute_lp_alerts(topic.of(partition), lp_rules))
    else:
        percents = (getattr(settings, f"exposure_{name}_percent") for name in LEVELS)
        for partition in partitions:
            truth = recompute_exposure(topic.of(partition), OracleExposureRules(settings.exposure_limit, *percents))
            minutes |= exposure_rows(truth, partition, first)
            alerts.add(truth)
    return DeskTruth(topic, minutes, decisions, alerts, lasts)


LEVELS: Final = ("warning", "warning_clear", "critical", "critical_clear")


def compare_tables(settings: Settings, truth: DeskTruth) -> RowComparison:
    """Figures of minutes, decisions one by one, and what became of alerts."""
    kind, lasts, database = truth.topic.kind, truth.lasts, settings.clickhouse_database
    table, fields = MINUTES[kind]
    client = connect(settings.clickhouse_dsn)
    try:
        minutes = read_minutes(client, database, kind)
        found = compare_rows(table, fields, truth.minutes, minutes, lambda key: lasts[partition_at(key, -1)])
        if kind == "routing":
            decisions = read_decisions(client, database)
            found.add(
                compare_rows(
                    "routing_decisions", DECISION_FIELDS, truth.decisions, decisions,
                    lambda key: lasts[partition_at(key, 0)],
                )
            )  # fmt: skip
        else:
            found.add(compare_kept(truth.alerts, read_alert_states(client, database, PREFIXES[kind])))
    finally:
        client.disconnect()
    return found


def partition_at(key: Key, place: int) -> int:
    partition = key[place]
    assert isinstance(partition, int)
    return partition


def verify_desk(settings: Settings, kind: DeskKind, progress: Progress = lambda _done, _total: None) -> RowComparison:
    """Compare all that the topic of ``settings`` decides. Raises what the servers' connections raise."""
    return compare_tables(
        settings, recompute_desk(settings, read_desk(settings, kind, whole_topic(settings), progress))
    )
