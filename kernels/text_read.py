"""Reads numbers from text inside compiled kernels.

CSV, Parquet and JSON cells and Avro strings all end here. ``data`` is a uint8 array; a cell is ``data[at:stop]``;
kernels never look outside it. A number is exact or refused, or rounded half-even where that is asked for; what isn't
wholly a number is BAD_VALUE. Trailing zeros are held back until another digit follows, so that a mantissa of more than
28 digits is out of range by itself, and 128 bits always suffice.
"""

from typing import Any, Final

import numpy as np

from kernels.ascii import CAPITAL_E, MINUS, PLUS, POINT, SMALL_E, SPACE, ZERO
from kernels.chunks import (
    CHUNK,
    are_digits,
    digits_value,
    first_mark,
    last_digits,
    little_word,
    point_marks,
    without_byte,
)
from kernels.decimal_read import ROUNDED, Number, pack_number, round_up, scale_up
from kernels.kernel import inlined_kernel, leaf_kernel
from kernels.wide import POWERS_OF_TEN, multiply64, multiply128, negate128
from schemas.columns import Bytes, Whole
from schemas.rejects import Reason

__all__ = ["read_digits", "read_exponent", "read_number", "trim"]

U = np.uint64
_OK: Final = int(Reason.NONE)
_OUT_OF_RANGE: Final = int(Reason.OUT_OF_RANGE)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_TEN: Final = U(10)
SHORT: Final = 2 * CHUNK
"""Bytes of a number that is read eight bytes at a time."""
_CHUNK_POWER: Final = U(10**CHUNK)
_NO_DIGITS: Final = U(0x3030303030303030)


