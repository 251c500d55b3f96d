"""States of a desk's exposure: what a record holds, and the row that it becomes.

connectors.desk.decoder reads the record and calls ``exposure_row``. A record is the state of one symbol, provider and
book from its time on. Every number keeps all its digits, or the record is refused.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from connectors.desk.values import RecordRefused, symbol_of, wide_units, word_of
from kernels.decimal_text import to_pair
from schemas.rejects import Reason

__all__ = ["ExposureRecord", "exposure_row"]


class ExposureRecord(msgspec.Struct, rename="camel", kw_only=True):
    """A state as it stands in JSON; in Avro ``eventTime`` is a time of its own type."""

    symbol: str
    exposure: Decimal
    lp_name: str | None = None
    book: str | None = None
    exposure_limit: Decimal | None = None
    event_time: msgspec.Raw = msgspec.Raw()


def exposure_row(
    record: ExposureRecord, offset: int, timestamp_ms: int, time_us: int, number_of: Callable[[str], int]
) -> tuple[Any, ...]:
    """Values of schemas.desk.EXPOSURE, in its order. Raises RecordRefused. ``number_of``: of a word in the batch."""
    limit = 0 if record.exposure_limit is None else wide_units(record.exposure_limit, "exposureLimit")
    if limit < 0:
        raise RecordRefused(Reason.OUT_OF_RANGE, f"exposureLimit is {record.exposure_limit}")
    lp, book = record.lp_name or "", record.book or ""
    return (
        offset,
        timestamp_ms,
        time_us,
        *to_pair(wide_units(record.exposure, "exposure")),
        *to_pair(limit),
        number_of(symbol_of(record.symbol)),
        number_of(word_of(lp, "lpName") if lp else lp),
        number_of(word_of(book, "book") if book else book),
        record.exposure_limit is not None,
        (0, 0, 0),
    )
