"""Reads numbers, times and sides from text inside compiled kernels.

CSV, Parquet and JSON cells and Avro strings all end here. ``data`` is a uint8 array; a cell is ``data[at:stop]``;
kernels never look outside it. Law: a number is exact or refused; what isn't wholly a number is BAD_VALUE.
The surprise: trailing zeros are held back until another digit follows, so a mantissa of more than 28 digits is out
of range by itself, and 128 bits always suffice.
"""

from typing import Any, Final

import numpy as np

from connectors.decimals import multiply_words, pack_number, scale_up
from schemas.columns import BUY, SELL, UNKNOWN
from schemas.kernel import leaf_kernel
from schemas.rejects import Reason

__all__ = ["read_number", "read_side", "read_time", "time_from_double", "time_from_long"]

U = np.uint64
_OK: Final = int(Reason.NONE)
_OUT_OF_RANGE: Final = int(Reason.OUT_OF_RANGE)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_TEN: Final = U(10)
_POWERS: Final = np.array([10**k for k in range(20)], np.uint64)
_FAR: Final = 2**63 - 1
_UNIT_US: Final = np.array([0, 1_000_000, 1_000, 1, 0, 86_400_000_000], np.int64)
"""Microseconds in unit code 1 (s), 2 (ms), 3 (us), 5 (days); 4 is nanoseconds."""
_MONTH_DAYS: Final = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@leaf_kernel
def time_from_long(value: int, unit: int) -> Any:
    """Microseconds of a whole number in ``unit`` (fields.TIME_UNITS, 5 = days); saturates, nanoseconds round down."""
    if unit == 0:
        size = abs(value) if value > -_FAR else _FAR
        unit = 1 if size < 10**11 else 2 if size < 10**14 else 3 if size < 10**17 else 4
    if unit == 4:
        return value // 1000
    factor = _UNIT_US[unit]
    if value > _FAR // factor:
        return _FAR
    if value < -_FAR // factor:
        return -_FAR
    return value * factor


