"""Compiled reads of single Avro values into a TRADE row: texts, numbers, times, sides, from any type that holds them.

The interpreter (connectors.avro.kernel) calls these. Nothing at or after ``stop`` is read. A read that fails returns a
negative position, a Fault, because exceptions cost far more. ``code`` is the program (connectors.avro.program.Tables),
``pc`` the op that runs, ``scratch`` what a batch shares (see MADE_BASE and the rest). Few arrays are passed, since each
is seven machine words on every call.
"""

from typing import Final

import numpy as np

from connectors.avro.program import Op
from connectors.avro.varints import Fault, read_length, read_long
from connectors.values.fields import Field
from connectors.values.ids import store_id
from connectors.values.rows import store_number, store_side, store_text
from connectors.values.times import place_time, read_time, time_from_double, time_from_long
from connectors.values.words import MAY_SAY_NOTHING, find_number, find_word, says_nothing
from kernels.decimal_read import (
    PENDING,
    ROUNDED,
    Number,
    number_from_double,
    number_from_float,
    number_from_long,
    pack_number,
    round_up,
)
from kernels.decimal_text import put_int
from kernels.kernel import leaf_kernel
from kernels.text_read import read_number
from kernels.wide import POWERS_OF_TEN, divide_by_small, negate128
from schemas.columns import Bytes, Longs, TradeRow, Words
from schemas.rejects import Reason

__all__ = [
    "MADE_BASE",
    "MADE_USED",
    "ORIGIN_US",
    "ROUNDING",
    "SCRATCH",
    "read_number_op",
    "read_plain_text",
    "read_short_decimal",
    "read_side_op",
    "read_text_op",
    "read_time_op",
]


MADE_BASE: Final = 0
"""scratch[MADE_BASE]: where ``texts`` will begin in TradeBatch.text."""
MADE_USED: Final = 1
"""scratch[MADE_USED]: how much of ``texts`` is filled."""
ROUNDING: Final = 2
"""scratch[ROUNDING]: 1 where numbers of more than ten decimal places are rounded."""
ORIGIN_US: Final = 3
"""scratch[ORIGIN_US]: what plain times count from, see connectors.values.times."""
_BITS: Final = 4
_WIDE: Final = 5
_WIDE_LIMBS: Final = 8
"""Limbs of 64 bits in the widest decimal that is looked at: 64 bytes, 154 decimal digits."""
SCRATCH: Final = _WIDE + _WIDE_LIMBS
"""Words of scratch used here; the interpreter's own follow."""

U = np.uint64
_CUT_SHORT: Final = int(Fault.CUT_SHORT)
_BAD_SYMBOL_INDEX: Final = int(Fault.BAD_SYMBOL_INDEX)

_NONE: Final = int(Reason.NONE)
_OUT_OF_RANGE: Final = int(Reason.OUT_OF_RANGE)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_TOO_LARGE: Final = int(Reason.TOO_LARGE)

_SYMBOL: Final = int(Field.SYMBOL)
_TRADE_ID: Final = int(Field.TRADE_ID)
_PRICE: Final = int(Field.PRICE)
_SIZE: Final = int(Field.SIZE)

_TEXT_FIXED: Final = int(Op.TEXT_FIXED)
_TEXT_ENUM: Final = int(Op.TEXT_ENUM)
_NUMBER_DECIMAL: Final = int(Op.NUMBER_DECIMAL)
_NUMBER_FIXED: Final = int(Op.NUMBER_FIXED)
_NUMBER_LONG: Final = int(Op.NUMBER_LONG)
_NUMBER_DOUBLE: Final = int(Op.NUMBER_DOUBLE)
_NUMBER_TEXT: Final = int(Op.NUMBER_TEXT)
_TIME_LONG: Final = int(Op.TIME_LONG)
_TIME_DOUBLE: Final = int(Op.TIME_DOUBLE)
_TIME_TEXT: Final = int(Op.TIME_TEXT)
_SIDE_TEXT: Final = int(Op.SIDE_TEXT)
_SIDE_FIXED: Final = int(Op.SIDE_FIXED)
_SIDE_LONG: Final = int(Op.SIDE_LONG)
_SIDE_FLAG: Final = int(Op.SIDE_FLAG)