@leaf_kernel
def read_exponent(data: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """(exponent, good) of what follows an ``e``; beyond a million it makes no difference."""
    negative = at < stop and data[at] == MINUS
    if at < stop and (data[at] == MINUS or data[at] == PLUS):
        at += 1
    if at >= stop:
        return 0, False
    exponent: Any = 0
    while at < stop:
        digit = np.int64(data[at]) - ZERO
        if digit < 0 or digit > 9:
            return 0, False
        exponent = min(exponent * 10 + digit, 1_000_000)
        at += 1
    return -exponent if negative else exponent, True


@inlined_kernel
def _last_chars(data: Bytes, at: Whole, stop: Whole) -> tuple[np.uint64, np.uint64]:
    """The 1 to 16 bytes ``data[at:stop]``, behind as many digits 0 as make them 16: what the first eight are, and the
    last. Bytes in front of them are looked at, so that nothing behind them is: ``stop`` is SHORT at least."""
    length, end = U(stop) - U(at), U(stop)
    if length <= U(CHUNK):
        return _NO_DIGITS, last_digits(little_word(data, end - U(CHUNK)), length)
    return last_digits(little_word(data, end - U(SHORT)), length - U(CHUNK)), little_word(data, end - U(CHUNK))


@leaf_kernel
def read_digits(data: Bytes, at: Whole, stop: Whole) -> np.int64:
    """The number of the digits ``data[at:stop]``, 18 at most; -1 where another byte stands among them."""
    if 0 < stop - at <= SHORT <= stop:
        head, tail = _last_chars(data, at, stop)
        if not (are_digits(head) and are_digits(tail)):
            return np.int64(-1)
        return np.int64(digits_value(head) * _CHUNK_POWER + digits_value(tail))
    number = np.int64(0)
    for index in range(at, stop):
        digit = np.int64(data[index]) - ZERO
        if digit < 0 or digit > 9:
            return np.int64(-1)
        number = number * 10 + digit
    return number


@leaf_kernel
def trim(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """(at, stop) without the blanks around."""
    while at < stop and data[at] == SPACE:
        at += 1
    while at < stop and data[stop - 1] == SPACE:
        stop -= 1
    return at, stop


@inlined_kernel
def _read_short(data: Bytes, at: Whole, stop: Whole) -> tuple[np.uint64, np.int64]:
    """(digits as a number, how many stand behind the point) of digits with a point or none; -1 where they aren't that.

    Of at most 16 bytes, with as many in front of ``stop``."""
    if stop - at < 1 or stop - at > SHORT or stop < SHORT:
        return U(0), np.int64(-1)
    head, tail = _last_chars(data, at, stop)
    places, power = U(0), _CHUNK_POWER
    marks = point_marks(tail)
    if marks != U(0):
        point = first_mark(marks)
        places, power = U(CHUNK - 1) - point, _CHUNK_POWER // _TEN
        tail = without_byte(tail, point)
    elif stop - at > CHUNK:
        marks = point_marks(head)
        if marks != U(0):
            point = first_mark(marks)
            places = U(2 * CHUNK - 1) - point
            head = without_byte(head, point)
    if not (are_digits(head) and are_digits(tail)) or (marks != U(0) and stop - at == 1):
        return U(0), np.int64(-1)
    return digits_value(head) * power + digits_value(tail), np.int64(places)


@leaf_kernel
def read_number(data: Bytes, at: int, stop: int, scale: Whole, rounding: bool) -> Number:
    """(hi, lo, reason) of a decimal number, divided by 10**scale: sign, digits, point, exponent, blanks around it.

    ``rounding``: more than ten places are rounded half-even, with reason ROUNDED, instead of refused.
    """
    at, stop = trim(data, at, stop)
    negative = at < stop and data[at] == MINUS
    if at < stop and (data[at] == MINUS or data[at] == PLUS):
        at += 1
    start = at
    short, behind = _read_short(data, at, stop)
    power = 10 - scale - behind
    if behind >= 0 and 0 <= power <= 10:
        hi, lo = multiply64(short, POWERS_OF_TEN[power])
        if negative:
            hi, lo = negate128(hi, lo)
        return np.int64(hi), lo, _OK
    first, second = U(0), U(0)  # the first 18 significant digits, and the next 10
    digits, zeros, places, seen, point = 0, 0, 0, 0, False
    exponent: Whole = 0
    while at < stop:
        byte = data[at]
        at += 1
        digit = np.int64(byte) - ZERO
        if digit == 0:
            seen += 1
            zeros += digits > 0
            places += point
        elif 0 < digit <= 9:
            seen += 1
            places += point
            for _ in range(zeros + 1):  # the zeros held back, then the digit itself
                if digits < 18:
                    first *= _TEN
                elif digits < 28:
                    second *= _TEN
                digits += 1
                if digits > 28:
                    break
            if digits <= 18:
                first += U(digit)
            else:
                second += U(digit)
            zeros = 0
        elif byte == POINT and not point:
            point = True
        elif byte in (SMALL_E, CAPITAL_E) and seen > 0:
            exponent, good = read_exponent(data, at, stop)
            if not good:
                return np.int64(0), U(0), _BAD_VALUE
            break
        else:
            return np.int64(0), U(0), _BAD_VALUE
    if seen == 0:
        return np.int64(0), U(0), _BAD_VALUE
    if digits == 0:
        return np.int64(0), U(0), _OK
    exponent += zeros - places - scale
    if digits > 28 or digits + exponent > 18 or exponent < -10:
        if rounding:
            return _read_rounded(data, start, stop, negative, scale)
        return np.int64(0), U(0), _OUT_OF_RANGE
    hi, lo = U(0), first
    if digits > 18:
        hi, lo = multiply64(first, POWERS_OF_TEN[digits - 18])
        lo += second
        hi += U(lo < second)
    hi, lo = scale_up(hi, lo, exponent + 10)
    return pack_number(hi, lo, negative, 10, False)


@leaf_kernel
def _read_rounded(data: Bytes, at: int, stop: int, negative: bool, scale: Whole) -> Number:
    """As ``read_number`` with rounding, of digits with a point and an exponent that are known to be a number."""
    front: Any = 0  # digits before the point
    exponent, point = 0, False
    for index in range(at, stop):
        byte = data[index]
        if byte in (SMALL_E, CAPITAL_E):
            exponent, _ = read_exponent(data, index + 1, stop)
            stop = index
            break
        if byte == POINT:
            point = True
        elif not point:
            front += 1
    power = front + exponent - scale  # of ten, one above that of the next digit
    hi, lo = U(0), U(0)
    # Digits kept from the first that isn't 0, the first one cut off, and whether any behind it isn't 0.
    digits: Any = 0
    cut: Any = 0
    rest: Any = False
    for index in range(at, stop):
        if data[index] == POINT:
            continue
        digit = U(data[index]) - U(ZERO)
        power -= 1
        if power >= -10:
            digits += digits > 0 or digit > U(0)
            if digits > 28:
                return np.int64(0), U(0), _OUT_OF_RANGE
            hi, lo = multiply128(hi, lo, _TEN)
            lo += digit
            hi += U(lo < digit)
        elif power == -11:
            cut = np.int64(digit)
        else:
            rest |= digit > U(0)
    if digits > 0 and power > -10:  # no place to round away, so it came here for its digits before the point
        return np.int64(0), U(0), _OUT_OF_RANGE
    hi, lo = round_up(hi, lo, cut, rest)
    high, low, reason = pack_number(hi, lo, negative, 10, False)
    return high, low, ROUNDED if reason == _OK and (cut > 0 or rest) else reason
