"""Routing decisions: what a record holds, and the row that it becomes.

connectors.desk.decoder reads the record and calls ``routing_row``. The fields are those of S1's ``routing-decision``
and a time. An execution time in milliseconds becomes whole microseconds; all other numbers keep every digit, or the
record is refused.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from connectors.desk.values import RecordRefused, narrow_units, side_of, symbol_of, whole_us, wide_units, word_of
from kernels.decimal_text import to_pair
from schemas.rejects import Reason

__all__ = ["RoutingRecord", "routing_row"]


class RoutingRecord(msgspec.Struct, rename="camel", kw_only=True):
    """A decision as it stands in JSON; in Avro ``eventTime`` is a time of its own type."""

    symbol: str
    volume: Decimal
    routing_decision: str
    execution_time_ms: Decimal
    spread: Decimal
    slippage: Decimal
    side: str | None = None
    lp_selected: str | None = None
    event_time: msgspec.Raw = msgspec.Raw()


def routing_row(
    record: RoutingRecord, offset: int, timestamp_ms: int, time_us: int, number_of: Callable[[str], int]
) -> tuple[Any, ...]:
    """Values of schemas.desk.ROUTING, in its order. Raises RecordRefused. ``number_of``: of a word in the batch."""
    volume = wide_units(record.volume, "volume")
    if volume < 0:
        raise RecordRefused(Reason.SIZE_NEGATIVE, f"volume is {record.volume}")
    lp = record.lp_selected or ""
    return (
        offset,
        timestamp_ms,
        time_us,
        *to_pair(volume),
        whole_us(record.execution_time_ms, "executionTimeMs"),
        narrow_units(record.spread, "spread"),
        narrow_units(record.slippage, "slippage"),
        number_of(symbol_of(record.symbol)),
        number_of(word_of(lp, "lpSelected") if lp else lp),
        number_of(word_of(record.routing_decision, "routingDecision")),
        side_of(record.side or ""),
        0,
        (0, 0),
    )
