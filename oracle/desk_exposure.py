"""A desk's exposure, its levels and its alerts recomputed from states, one by one, in plain Python.

Tests and proofs give it the records of the topic, of one partition, in the order of offsets. It is written from the
words of docs/analytics.md and shares nothing with core.analytics: after each record all totals are added up anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

__all__ = ["OracleExposure", "OracleExposureRules", "OracleMinute", "OracleState", "recompute_exposure"]

MINUTE_US: Final = 60_000_000


class OracleExposureRules(NamedTuple):
    limit: Decimal = Decimal(0)
    warning: int = 75
    warning_clear: int = 72
    critical: int = 90
    critical_clear: int = 87


class OracleState(NamedTuple):
    partition: int
    offset: int
    timestamp_ms: int
    event_time_us: int
    symbol: str
    lp: str
    book: str
    exposure: Decimal
    limit: Decimal | None


class OracleTotals(NamedTuple):
    net: Decimal
    gross: Decimal


@dataclass(slots=True)
class OracleMinute:
    """totals and peaks: by (scope, name), as they were when the minute ended, and the greatest gross ones in it."""

    version: int = -1
    totals: dict[tuple[str, str], OracleTotals] = field(default_factory=dict)
    peaks: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    limit: Decimal = Decimal(0)
    held_us: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class OracleExposure:
    """minutes: by start. levels: after each record. alerts: (id, opened or resolved) in order."""

    minutes: dict[int, OracleMinute] = field(default_factory=dict)
    levels: list[str] = field(default_factory=list)
    alerts: list[tuple[str, str]] = field(default_factory=list)
    last: dict[tuple[str, str], OracleTotals] = field(default_factory=dict)


def recompute_exposure(records: Iterable[OracleState], rules: OracleExposureRules) -> OracleExposure:
    """What the flow must have come to when it has read them all, and the last minute was told."""
    result = OracleExposure()
    states: dict[tuple[str, str, str], Decimal] = {}
    level, limit, now_us, alert = "unknown", rules.limit, -1, ""
    before: dict[tuple[str, str], OracleTotals] = {("total", ""): OracleTotals(Decimal(0), Decimal(0))}
    for each in records:
        time_us = max(now_us, each.event_time_us)
        start_us = time_us - time_us % MINUTE_US
        minute = result.minutes.get(start_us)
        if minute is None:
            minute = result.minutes[start_us] = OracleMinute(peaks={name: one.gross for name, one in before.items()})
            _close(result, now_us, level)
            now_us = start_us
        minute.held_us[level] = minute.held_us.get(level, 0) + time_us - now_us
        now_us = time_us

        states[each.symbol, each.lp, each.book] = each.exposure
        limit = limit if each.limit is None else each.limit
        before = _totals(states)
        gross = before["total", ""].gross
        new_level = _level(level, gross, limit, rules)
        if new_level != level and alert:
            result.alerts.append((alert, "resolved"))
            alert = ""
        if new_level != level and new_level in ("warning", "critical"):
            alert = f"exposure:total:{new_level}:{each.partition}-{each.offset}"
            result.alerts.append((alert, "open"))
        level = new_level
        result.levels.append(level)
        minute.version, minute.totals, minute.limit = each.offset, before, limit
        for name, one in before.items():
            minute.peaks[name] = max(minute.peaks.get(name, Decimal(0)), one.gross)
    _close(result, now_us, level)
    result.last = before
    return result


def _close(result: OracleExposure, now_us: int, level: str) -> None:
    """What was held when a minute's last record came was held to its end."""
    minute = result.minutes.get(now_us - now_us % MINUTE_US)
    if minute is not None and minute.version >= 0:
        rest_us = MINUTE_US - now_us % MINUTE_US
        minute.held_us[level] = minute.held_us.get(level, 0) + rest_us


def _totals(states: dict[tuple[str, str, str], Decimal]) -> dict[tuple[str, str], OracleTotals]:
    found: dict[tuple[str, str], OracleTotals] = {}
    for (symbol, lp, book), amount in states.items():
        for name in (("total", ""), ("symbol", symbol), ("lp", lp), ("book", book)):
            if name[0] == "total" or name[1]:
                net, gross = found.get(name, OracleTotals(Decimal(0), Decimal(0)))
                found[name] = OracleTotals(net + amount, gross + abs(amount))
    return found


def _level(level: str, gross: Decimal, limit: Decimal, rules: OracleExposureRules) -> str:
    if limit <= 0:
        return "unknown"
    used = gross / limit * 100
    if used >= rules.critical or (level == "critical" and used >= rules.critical_clear):
        return "critical"
    if used >= rules.warning or (level in ("warning", "critical") and used >= rules.warning_clear):
        return "warning"
    return "normal"
