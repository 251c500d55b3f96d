"""A desk's figures recomputed from its records, one by one, in plain Python: what the analytics flow is held against.

Tests and proofs give it the records of the topics, of all partitions, in any order. It is written from the words of
docs/analytics.md and shares nothing with core.analytics: no sketch, no batches, percentiles from sorted lists. Records
count in a window that the watermark before them leaves open for the lateness.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

__all__ = ["LENGTHS_US", "OracleCell", "OracleDecision", "OracleDeskRules", "exact_percentile", "recompute_routing"]

SECOND_US: Final = 1_000_000
LENGTHS_US: Final[Mapping[str, int]] = {"1s": SECOND_US, "1m": 60 * SECOND_US, "1h": 3600 * SECOND_US}


class OracleDeskRules(NamedTuple):
    out_of_order_us: int
    lateness_us: int
    passed_per_second: int
    first_sequence: int = 0


class OracleDecision(NamedTuple):
    partition: int
    offset: int
    timestamp_ms: int
    event_time_us: int
    symbol: str
    side: str
    volume: Decimal
    decision: str
    lp: str
    execution_us: int
    spread: Decimal
    slippage: Decimal


@dataclass(slots=True)
class OracleCell:
    """All decisions of one window, symbol, provider and kind of decision, of one partition."""

    volume: Decimal = Decimal(0)
    version: int = -1
    executions_us: list[int] = field(default_factory=list)
    spreads: list[Decimal] = field(default_factory=list)
    slippages: list[Decimal] = field(default_factory=list)


@dataclass(slots=True)
class OracleRouting:
    """cells: by (partition, interval, start, symbol, provider, decision). passed: those that go out one by one.

    sampled: by (partition, interval, start), how many of it didn't. late: in no window at all.
    """

    cells: dict[tuple[int, str, int, str, str, str], OracleCell] = field(default_factory=dict)
    passed: list[OracleDecision] = field(default_factory=list)
    sampled: dict[tuple[int, str, int], int] = field(default_factory=dict)
    late: int = 0


def recompute_routing(decisions: Iterable[OracleDecision], rules: OracleDeskRules) -> OracleRouting:
    """What the flow must have come to when it has read them all."""
    result = OracleRouting()
    newest_us: dict[int, int] = {}
    seconds: dict[int, tuple[int, int]] = {}
    for each in sorted(decisions, key=lambda one: (one.partition, one.offset)):
        newest = newest_us.get(each.partition, -1)
        watermark_us = (newest - rules.out_of_order_us) // SECOND_US * SECOND_US
        newest_us[each.partition] = max(newest, each.event_time_us)

        second, count = seconds.get(each.partition, (-1, 0))
        stamp_ms = each.event_time_us // 1000 if each.timestamp_ms < 0 else each.timestamp_ms
        if stamp_ms // 1000 > second:
            second, count = stamp_ms // 1000, 0
        seconds[each.partition] = (second, count + 1)
        passes = count < rules.passed_per_second
        if passes:
            result.passed.append(each)

        in_some = False
        for interval, length_us in LENGTHS_US.items():
            start_us = each.event_time_us - each.event_time_us % length_us
            if start_us + length_us + rules.lateness_us <= watermark_us:
                continue
            in_some = True
            symbol = "" if interval == "1s" else each.symbol
            key = (each.partition, interval, start_us, symbol, each.lp, each.decision)
            cell = result.cells.setdefault(key, OracleCell())
            cell.volume += each.volume
            cell.version = max(cell.version, rules.first_sequence + each.offset)
            cell.executions_us.append(each.execution_us)
            cell.spreads.append(each.spread)
            cell.slippages.append(each.slippage)
            if not passes:
                window = (each.partition, interval, start_us)
                result.sampled[window] = result.sampled.get(window, 0) + 1
        result.late += not in_some
    return result


def exact_percentile(values: Iterable[Decimal | int], percent: int) -> Decimal | int:
    """The least of the values that ``percent`` % of them are not above."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]
