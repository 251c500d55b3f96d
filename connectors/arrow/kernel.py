"""Fills TRADE rows from columns of numbers and texts, compiled: what connectors.values.cells does for text alone.

ArrowDecoder hands in one array a field. A column's kind says what its 128 bits a row hold: a whole number, a decimal
of some scale, a double, a time of a known unit. Every value is kept exactly or refused, as in text; doubles stand for
their shortest decimal text, and the few for which only repr() can tell are left to Python.
"""

from typing import Any, Final

import numpy as np

from connectors.values.cells import ABSENT, read_cell
from connectors.values.fields import FIELD_COUNT, REQUIRED, Field
from connectors.values.read import ORIGIN_US, PRICE_SCALE, ROUNDING, SIZE_SCALE, TIME_UNIT
from connectors.values.rows import clear_row, store_number
from connectors.values.times import place_time, time_from_double, time_from_long
from kernels.decimal_read import (
    PENDING,
    ROUNDED,
    number_from_double,
    number_from_float,
    number_from_long,
    pack_number,
)
from kernels.kernel import leaf_kernel
from schemas.columns import NO_TIMESTAMP
from schemas.rejects import Reason

__all__ = ["CLOCK", "DECIMAL", "DOUBLE", "FLOAT", "LONG", "MOMENT", "NO_COLUMN", "TEXT", "UNFIT_COLUMN", "fill_columns"]

NO_COLUMN: Final = 0
TEXT: Final = 1
"""Cells, as in connectors.values.cells."""
LONG: Final = 2
"""int64 in ``highs``."""
DECIMAL: Final = 3
"""Two's complement of 128 bits at the scale in ``scales``; a whole number without sign is one of scale 0."""
DOUBLE: Final = 4
"""A double's bits in ``highs``."""
FLOAT: Final = 5
"""A single-precision float, widened, likewise."""
MOMENT: Final = 6
"""int64 in ``highs``: a moment in the unit (a code of connectors.values.times) in ``scales``, since 1970."""
CLOCK: Final = 7
"""int64 in ``highs``: a time of day in the unit in ``scales``, since the origin of times."""
UNFIT_COLUMN: Final = 8

U = np.uint64
_NONE: Final = int(Reason.NONE)
_MISSING_FIELD: Final = int(Reason.MISSING_FIELD)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_SIZE: Final = int(Field.SIZE)
_ASK: Final = int(Field.ASK)
_EVENT_TIME: Final = int(Field.EVENT_TIME)
_FIELDS: Final = FIELD_COUNT


@leaf_kernel
def _read_decimal(high: int, low: Any, scale: int, rounding: bool) -> Any:
    hi, lo = U(high), low
    if high < 0:
        lo = ~lo + U(1)
        hi = ~hi + U(lo == U(0))
    return pack_number(hi, lo, high < 0, scale, rounding)


@leaf_kernel
def _read_number(kind: int, column_scale: int, high: int, low: Any, field: int, rules: Any) -> Any:
    """(hi, lo, reason) of a price or size; PENDING where only repr() can tell."""
    scale = rules[SIZE_SCALE] if field == _SIZE else rules[PRICE_SCALE]
    rounding = rules[ROUNDING] != 0
    if kind == LONG:
        return number_from_long(high, scale, rounding)
    if kind == DECIMAL:
        return _read_decimal(high, low, column_scale + scale, rounding)
    value = np.int64(high).view(np.float64)
    if kind == DOUBLE:
        return number_from_double(value, scale, rounding)
    if kind == FLOAT:
        return number_from_float(value, scale, rounding)
    return np.int64(0), U(0), _BAD_VALUE


@leaf_kernel
def _read_time(kind: int, column_unit: int, high: int, rules: Any) -> Any:
    """(microseconds, reason) of a time."""
    unit, origin_us = rules[TIME_UNIT], rules[ORIGIN_US]
    if kind == MOMENT:
        return np.int64(time_from_long(high, column_unit)), _NONE
    if kind == CLOCK:
        return place_time(time_from_long(high, column_unit), False, column_unit, origin_us)
    if kind == LONG:
        return place_time(time_from_long(high, unit), True, unit, origin_us)
    if kind in (DOUBLE, FLOAT):
        micros, reason = time_from_double(np.int64(high).view(np.float64), unit)
        if reason != _NONE:
            return micros, reason
        return place_time(micros, False, unit, origin_us)
    return np.int64(0), _BAD_VALUE


@leaf_kernel
def _read_value(kind: int, scale: int, high: int, low: Any, field: int, rules: Any, row: Any) -> Any:
    """Reads one value into its field; returns a reason, PENDING where only repr() can tell."""
    if field == _EVENT_TIME:
        row["event_time_us"], reason = _read_time(kind, scale, high, rules)
        return reason
    hi, lo, reason = _read_number(kind, scale, high, low, field, rules)
    if reason == ROUNDED:
        row["rounded"], reason = 1, _NONE
    elif reason == _BAD_VALUE and field > _SIZE and np.isnan(np.int64(high).view(np.float64)):
        return _NONE  # data frames write it where there is no quote
    store_number(row, field, hi, lo)
    return reason


@leaf_kernel
def fill_columns(
    text: Any,
    ats: Any,
    lengths: Any,
    kinds: Any,
    scales: Any,
    highs: Any,
    lows: Any,
    valid: Any,
    offsets: Any,
    rules: Any,
    sides: Any,
    rows: Any,
    pending: Any,
) -> Any:
    """Fills ``rows``; returns how many values are left to Python, as (row, field) in ``pending``.

    kinds, scales: int64[9]. highs int64[9, n], lows uint64[9, n], valid bool[9, n]: the columns that aren't text.
    """
    left = 0
    for index in range(len(rows)):
        row = rows[index]
        clear_row(row, offsets[index], NO_TIMESTAMP)
        seen = 0
        for field in range(_FIELDS):
            kind = kinds[field]
            if kind == TEXT:
                if lengths[index, field] == ABSENT:
                    continue
                reason = read_cell(text, ats[index, field], lengths[index, field], field, rules, sides, row)
            elif kind == NO_COLUMN or not valid[field, index]:
                continue
            elif kind == UNFIT_COLUMN:
                reason = _BAD_VALUE
            else:
                reason = _read_value(kind, scales[field], highs[field, index], lows[field, index], field, rules, row)
            seen |= 1 << field
            if reason == PENDING:
                pending[left, 0], pending[left, 1] = index, field
                left += 1
            elif reason != _NONE and row["reason"] == _NONE:
                row["reason"] = reason
        if row["reason"] == _NONE and seen & REQUIRED != REQUIRED:
            row["reason"] = _MISSING_FIELD
    return left
