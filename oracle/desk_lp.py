"""Providers' figures and alerts recomputed from their records, one by one, in plain Python.

Tests and proofs give it the records of the topic, in any order. It is written from the words of docs/analytics.md and
shares nothing with core.analytics: uptime is looked for moment by moment, between all times at which something could
change, by the meaning of a status.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from oracle.desk import LENGTHS_US

__all__ = ["OracleLpCell", "OracleLpRecord", "OracleLpRules", "recompute_lp"]

SECOND_US: Final = 1_000_000
SILENT: Final = ""


class OracleLpRules(NamedTuple):
    out_of_order_us: int
    lateness_us: int
    silence_us: int
    up: frozenset[str]


class OracleLpRecord(NamedTuple):
    partition: int
    offset: int
    timestamp_ms: int
    event_time_us: int
    lp: str
    status: str
    spread: Decimal
    quality: Decimal
    latency_us: int
    quotes: Decimal
    reject_rate: Decimal
    uptime: Decimal


@dataclass(slots=True)
class OracleLpCell:
    """A provider's window. ``records``: those in it; ``version``: of the last that could change anything of it."""

    records: list[OracleLpRecord] = field(default_factory=list)
    version: int = -1
    known: list[OracleLpRecord] = field(default_factory=list)
    up_us: int = 0
    changes: int = 0


def recompute_lp(
    records: Iterable[OracleLpRecord], rules: OracleLpRules, intervals: Collection[str] = ("1m", "1h")
) -> dict[tuple[int, str, int, str], OracleLpCell]:
    """By (partition, interval, start, provider)."""
    cells: dict[tuple[int, str, int, str], OracleLpCell] = {}
    newest_us: dict[int, int] = {}
    for each in sorted(records, key=lambda one: (one.partition, one.offset)):
        newest = newest_us.get(each.partition, -1)
        watermark_us = (newest - rules.out_of_order_us) // SECOND_US * SECOND_US
        newest_us[each.partition] = max(newest, each.event_time_us)
        for interval, length_us in LENGTHS_US.items():
            first_us = each.event_time_us - each.event_time_us % length_us
            for start_us in range(first_us, each.event_time_us + rules.silence_us, length_us):
                if interval not in intervals or start_us + length_us + rules.lateness_us <= watermark_us:
                    continue
                cell = cells.setdefault((each.partition, interval, start_us, each.lp), OracleLpCell())
                cell.version = max(cell.version, each.offset)
                cell.known.append(each)
                if start_us == first_us:
                    cell.records.append(each)
    for (_, interval, start_us, _), cell in cells.items():
        cell.up_us, cell.changes = _look_back(cell.known, start_us, start_us + LENGTHS_US[interval], rules)
    return cells


def _look_back(known: list[OracleLpRecord], start_us: int, end_us: int, rules: OracleLpRules) -> tuple[int, int]:
    moments = {start_us, end_us}
    for each in known:
        moments |= {each.event_time_us, each.event_time_us + rules.silence_us}
    inside = sorted(moment for moment in moments if start_us <= moment <= end_us)
    up_us = changes = 0
    before = _status_at(known, start_us - 1, rules)
    for moment, following in pairwise(inside):
        status = _status_at(known, moment, rules)
        changes += status != before
        before = status
        if status in rules.up:
            up_us += following - moment
    return up_us, changes


def _status_at(known: list[OracleLpRecord], moment_us: int, rules: OracleLpRules) -> str:
    """That of the last record before the moment, unless that is too long ago."""
    earlier = [each for each in known if each.event_time_us <= moment_us]
    if not earlier:
        return SILENT
    last = max(earlier, key=lambda each: (each.event_time_us, each.offset))
    return last.status if moment_us < last.event_time_us + rules.silence_us else SILENT
