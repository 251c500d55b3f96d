"""Fills TRADE rows from columns of numbers and texts, compiled: what connectors.values.cells does for text alone.

ArrowDecoder hands in one array a field. A column's kind says what its 128 bits a row hold: a whole number, a decimal
of some scale, a double, a time of a known unit. Every value is kept exactly or refused, as in text; doubles stand for
their shortest decimal text, and the few for which only repr() can tell are left to Python.
"""

from typing import Final, NamedTuple

import numpy as np

from connectors.values.cells import ABSENT, CellArrays, read_cell
from connectors.values.fields import FIELD_COUNT, REQUIRED, Field
from connectors.values.read import ReadRules
from connectors.values.rows import clear_row, store_number
from connectors.values.times import place_time, time_from_double, time_from_long
from kernels.decimal_read import (
    PENDING,
    ROUNDED,
    Number,
    number_from_double,
    number_from_float,
    number_from_long,
    pack_number,
)
from kernels.kernel import leaf_kernel
from kernels.wide import negate128
from schemas.columns import NO_TIMESTAMP, Bytes, Longs, Mask, TradeRow, TradeRows, Whole, Words
from schemas.rejects import Reason

__all__ = [
    "CLOCK",
    "DECIMAL",
    "DOUBLE",
    "FLOAT",
    "LONG",
    "MOMENT",
    "NO_COLUMN",
    "TEXT",
    "UNFIT_COLUMN",
    "TypedColumns",
    "fill_columns",
]

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


class TypedColumns(NamedTuple):
    """The columns that aren't text, by field: kinds, scales int64[9]; highs int64[9, n], lows uint64[9, n], valid
    bool[9, n]."""

    kinds: Longs
    scales: Longs
    highs: Longs
    lows: Words
    valid: Mask


@leaf_kernel
def _read_decimal(high: Whole, low: np.uint64, scale: Whole, rounding: bool) -> Number:
    hi, lo = U(high), low
    if high < 0:
        hi, lo = negate128(hi, lo)
    return pack_number(hi, lo, bool(high < 0), scale, rounding)


@leaf_kernel
def _read_number(kind: Whole, column_scale: Whole, high: Whole, low: np.uint64, field: int, rules: ReadRules) -> Number:
    """Of a price or size; PENDING where only repr() can tell."""
    scale = rules.size_scale if field == _SIZE else rules.price_scale
    rounding = rules.rounding
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
def _read_time(kind: Whole, column_unit: Whole, high: Whole, rules: ReadRules) -> tuple[np.int64, int]:
    """(microseconds, reason) of a time."""
    unit, origin_us = rules.time_unit, rules.origin_us
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
def _read_value(
    kind: Whole, scale: Whole, high: Whole, low: np.uint64, field: int, rules: ReadRules, row: TradeRow
) -> int:
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
    text: Bytes,
    cells: CellArrays,
    typed: TypedColumns,
    offsets: Longs,
    rules: ReadRules,
    rows: TradeRows,
    pending: Longs,
) -> int:
    """Fills ``rows``; returns how many values are left to Python, as (row, field) in ``pending``.

    cells: of the columns of text, which point into ``text``.
    """
    left = 0
    for index in range(len(rows)):
        row = rows[index]
        clear_row(row, offsets[index], NO_TIMESTAMP)
        seen = 0
        for field in range(_FIELDS):
            kind = typed.kinds[field]
            if kind == TEXT:
                if cells.length[index, field] == ABSENT:
                    continue
                reason = read_cell(text, cells.at[index, field], cells.length[index, field], field, rules, row)
            elif kind == NO_COLUMN or not typed.valid[field, index]:
                continue
            elif kind == UNFIT_COLUMN:
                reason = _BAD_VALUE
            else:
                high, low = typed.highs[field, index], typed.lows[field, index]
                reason = _read_value(kind, typed.scales[field], high, low, field, rules, row)
            seen |= 1 << field
            if reason == PENDING:
                pending[left, 0], pending[left, 1] = index, field
                left += 1
            elif reason != _NONE and row["reason"] == _NONE:
                row["reason"] = reason
        if row["reason"] == _NONE and seen & REQUIRED != REQUIRED:
            row["reason"] = _MISSING_FIELD
    return left