_LONG_END: Final = 2.0**63
_TEXT_MAX: Final = 65_535
_DIGITS_MAX: Final = 20
_SIGN: Final = U(0xFFFFFFFFFFFFFFFF)


# Decimals wider than 128 bits.
#
# Avro's decimal is a whole number of any length, and a schema may give it a scale of 38 or more. Its value can be small
# all the same: 189.3 at scale 38 takes more than 128 bits. So the number is read whole, and divided by 10**(scale -
# 10).
#
# The bytes are the number's two's complement, the highest first. They go into limbs of 64 bits, the lowest first, and a
# negative number is negated on the way (each bit inverted, one added). Division is the one from school, from the
# highest limb down, by 10**9 at most in a step. Several steps make up any power of ten.
#
# Where rounding isn't asked for, anything cut off refuses the record. Where it is, the last step divides by ten alone:
# what it cuts off is the digit that decides, and ``exact`` says whether anything not zero was cut off before it, which
# tells a tie from more than a half.
@leaf_kernel
def _read_wide_decimal(data: Bytes, at: int, end: int, scale: int, scratch: Longs) -> Number:
    """As ``_read_decimal``, of more than 127 bits: division by 10**(scale - 10)."""
    negative = data[at] >= np.uint8(128)
    count = (end - at + 7) // 8
    if count > _WIDE_LIMBS or scale <= 10:
        return np.int64(0), U(0), _OUT_OF_RANGE
    scratch[_WIDE : _WIDE + _WIDE_LIMBS] = 0  # the lowest limb first
    carry = np.int64(negative)
    for index in range(end - at):
        byte = np.int64(data[end - 1 - index])
        if negative:
            byte = (byte ^ 255) + carry
            carry = byte >> 8
            byte &= 255
        scratch[_WIDE + index // 8] |= byte << (8 * (index % 8))
    places, exact, cut = scale - 10, True, U(0)
    while places > 0:
        step = min(places - 1, 9) if places > 1 else 1  # the last digit by itself: it decides the rounding
        places -= step
        rest = U(0)
        for index in range(_WIDE + count - 1, _WIDE - 1, -1):
            quotient, rest = divide_by_small(rest, U(scratch[index]), POWERS_OF_TEN[step])
            scratch[index] = np.int64(quotient)
        if rest != U(0) and scratch[ROUNDING] == 0:
            return np.int64(0), U(0), _OUT_OF_RANGE
        if places > 0:
            exact &= rest == U(0)
        else:
            cut = rest
    for index in range(_WIDE + 2, _WIDE + count):
        if scratch[index] != 0:
            return np.int64(0), U(0), _OUT_OF_RANGE
    high, low = round_up(U(scratch[_WIDE + 1]), U(scratch[_WIDE]), np.int64(cut), not exact)
    high_packed, low_packed, reason = pack_number(high, low, negative, 10, False)
    return high_packed, low_packed, ROUNDED if reason == _NONE and (cut != U(0) or not exact) else reason


@leaf_kernel
def _read_decimal(data: Bytes, at: int, length: int, scale: int, scratch: Longs) -> Number:
    """(hi, lo, reason) of big-endian two's complement bytes."""
    negative = length > 0 and data[at] >= np.uint8(128)
    start, end = at, at + length
    fill = np.uint8(255) if negative else np.uint8(0)
    while end - at > 16:  # only copies of the sign may stand before the last 16 bytes
        if data[at] != fill:
            return _read_wide_decimal(data, start, end, scale, scratch)
        at += 1
    hi = lo = _SIGN if negative else U(0)
    while end - at > 8:
        hi = (hi << U(8)) | U(data[at])
        at += 1
    while at < end:
        lo = (lo << U(8)) | U(data[at])
        at += 1
    if negative != (hi >= U(1 << 63)):
        return _read_wide_decimal(data, start, end, scale, scratch)
    if negative:
        hi, lo = negate128(hi, lo)
    return pack_number(hi, lo, negative, scale, scratch[ROUNDING] != 0)


@leaf_kernel
def _read_float(data: Bytes, at: int, size: int, scratch: Longs) -> np.float64:
    """The little-endian float (4 bytes) or double (8) there."""
    word = U(0)
    for index in range(size):
        word |= U(data[at + index]) << U(8 * index)
    scratch[_BITS] = np.int64(word)
    if size == 4:
        return np.float64(scratch.view(np.float32)[2 * _BITS])
    return np.float64(scratch.view(np.float64)[_BITS])


@leaf_kernel
def read_plain_text(data: Bytes, at: int, stop: int, field: int, row: TradeRow) -> tuple[int, int]:
    """Runs a TEXT op: (position or a Fault, reason)."""
    length, at = read_length(data, at, stop)
    if at < 0:
        return at, _NONE
    return at + length, _keep_text(data, at, length, field, row)


@leaf_kernel
def _keep_text(data: Bytes, at: int, length: int, field: int, row: TradeRow) -> int:
    if length > _TEXT_MAX:
        return _TOO_LARGE
    if field == _SYMBOL or length == 0 or not (MAY_SAY_NOTHING[data[at]] and says_nothing(data, at, at + length)):
        store_text(row, field, at, length)
        if field == _TRADE_ID:
            store_id(row, data, at, at + length)
    return _NONE


@leaf_kernel
def read_text_op(
    data: Bytes, at: int, stop: int, code: Longs, pc: int, row: TradeRow, texts: Bytes, scratch: Longs
) -> tuple[int, int]:
    """Runs another TEXT… op: (position or a Fault, reason). Numbers become text at the end of ``texts``."""
    kind, field = code[4 * pc], code[4 * pc + 1]
    if kind == _TEXT_FIXED:
        length = code[4 * pc + 2]
        if length > stop - at:
            return _CUT_SHORT, _NONE
        return at + length, _keep_text(data, at, length, field, row)
    size = code[4 * pc + 2] if kind != _TEXT_ENUM else 0
    if size > 0:
        if size > stop - at:
            return _CUT_SHORT, _NONE
        real = _read_float(data, at, size, scratch)
        at += size
        if np.isnan(real):
            return at, _NONE
        if not (abs(real) < _LONG_END and real == np.floor(real)):
            return at, _BAD_VALUE
        value = np.int64(real)
    else:
        value, at = read_long(data, at, stop)
    if at < 0:
        return at, _NONE
    if kind == _TEXT_ENUM:
        if value < 0 or value >= code[4 * pc + 2]:
            return _BAD_SYMBOL_INDEX, _NONE
        begin, length = code[code[4 * pc + 3] + 2 * value], code[code[4 * pc + 3] + 2 * value + 1]
        if length > _TEXT_MAX:
            return at, _TOO_LARGE
    else:
        begin = scratch[MADE_USED]
        if begin + _DIGITS_MAX > len(texts):
            return at, _TOO_LARGE
        length = put_int(texts, begin, value) - begin
        scratch[MADE_USED] += length
    store_text(row, field, scratch[MADE_BASE] + begin, length)
    if field == _TRADE_ID:
        store_id(row, texts, begin, begin + length)
    return at, _NONE


@leaf_kernel
def read_short_decimal(data: Bytes, at: int, stop: int, field: int, row: TradeRow) -> tuple[int, bool]:
    """A decimal of scale 10 in at most 8 bytes, the usual one: (position or a Fault, whether it was one)."""
    length, at = read_length(data, at, stop)
    if at < 0:
        return at, True
    if length > 8:
        return at, False
    negative = length > 0 and data[at] >= np.uint8(128)
    word = _SIGN if negative else U(0)
    for index in range(at, at + length):
        word = (word << U(8)) | U(data[index])
    store_number(row, field, np.int64(-1 if negative else 0), word)
    return at + length, True


@leaf_kernel
def read_number_op(
    data: Bytes, at: int, stop: int, code: Longs, pc: int, row: TradeRow, scratch: Longs
) -> tuple[int, int]:
    """Runs a NUMBER… op: (position or a Fault, reason). A double that needs repr() leaves its bits in ``lo`` and a mark
    in ``outcome`` (PRICE.. as 1 << 0.., widened floats as 16 << 0..)."""
    kind, field = code[4 * pc], code[4 * pc + 1]
    hi, lo, reason = np.int64(0), U(0), _NONE
    if kind in (_NUMBER_DECIMAL, _NUMBER_TEXT):
        length, at = read_length(data, at, stop)
        if at < 0:
            return at, _NONE
        if kind == _NUMBER_DECIMAL:
            hi, lo, reason = _read_decimal(data, at, length, code[4 * pc + 2], scratch)
        else:
            hi, lo, reason = read_number(data, at, at + length, code[4 * pc + 2], scratch[ROUNDING] != 0)
            if reason == _BAD_VALUE and field > _SIZE and says_nothing(data, at, at + length):
                return at + length, _NONE
        at += length
    elif kind == _NUMBER_LONG:
        value, at = read_long(data, at, stop)
        if at < 0:
            return at, _NONE
        hi, lo, reason = number_from_long(value, code[4 * pc + 2], scratch[ROUNDING] != 0)
    else:
        size = code[4 * pc + 3] if kind == _NUMBER_FIXED else 8 if kind == _NUMBER_DOUBLE else 4
        if size > stop - at:
            return _CUT_SHORT, _NONE
        if kind == _NUMBER_FIXED:
            hi, lo, reason = _read_decimal(data, at, size, code[4 * pc + 2], scratch)
        else:
            real = _read_float(data, at, size, scratch)
            if np.isnan(real) and field > _SIZE:
                return at + size, _NONE
            if size == 8:
                hi, lo, reason = number_from_double(real, code[4 * pc + 2], scratch[ROUNDING] != 0)
            else:
                hi, lo, reason = number_from_float(real, code[4 * pc + 2], scratch[ROUNDING] != 0)
            if reason == PENDING:
                scratch.view(np.float64)[_BITS] = real
                lo = U(scratch[_BITS])
                row["outcome"] |= np.uint8((1 if size == 8 else 16) << (field - _PRICE))
                reason = _NONE
        at += size
    if reason == ROUNDED:
        row["rounded"], reason = 1, _NONE
    store_number(row, field, hi, lo)
    return at, reason


@leaf_kernel
def read_time_op(
    data: Bytes, at: int, stop: int, code: Longs, pc: int, row: TradeRow, scratch: Longs
) -> tuple[int, int]:
    """Runs a TIME… op: (position or a Fault, reason)."""
    kind, unit = code[4 * pc], code[4 * pc + 2]
    origin_us = scratch[ORIGIN_US]
    if kind == _TIME_LONG:
        value, at = read_long(data, at, stop)
        if code[4 * pc + 3] == 0:
            row["event_time_us"] = time_from_long(value, unit)
            return at, _NONE
        row["event_time_us"], reason = place_time(time_from_long(value, unit), True, unit, origin_us)
        return at, reason
    if kind == _TIME_TEXT:
        length, at = read_length(data, at, stop)
        if at < 0:
            return at, _NONE
        row["event_time_us"], reason = read_time(data, at, at + length, unit, origin_us)
        return at + length, reason
    size = 8 if kind == _TIME_DOUBLE else 4
    if size > stop - at:
        return _CUT_SHORT, _NONE
    micros, reason = time_from_double(_read_float(data, at, size, scratch), unit)
    if reason == _NONE:
        micros, reason = place_time(micros, False, unit, origin_us)
    row["event_time_us"] = micros
    return at + size, reason


@leaf_kernel
def read_side_op(data: Bytes, at: int, stop: int, code: Longs, pc: int, row: TradeRow, sides: Words) -> int:
    """Runs a SIDE… op: the position or a Fault."""
    kind, length = code[4 * pc], code[4 * pc + 2]
    if kind in (_SIDE_FIXED, _SIDE_TEXT):
        if kind == _SIDE_TEXT:
            length, at = read_length(data, at, stop)
            if at < 0:
                return at
        if length > stop - at:
            return _CUT_SHORT
        store_side(row, find_word(sides, data, at, at + length))
        return int(at + length)
    if kind == _SIDE_FLAG:
        if at >= stop:
            return _CUT_SHORT
        store_side(row, code[code[4 * pc + 3] + (data[at] != 0)])
        return at + 1
    value, at = read_long(data, at, stop)
    if at < 0:
        return at
    if kind == _SIDE_LONG:
        store_side(row, find_number(sides, value))
    elif value < 0 or value >= code[4 * pc + 2]:
        return _BAD_SYMBOL_INDEX
    else:
        store_side(row, code[code[4 * pc + 3] + value])
    return at
