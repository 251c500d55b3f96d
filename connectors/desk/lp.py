"""Figures of liquidity providers: what a record holds, and the row that it becomes.

connectors.desk.decoder reads the record and calls ``lp_row``. The fields are those of S1's ``lp-metrics`` and a time. A
latency in milliseconds becomes whole microseconds; all other numbers keep every digit, or the record is refused.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from connectors.desk.values import RecordRefused, narrow_units, share_units, whole_us, word_of
from schemas.rejects import Reason

__all__ = ["LpRecord", "lp_row"]


class LpRecord(msgspec.Struct, rename="camel", kw_only=True):
    """A provider's figures as they stand in JSON; in Avro ``eventTime`` is a time of its own type."""

    lp_name: str
    status: str
    avg_spread: Decimal
    execution_quality: Decimal
    latency_ms: Decimal
    quotes_per_second: Decimal
    reject_rate: Decimal
    uptime: Decimal
    event_time: msgspec.Raw = msgspec.Raw()


def lp_row(
    record: LpRecord, offset: int, timestamp_ms: int, time_us: int, number_of: Callable[[str], int]
) -> tuple[Any, ...]:
    """Values of schemas.desk.LP, in its order. Raises RecordRefused. ``number_of``: of a word in the batch."""
    quotes = narrow_units(record.quotes_per_second, "quotesPerSecond")
    if quotes < 0:
        raise RecordRefused(Reason.OUT_OF_RANGE, f"quotesPerSecond is {record.quotes_per_second}")
    return (
        offset,
        timestamp_ms,
        time_us,
        narrow_units(record.avg_spread, "avgSpread"),
        share_units(record.execution_quality, "executionQuality", 1),
        whole_us(record.latency_ms, "latencyMs"),
        quotes,
        share_units(record.reject_rate, "rejectRate", 1),
        share_units(record.uptime, "uptime", 100),
        number_of(word_of(record.lp_name, "lpName")),
        number_of(word_of(record.status, "status")),
    )