@leaf_kernel
def time_from_double(value: float, unit: int) -> Any:
    """(microseconds, reason) of a floating-point time in ``unit``; the nearest microsecond."""
    if not np.isfinite(value):
        return np.int64(0), _BAD_VALUE
    size = abs(value)
    if unit == 0:
        unit = 1 if size < 1e11 else 2 if size < 1e14 else 3 if size < 1e17 else 4
    if size >= 1e19:
        return np.int64(0), _OUT_OF_RANGE
    whole = np.floor(size)
    if unit == 4:
        micros, left = np.int64(U(whole) // U(1000)), np.int64(U(whole) % U(1000)) - 500
        micros += left > 0 or (left == 0 and (size > whole or micros % 2 == 1))
    elif size * _UNIT_US[unit] >= 9.2e18:
        micros = np.int64(_FAR)
    else:
        # Whole units apart from the rest: the product of both would be rounded once more.
        micros = _add_nearest(np.int64(whole) * _UNIT_US[unit], size - whole, np.float64(_UNIT_US[unit]))
    return -micros if value < 0.0 else micros, _OK


@leaf_kernel
def _add_nearest(whole: int, rest: float, factor: float) -> Any:
    """The whole number nearest to ``whole + rest * factor`` (rest in 0..1), the even one where two are as near.

    Dekker's product: what rounding took from the product decides where the rounded one lies half-way.
    """
    product = rest * factor
    nearest = np.rint(product)
    if abs(product - nearest) != 0.5:
        return whole + np.int64(nearest)
    upper = rest * 134_217_729.0  # 2**27 + 1 splits 53 bits in two halves
    upper = upper - (upper - rest)
    error = (upper * factor - product) + (rest - upper) * factor
    below = whole + np.int64(np.floor(product))
    return below + (below % 2 if error == 0.0 else np.int64(error > 0.0))


@leaf_kernel
def _read_exponent(data: Any, at: int, stop: int) -> Any:
    """(exponent, good) of what follows an ``e``; beyond a million it makes no difference."""
    negative = at < stop and data[at] == 45
    if at < stop and (data[at] == 45 or data[at] == 43):
        at += 1
    if at >= stop:
        return 0, False
    exponent: Any = 0
    while at < stop:
        digit = np.int64(data[at]) - 48
        if digit < 0 or digit > 9:
            return 0, False
        exponent = min(exponent * 10 + digit, 1_000_000)
        at += 1
    return -exponent if negative else exponent, True


@leaf_kernel
def _trim(data: Any, at: int, stop: int) -> Any:
    while at < stop and data[at] == 32:
        at += 1
    while at < stop and data[stop - 1] == 32:
        stop -= 1
    return at, stop


@leaf_kernel
def read_number(data: Any, at: int, stop: int) -> Any:
    """(hi, lo, reason) of a decimal number: sign, digits, point, exponent; spaces around it are fine."""
    at, stop = _trim(data, at, stop)
    negative = at < stop and data[at] == 45
    if at < stop and (data[at] == 45 or data[at] == 43):
        at += 1
    first, second = U(0), U(0)  # the first 18 significant digits, and the next 10
    digits, zeros, places, seen, point, exponent = 0, 0, 0, 0, False, 0
    while at < stop:
        byte = data[at]
        at += 1
        digit = np.int64(byte) - 48
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
        elif byte == 46 and not point:
            point = True
        elif byte in (101, 69) and seen > 0:
            exponent, good = _read_exponent(data, at, stop)
            if not good:
                return np.int64(0), U(0), _BAD_VALUE
            break
        else:
            return np.int64(0), U(0), _BAD_VALUE
    if seen == 0:
        return np.int64(0), U(0), _BAD_VALUE
    if digits == 0:
        return np.int64(0), U(0), _OK
    exponent += zeros - places
    if digits > 28 or digits + exponent > 18 or exponent < -10:
        return np.int64(0), U(0), _OUT_OF_RANGE
    hi, lo = U(0), first
    if digits > 18:
        hi, lo = multiply_words(first, _POWERS[digits - 18])
        lo += second
        hi += U(lo < second)
    hi, lo = scale_up(hi, lo, exponent + 10)
    return pack_number(hi, lo, negative, 10)


@leaf_kernel
def _equals(data: Any, at: int, stop: int, word: Any) -> bool:
    """Whether the cell is ``word`` (lower-case ASCII bytes), upper or lower case alike."""
    if stop - at != len(word):
        return False
    for index in range(len(word)):  # noqa: SIM110 - kernels have no all()
        if data[at + index] | np.uint8(32) != word[index]:
            return False
    return True


_BUY_WORD: Final = np.frombuffer(b"buy", np.uint8)
_SELL_WORD: Final = np.frombuffer(b"sell", np.uint8)


@leaf_kernel
def read_side(data: Any, at: int, stop: int) -> int:
    """BUY for ``buy`` and ``b``, SELL for ``sell`` and ``s`` in any case, else UNKNOWN."""
    if stop - at == 1:
        letter = data[at] | np.uint8(32)
        return BUY if letter == 98 else SELL if letter == 115 else UNKNOWN
    if _equals(data, at, stop, _BUY_WORD):
        return BUY
    return SELL if _equals(data, at, stop, _SELL_WORD) else UNKNOWN


@leaf_kernel
def _read_whole_time(data: Any, at: int, stop: int) -> Any:
    """A number of 1 to 18 digits, -1 if it isn't one."""
    if stop - at < 1 or stop - at > 18:
        return np.int64(-1)
    number: Any = 0
    for index in range(at, stop):
        digit = np.int64(data[index]) - 48
        if digit < 0 or digit > 9:
            return np.int64(-1)
        number = number * 10 + digit
    return np.int64(number)


@leaf_kernel
def _read_fine_time(data: Any, at: int, stop: int, unit: int) -> Any:
    """(microseconds, reason, whether it is 0) of a number as in ``read_number``, without its sign; rounds down.

    The first 19 significant digits are kept: they reach below the microsecond of any time that could pass.
    """
    mantissa, kept, places, seen, point, exponent = U(0), 0, 0, 0, False, 0
    while at < stop:
        byte = data[at]
        at += 1
        digit = np.int64(byte) - 48
        if 0 <= digit <= 9:
            seen += 1
            places += point
            if kept > 0 or digit > 0:
                kept += 1
                if kept <= 19:
                    mantissa = mantissa * _TEN + U(digit)
        elif byte == 46 and not point:
            point = True
        elif byte in (101, 69) and seen > 0:
            exponent, good = _read_exponent(data, at, stop)
            if not good:
                return np.int64(0), _BAD_VALUE, True
            break
        else:
            return np.int64(0), _BAD_VALUE, True
    if seen == 0:
        return np.int64(0), _BAD_VALUE, True
    if kept == 0:
        return np.int64(0), _OK, True
    whole = kept + exponent - places  # digits before the point
    if whole > 19:
        return np.int64(0), _OUT_OF_RANGE, False
    if unit == 0:
        unit = 1 if whole <= 11 else 2 if whole <= 14 else 3 if whole <= 17 else 4
    digits = whole + 9 - 3 * unit  # of the microseconds
    if digits > 19:
        return np.int64(_FAR), _OK, False
    shift = digits - min(kept, 19)
    if shift < -19:
        return np.int64(0), _OK, False
    micros = mantissa * _POWERS[shift] if shift >= 0 else mantissa // _POWERS[-shift]
    return np.int64(min(micros, U(_FAR))), _OK, False


@leaf_kernel
def read_time(data: Any, at: int, stop: int, unit: int) -> Any:
    """(microseconds, reason) of a time: a number in ``unit``, or ISO 8601 (UTC where no zone is given)."""
    at, stop = _trim(data, at, stop)
    if stop - at >= 10 and data[at + 4] == 45 and data[at + 7] == 45:
        return _read_iso_time(data, at, stop)
    negative = at < stop and data[at] == 45
    value = _read_whole_time(data, at + 1 if negative else at, stop)
    if value >= 0:
        return np.int64(time_from_long(-value if negative else value, unit)), _OK
    signed = at < stop and (data[at] == 45 or data[at] == 43)
    micros, reason, is_zero = _read_fine_time(data, at + signed, stop, unit)
    return np.int64(-_FAR) if negative and not is_zero else micros, reason


@leaf_kernel
def _read_digits(data: Any, at: int, count: int, stop: int) -> Any:
    """A number of exactly ``count`` digits, -1 where they aren't there."""
    if at + count > stop:
        return -1
    number: Any = 0
    for index in range(at, at + count):
        digit = np.int64(data[index]) - 48
        if digit < 0 or digit > 9:
            return -1
        number = number * 10 + digit
    return number


@leaf_kernel
def _days_since_1970(year: int, month: int, day: int) -> int:
    """Proleptic Gregorian; March-based years put the leap day last (Hinnant's days_from_civil)."""
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


@leaf_kernel
def _read_zone(data: Any, at: int, stop: int) -> Any:
    """(minutes east of UTC, good) of ``Z``, ``+HH``, ``+HHMM``, ``+HH:MM`` or nothing."""
    if at == stop:
        return 0, True
    if data[at] | np.uint8(32) == 122:
        return 0, at + 1 == stop
    if data[at] != 43 and data[at] != 45:
        return 0, False
    hours = _read_digits(data, at + 1, 2, stop)
    minutes = 0
    after = at + 3
    if after < stop:
        after += data[after] == 58
        minutes = _read_digits(data, after, 2, stop)
        after += 2
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59 or after != stop:
        return 0, False
    east = hours * 60 + minutes
    return -east if data[at] == 45 else east, True


@leaf_kernel
def _read_iso_time(data: Any, at: int, stop: int) -> Any:
    year, month, day = (
        _read_digits(data, at, 4, stop),
        _read_digits(data, at + 5, 2, stop),
        _read_digits(data, at + 8, 2, stop),
    )
    if year < 1 or month < 1 or month > 12 or day < 1:
        return np.int64(0), _BAD_VALUE
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _MONTH_DAYS[month - 1] + leap:
        return np.int64(0), _BAD_VALUE
    hour, minute, second = 0, 0, 0
    micros: Any = 0
    after = at + 10
    if after < stop:
        hour = _read_digits(data, after + 1, 2, stop)
        minute = _read_digits(data, after + 4, 2, stop)
        if (data[after] != 84 and data[after] != 116 and data[after] != 32) or hour < 0 or minute < 0:
            return np.int64(0), _BAD_VALUE
        if data[after + 3] != 58 or hour > 23 or minute > 59:
            return np.int64(0), _BAD_VALUE
        after += 6
        if after < stop and data[after] == 58:
            second = _read_digits(data, after + 1, 2, stop)
            if second < 0 or second > 59:
                return np.int64(0), _BAD_VALUE
            after += 3
            if after < stop and (data[after] == 46 or data[after] == 44):
                after += 1
                weight = 100_000
                first = after
                while after < stop and 48 <= data[after] <= 57:
                    micros += (np.int64(data[after]) - 48) * weight
                    weight //= 10
                    after += 1
                if after == first:
                    return np.int64(0), _BAD_VALUE
    east, good = _read_zone(data, after, stop)
    if not good:
        return np.int64(0), _BAD_VALUE
    minutes = _days_since_1970(year, month, day) * 1440 + hour * 60 + minute - east
    return np.int64((minutes * 60 + second) * 1_000_000 + micros), _OK
