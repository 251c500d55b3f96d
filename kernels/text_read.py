"""Reads numbers from text inside compiled kernels.

CSV, Parquet and JSON cells and Avro strings all end here. ``data`` is a uint8 array; a cell is ``data[at:stop]``;
kernels never look outside it. A number is exact or refused, or rounded half-even where that is asked for; what isn't
wholly a number is BAD_VALUE. Trailing zeros are held back until another digit follows, so that a mantissa of more than
28 digits is out of range by itself, and 128 bits always suffice.
"""

from typing import Any, Final

import numpy as np

from kernels.ascii import CAPITAL_E, MINUS, PLUS, POINT, SMALL_E, SPACE, ZERO
from kernels.decimal_read import ROUNDED, Number, pack_number, round_up, scale_up
from kernels.kernel import leaf_kernel
from kernels.wide import POWERS_OF_TEN, multiply64, multiply128
from schemas.columns import Bytes, Whole
from schemas.rejects import Reason

__all__ = ["read_digits", "read_exponent", "read_number", "trim"]

U = np.uint64
_OK: Final = int(Reason.NONE)
_OUT_OF_RANGE: Final = int(Reason.OUT_OF_RANGE)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_TEN: Final = U(10)


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


@leaf_kernel
def read_digits(data: Bytes, at: Whole, stop: Whole) -> np.int64:
    """The number of the digits ``data[at:stop]``, 18 at most; -1 where another byte stands among them."""
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
