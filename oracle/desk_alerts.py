"""Alerts of a desk's routing recomputed from its decisions, one by one, in plain Python.

Tests and proofs give it the records of the topic. It is written from the words of docs/analytics.md and shares nothing
with core.analytics: a minute is judged when the watermark reaches its end, from the decisions that had come by then.
Its p99 is the exact one, where the flow's is at most 1/256 off.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from oracle.desk import OracleDecision, OracleDeskRules, exact_percentile

__all__ = ["OracleBounds", "routing_alerts_of"]

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
Told = tuple[str, str, int]
"""Id, opened or resolved, time."""


class OracleBounds(NamedTuple):
    """reject_percent and execution_p99_us: 0 for no bound."""

    reject_percent: int
    execution_p99_us: int
    decisions_min: int
    rejections: frozenset[str]


def routing_alerts_of(
    decisions: Iterable[OracleDecision], rules: OracleDeskRules, bounds: OracleBounds
) -> dict[int, list[Told]]:
    """By partition, in order."""
    found: dict[int, list[Told]] = {}
    newest_us: dict[int, int] = {}
    come: dict[int, list[OracleDecision]] = {}
    opened: dict[tuple[int, str], str] = {}
    for each in sorted(decisions, key=lambda one: (one.partition, one.offset)):
        partition = each.partition
        before_us = _watermark(newest_us.get(partition, -1), rules)
        newest_us[partition] = max(newest_us.get(partition, -1), each.event_time_us)
        own = come.setdefault(partition, [])
        start_us = each.event_time_us - each.event_time_us % MINUTE_US
        if start_us + MINUTE_US + rules.lateness_us > before_us:
            own.append(each)
        after_us = _watermark(newest_us[partition], rules)
        starts = {one.event_time_us - one.event_time_us % MINUTE_US for one in own}
        for start_us in sorted(starts):
            if before_us < start_us + MINUTE_US <= after_us:
                minute = [one for one in own if one.event_time_us // MINUTE_US == start_us // MINUTE_US]
                told = found.setdefault(partition, [])
                told.extend(_judged(minute, partition, start_us, bounds, opened))
    return found


def _watermark(newest_us: int, rules: OracleDeskRules) -> int:
    return (newest_us - rules.out_of_order_us) // SECOND_US * SECOND_US


def _judged(
    minute: list[OracleDecision],
    partition: int,
    start_us: int,
    bounds: OracleBounds,
    opened: dict[tuple[int, str], str],
) -> Iterable[Told]:
    names = {
        "total": minute,
        **{f"lp:{lp}": [one for one in minute if one.lp == lp] for lp in {one.lp for one in minute}},
    }
    names.pop("lp:", None)
    for name in sorted(names):
        decisions = names[name]
        if len(decisions) < bounds.decisions_min:
            continue
        rejected = sum(one.decision in bounds.rejections for one in decisions)
        share = Decimal(100 * rejected) / len(decisions)
        slowest = Decimal(exact_percentile([one.execution_us for one in decisions], 99))
        for kind, value, bound in (
            ("rejects", share, bounds.reject_percent),
            ("execution", slowest, bounds.execution_p99_us),
        ):
            subject = (partition, f"routing:{kind}:{name}")
            if bound and subject not in opened and value > bound:
                opened[subject] = f"{subject[1]}:{partition}-{start_us // 1000}"
                yield opened[subject], "open", start_us + MINUTE_US
            elif bound and subject in opened and value <= bound * Decimal("0.8"):
                yield opened.pop(subject), "resolved", start_us + MINUTE_US
