"""The rows that a desk's tables must hold, from what the oracles made of its records.

Proofs compare them with ClickHouse (oracle.rows). Each row says from which version on it must be there: a window that
the watermark has ended went out when a second of the watermark ended last, and a minute of exposure when the next one
began. Sketches are counts by bucket as docs/analytics.md has them, computed here from single numbers.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Context, Decimal, localcontext
from typing import Final, TypeVar

from oracle.desk import LENGTHS_US, OracleCell, OracleDecision, OracleDeskRules, recompute_routing
from oracle.desk_exposure import OracleExposure
from oracle.desk_lp import OracleLpCell, OracleLpRecord, OracleLpRules, recompute_lp
from oracle.rows import ExpectedRow, Key

__all__ = [
    "DECISION_FIELDS",
    "EXPOSURE_FIELDS",
    "LP_FIELDS",
    "ROUTING_FIELDS",
    "bucket_of",
    "decision_rows",
    "exposure_rows",
    "lp_rows",
    "routing_rows",
]

DECISION_FIELDS: Final = (
    *("symbol", "event_time_us", "side", "volume", "routing_decision", "lp_selected", "execution_us", "spread"),
    *("slippage", "kafka_time_ms"),
)
ROUTING_FIELDS: Final = (
    *("count", "volume", "spread_sum", "slippage_sum", "execution_us_sum", "execution_us_max", "favourable"),
    *("adverse", "execution", "spread", "slippage"),
)
LP_FIELDS: Final = (
    *("samples", "spread_sum", "quality_sum", "latency_us_sum", "latency_us_max", "quotes_sum", "rejects_sum", "up_us"),
    *("status_changes", "status", "latency", "spread"),
)
EXPOSURE_FIELDS: Final = ("net", "gross", "peak", "exposure_limit", "warning_us", "critical_us")
EXACT: Final = Context(prec=200)
SECOND_US: Final = 1_000_000
UNITS: Final = Decimal(10) ** 10
MINUTE: Final = "1m"
NO_WATERMARK: Final = -(2**62)
R = TypeVar("R", OracleDecision, OracleLpRecord)


def bucket_of(number: int) -> int:
    """Of a whole number: the upper 19 bits of its magnitude as a double less 130,943, with the sign of the number."""
    if not number:
        return 0
    bits: int = struct.unpack(">Q", struct.pack(">d", abs(number)))[0]
    bucket = (bits >> 45) - 130_943
    return bucket if number > 0 else -bucket


def decision_rows(decisions: Iterable[OracleDecision], first_sequence: int) -> dict[Key, ExpectedRow]:
    """Every decision, by partition and offset."""
    found: dict[Key, ExpectedRow] = {}
    for each in decisions:
        values = (
            each.symbol, each.event_time_us, each.side or "UNKNOWN", each.volume, each.decision, each.lp,
            each.execution_us, each.spread, each.slippage, max(each.timestamp_ms, 0),
        )  # fmt: skip
        version = first_sequence + each.offset
        found[each.partition, each.offset] = ExpectedRow(values, version, version)
    return found


def routing_rows(decisions: Sequence[OracleDecision], rules: OracleDeskRules) -> dict[Key, ExpectedRow]:
    """Minutes by start, symbol, provider, decision and partition."""
    with localcontext(EXACT):
        told, watermarks = _told(decisions, rules.out_of_order_us)
        due = recompute_routing(told, rules).cells
        found: dict[Key, ExpectedRow] = {}
        for key, cell in recompute_routing(decisions, rules).cells.items():
            partition, interval, start_us, *names = key
            if interval == MINUTE:
                is_due = key in due and _is_over(start_us, watermarks[partition])
                found[start_us, *names, partition] = ExpectedRow(
                    _routing_values(cell), cell.version, due[key].version if is_due else None
                )
        return found


def lp_rows(records: Sequence[OracleLpRecord], rules: OracleLpRules, first_sequence: int) -> dict[Key, ExpectedRow]:
    """Minutes by start, provider and partition."""
    with localcontext(EXACT):
        told, watermarks = _told(records, rules.out_of_order_us)
        due = recompute_lp(told, rules, (MINUTE,))
        found: dict[Key, ExpectedRow] = {}
        for key, cell in recompute_lp(records, rules, (MINUTE,)).items():
            partition, _, start_us, lp = key
            is_due = key in due and _is_over(start_us, watermarks[partition])
            found[start_us, lp, partition] = ExpectedRow(
                _lp_values(cell), first_sequence + cell.version, first_sequence + due[key].version if is_due else None
            )
        return found


def exposure_rows(truth: OracleExposure, partition: int, first_sequence: int) -> dict[Key, ExpectedRow]:
    """Minutes by start, scope, name and partition."""
    found: dict[Key, ExpectedRow] = {}
    last_us = max(truth.minutes, default=0)
    for start_us, minute in truth.minutes.items():
        for (scope, name), total in minute.totals.items():
            peak = minute.peaks[scope, name]
            if scope != "total" and not peak:
                continue
            held_us = (minute.held_us.get(level, 0) for level in ("warning", "critical"))
            version = first_sequence + minute.version
            found[start_us, scope, name, partition] = ExpectedRow(
                (total.net, total.gross, peak, minute.limit, *held_us), version, version if start_us < last_us else None
            )
    return found


def _told(records: Sequence[R], out_of_order_us: int) -> tuple[list[R], dict[int, int]]:
    """Records up to those behind which a second of the watermark ended last, and that watermark, of each partition."""
    ends: dict[int, tuple[int, int]] = {}
    newest: dict[int, int] = {}
    for each in sorted(records, key=lambda one: (one.partition, one.offset)):
        before = newest.get(each.partition, -1)
        newest[each.partition] = max(before, each.event_time_us)
        second = (newest[each.partition] - out_of_order_us) // SECOND_US
        if second > (before - out_of_order_us) // SECOND_US:
            ends[each.partition] = each.offset, second * SECOND_US
    watermarks = {each: ends[each][1] if each in ends else NO_WATERMARK for each in newest}
    return [each for each in records if each.offset <= ends.get(each.partition, (-1, 0))[0]], watermarks


def _is_over(start_us: int, watermark_us: int) -> bool:
    return start_us + LENGTHS_US[MINUTE] <= watermark_us


def _routing_values(cell: OracleCell) -> tuple[object, ...]:
    return (
        len(cell.executions_us), cell.volume, sum(cell.spreads, Decimal(0)), sum(cell.slippages, Decimal(0)),
        sum(cell.executions_us), max(cell.executions_us), sum(each < 0 for each in cell.slippages),
        sum(each > 0 for each in cell.slippages), _counts(cell.executions_us), _counts(map(_units, cell.spreads)),
        _counts(map(_units, cell.slippages)),
    )  # fmt: skip


def _lp_values(cell: OracleLpCell) -> tuple[object, ...]:
    records = cell.records
    last = max(records, key=lambda each: (each.event_time_us, each.offset), default=None)
    return (
        len(records),
        *(sum((getattr(each, name) for each in records), Decimal(0)) for name in ("spread", "quality")),
        sum(each.latency_us for each in records), max((each.latency_us for each in records), default=0),
        sum((each.quotes for each in records), Decimal(0)),
        sum((each.quotes * each.reject_rate for each in records), Decimal(0)),
        cell.up_us, cell.changes, last.status if last else "", _counts(each.latency_us for each in records),
        _counts(_units(each.spread) for each in records),
    )  # fmt: skip


def _units(number: Decimal) -> int:
    return int(number * UNITS)


def _counts(numbers: Iterable[int]) -> dict[int, int]:
    return dict(Counter(bucket_of(number) for number in numbers))
