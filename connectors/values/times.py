"""Reads times from numbers and from text inside compiled kernels, to microseconds since 1970, UTC.

Every decoder's times end here; texts that hold a date go on to connectors.values.dates. A number counts in its unit
from 1970, or from the origin that the settings name. A number that can hardly be meant as it would be read is refused
as UNCLEAR_TIME and not believed: see ``place_time``.
"""

from typing import Final

import numpy as np

from connectors.values.dates import NO_DATE, read_date_time
from kernels.ascii import CAPITAL_E, MINUS, NINE, PLUS, POINT, SMALL_E, ZERO
from kernels.kernel import leaf_kernel
from kernels.text_read import read_digits, read_exponent, trim
from kernels.wide import POWERS_OF_TEN
from schemas.columns import Bytes, Whole
from schemas.rejects import Reason

__all__ = ["DAYS", "NO_ORIGIN", "place_time", "read_time", "time_from_double", "time_from_long"]

U = np.uint64
DAYS: Final = 5
"""Unit code of whole days, beside those of connectors.values.fields.TIME_UNITS."""
NO_ORIGIN: Final = -(2**63)
"""Origin of times that count from 1970."""
_OK: Final = int(Reason.NONE)
_OUT_OF_RANGE: Final = int(Reason.OUT_OF_RANGE)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_UNCLEAR_TIME: Final = int(Reason.UNCLEAR_TIME)
_TEN: Final = U(10)
_FAR: Final = 2**63 - 1
_UNIT_US: Final = np.array([0, 1_000_000, 1_000, 1, 0, 86_400_000_000], np.int64)
"""Microseconds in unit code 1 (s), 2 (ms), 3 (us), 5 (days); 4 is nanoseconds."""
_DAY_US: Final = 86_400_000_000
_YEAR_1980_US: Final = 315_532_800_000_000


@leaf_kernel
def place_time(micros: Whole, is_whole: bool, unit: Whole, origin_us: int) -> tuple[np.int64, int]:
    """(microseconds, reason) of a plain time of ``unit`` that reads as ``micros`` since 1970 or since ``origin_us``.

    UNCLEAR_TIME: in unit 0 (auto) every time before 1980, as spreadsheets' day numbers, days since 1970, seconds after
    midnight, 20240501 and 202405010930 would all be read as times of the seventies; in a named unit a number with a
    point or exponent (not ``is_whole``) that falls on 1970-01-01, which day numbers and seconds after midnight do.
    """
    if origin_us != NO_ORIGIN:
        if micros < 0:
            return np.int64(0), _BAD_VALUE
        return np.int64(_FAR if micros > _FAR - max(origin_us, 0) else micros + origin_us), _OK
    if micros >= 0 and ((unit == 0 and micros < _YEAR_1980_US) or (unit != 0 and not is_whole and micros < _DAY_US)):
        return np.int64(micros), _UNCLEAR_TIME
    return np.int64(micros), _OK


@leaf_kernel
def time_from_long(value: Whole, unit: Whole) -> Whole:
    """Microseconds of a whole number in ``unit`` (fields.TIME_UNITS, 5 = days); saturates, nanoseconds round down."""
    if unit == 0:
        size = abs(int(value)) if value > -_FAR else _FAR
        unit = 1 if size < 10**11 else 2 if size < 10**14 else 3 if size < 10**17 else 4
    if unit == 4:
        return value // 1000
    factor: Whole = _UNIT_US[unit]
    if value > _FAR // factor:
        return _FAR
    if value < -_FAR // factor:
        return -_FAR
    return value * factor


@leaf_kernel
def time_from_double(value: float, unit: Whole) -> tuple[np.int64, int]:
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
def _add_nearest(whole: np.int64, rest: float, factor: float) -> np.int64:
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
def _read_whole_time(data: Bytes, at: int, stop: int) -> np.int64:
    """A number of 1 to 18 digits, -1 if it isn't one."""
    if stop - at < 1 or stop - at > 18:
        return np.int64(-1)
    return read_digits(data, at, stop)


@leaf_kernel
def _read_fine_time(data: Bytes, at: int, stop: int, unit: int) -> tuple[np.int64, int, bool, bool]:
    """(microseconds, reason, whether it is 0, whether it is whole) of a number as in ``read_number``, without its sign.

    Rounds down. Whole: no point, no exponent. The first 19 significant digits are kept: they reach below the
    microsecond of any time that could pass.
    """
    mantissa, kept, places, seen, point, exponent, whole = U(0), 0, 0, 0, False, 0, True
    while at < stop:
        byte = data[at]
        at += 1
        digit = np.int64(byte) - ZERO
        if 0 <= digit <= 9:
            seen += 1
            places += point
            if kept > 0 or digit > 0:
                kept += 1
                if kept <= 19:
                    mantissa = mantissa * _TEN + U(digit)
        elif byte == POINT and not point:
            point, whole = True, False
        elif byte in (SMALL_E, CAPITAL_E) and seen > 0:
            exponent, good = read_exponent(data, at, stop)
            whole = False
            if not good:
                return np.int64(0), _BAD_VALUE, True, whole
            break
        else:
            return np.int64(0), _BAD_VALUE, True, whole
    if seen == 0:
        return np.int64(0), _BAD_VALUE, True, whole
    if kept == 0:
        return np.int64(0), _OK, True, whole
    front = kept + exponent - places  # digits before the point
    if front > 19:
        return np.int64(0), _OUT_OF_RANGE, False, whole
    if unit == 0:
        unit = 1 if front <= 11 else 2 if front <= 14 else 3 if front <= 17 else 4
    digits = front + 9 - 3 * unit  # of the microseconds
    if digits > 19:
        return np.int64(_FAR), _OK, False, whole
    shift = digits - min(kept, 19)
    if shift < -19:
        return np.int64(0), _OK, False, whole
    micros = mantissa * POWERS_OF_TEN[shift] if shift >= 0 else mantissa // POWERS_OF_TEN[-shift]
    return np.int64(min(micros, U(_FAR))), _OK, False, whole


@leaf_kernel
def read_time(data: Bytes, at: int, stop: int, unit: int, origin_us: int) -> tuple[np.int64, int]:
    """(microseconds, reason) of a time: a plain number in ``unit``, or a date and time (see dates)."""
    at, stop = trim(data, at, stop)
    # Where a date has its separators a usual number has digits.
    if stop - at > 8 and not (ZERO <= data[at + 4] <= NINE and ZERO <= data[at + 8] <= NINE):
        micros, reason = read_date_time(data, at, stop)
        if reason != NO_DATE:
            return micros, reason
    negative = at < stop and data[at] == MINUS
    value = _read_whole_time(data, at + 1 if negative else at, stop)
    if value >= 0:
        return place_time(time_from_long(-value if negative else value, unit), True, unit, origin_us)
    signed = at < stop and (data[at] == MINUS or data[at] == PLUS)
    micros, reason, is_zero, is_whole = _read_fine_time(data, at + signed, stop, unit)
    if reason != _OK:
        return micros, reason
    return place_time(np.int64(-_FAR) if negative and not is_zero else micros, is_whole, unit, origin_us)
