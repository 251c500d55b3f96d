"""Reads dates and times of day from text inside compiled kernels, to microseconds since 1970, UTC.

connectors.values.times calls ``read_date_time`` for every text that may hold a date. Taken are ISO 8601 in its extended
and basic form, with T, D or a blank before the time of day, dates with slashes or points (year first), FIX timestamps
(``20240501-09:30:00.123``), zones as Z, UTC, GMT or an offset, and a zone's name in brackets behind them. What has no
zone is UTC. A leap second (23:59:60 UTC) is the second after it, since the time since 1970 has no place for it.
"""

from typing import Final

import numpy as np

from kernels.ascii import (
    CAPITAL_D,
    CAPITAL_T,
    CLOSING_BRACKET,
    COLON,
    COMMA,
    MINUS,
    NINE,
    OPENING_BRACKET,
    PLUS,
    POINT,
    SLASH,
    SMALL_D,
    SMALL_T,
    SMALL_Z,
    SPACE,
    TO_SMALL,
    ZERO,
)
from kernels.kernel import leaf_kernel
from kernels.text_read import read_digits
from schemas.columns import Bytes, Whole
from schemas.rejects import Reason

__all__ = ["NO_DATE", "read_date_time"]

NO_DATE: Final = 254
"""Status of a text that doesn't begin with a date: a number perhaps."""
_OK: Final = int(Reason.NONE)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_MONTH_DAYS: Final = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_DAY_MINUTES: Final = 1440
_UTC: Final = np.frombuffer(b"utc", np.uint8)
_GMT: Final = np.frombuffer(b"gmt", np.uint8)
_ETC: Final = np.frombuffer(b"etc/", np.uint8)


@leaf_kernel
def _read_digits(data: Bytes, at: int, count: int, stop: int) -> int:
    """A number of exactly ``count`` digits, -1 where they aren't there."""
    return int(read_digits(data, at, at + count)) if at + count <= stop else -1


@leaf_kernel
def _begins_with(data: Bytes, at: int, stop: int, word: Bytes) -> bool:
    """Whether ``word`` (lower-case ASCII) stands at ``at``, upper or lower case alike."""
    if stop - at < len(word):
        return False
    for index in range(len(word)):  # noqa: SIM110 - kernels have no all()
        if data[at + index] | TO_SMALL != word[index]:
            return False
    return True


@leaf_kernel
def _days_since_1970(year: int, month: int, day: int) -> int:
    """Proleptic Gregorian; March-based years put the leap day last (Hinnant's days_from_civil)."""
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


@leaf_kernel
def _skip_utc(data: Bytes, at: int, stop: int) -> int:
    """The position after UTC, GMT or Z, ``at`` itself where none of them stands."""
    if _begins_with(data, at, stop, _UTC) or _begins_with(data, at, stop, _GMT):
        return at + 3
    return at + 1 if at < stop and data[at] | TO_SMALL == SMALL_Z else at


@leaf_kernel
def _read_zone(data: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """(minutes east of UTC, good) of what stands behind a time: nothing, ``Z``, `` UTC``, ``+HH``, ``+HHMM``,
    ``+HH:MM``, ``+0000 UTC`` and each with a zone's name in brackets."""
    east, is_given = 0, False
    if stop - at > 1 and data[at] == SPACE and data[at + 1] != OPENING_BRACKET:
        at += 1
    if at < stop and (data[at] == PLUS or data[at] == MINUS):
        west = data[at] == MINUS
        hours = _read_digits(data, at + 1, 2, stop)
        minutes = 0
        at += 3
        if at < stop and (data[at] == COLON or ZERO <= data[at] <= NINE):
            at += data[at] == COLON
            minutes = _read_digits(data, at, 2, stop)
            at += 2
        if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
            return 0, False
        east, is_given = hours * 60 + minutes, True
        if east == 0 and stop - at > 1 and data[at] == SPACE:
            after = _skip_utc(data, at + 1, stop)
            at = after if after > at + 1 else at
        east = -east if west else east
    else:
        after = _skip_utc(data, at, stop)
        is_given = after > at
        at = after
    if stop - at > 2 and data[at] == OPENING_BRACKET and data[stop - 1] == CLOSING_BRACKET:
        name = at + 1 + (4 if _begins_with(data, at + 1, stop, _ETC) else 0)
        # An offset goes before the name beside it; without one, only UTC is known here.
        if is_given or (_skip_utc(data, name, stop) == stop - 1 and name < stop - 1):
            return east, True
    return east, at == stop


@leaf_kernel
def _read_day(data: Bytes, at: int, stop: int) -> tuple[int, int, int, bool]:
    """(days since 1970, reason or NO_DATE, position after the date, whether it is written without separators)."""
    year, month, day = _read_digits(data, at, 4, stop), -1, -1
    after, is_basic = at, False
    if stop - at >= 10 and data[at + 4] == data[at + 7] and data[at + 4] in (MINUS, POINT, SLASH):
        month, day = _read_digits(data, at + 5, 2, stop), _read_digits(data, at + 8, 2, stop)
        after = at + 10
        if month < 0 or day < 0 or year < 0:
            # 1714.52.1 or the like is no number either, but that is for the reader of numbers to say.
            return 0, NO_DATE, after, False
    elif stop - at > 8 and data[at + 8] in (CAPITAL_T, SMALL_T, CAPITAL_D, SMALL_D, SPACE, MINUS):
        month, day = _read_digits(data, at + 4, 2, stop), _read_digits(data, at + 6, 2, stop)
        after, is_basic = at + 8, True
    if year < 0 or month < 0 or day < 0:
        return 0, NO_DATE, after, False
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if year < 1 or month < 1 or month > 12 or day < 1 or day > _MONTH_DAYS[month - 1] + leap:
        return 0, _BAD_VALUE, after, is_basic
    return _days_since_1970(year, month, day), _OK, after, is_basic


@leaf_kernel
def _read_clock(data: Bytes, at: int, stop: int) -> tuple[int, int, Whole, int]:
    """(minutes, second 0..60, microseconds, position after it or -1) of ``HH:MM[:SS[.f]]`` or ``HHMM[SS[.f]]``."""
    hour = _read_digits(data, at, 2, stop)
    colon = at + 2 < stop and data[at + 2] == COLON
    at += 2 + colon
    minute = _read_digits(data, at, 2, stop)
    at += 2
    if hour < 0 or hour > 23 or minute < 0 or minute > 59:
        return 0, 0, 0, -1
    second = 0
    micros: Whole = 0
    if at < stop and (data[at] == COLON if colon else ZERO <= data[at] <= NINE):
        at += colon
        second = _read_digits(data, at, 2, stop)
        at += 2
        if second < 0 or second > 60:
            return 0, 0, 0, -1
        if at < stop and (data[at] == POINT or data[at] == COMMA):
            at += 1
            weight, first = 100_000, at
            while at < stop and ZERO <= data[at] <= NINE:
                micros += (np.int64(data[at]) - ZERO) * weight
                weight //= 10
                at += 1
            if at == first:
                return 0, 0, 0, -1
    return hour * 60 + minute, second, micros, at


@leaf_kernel
def read_date_time(data: Bytes, at: int, stop: int) -> tuple[np.int64, int]:
    """(microseconds since 1970, reason) of ``data[at:stop]``; reason NO_DATE where it doesn't begin with a date."""
    days, reason, after, is_basic = _read_day(data, at, stop)
    if reason != _OK:
        return np.int64(0), reason
    minutes, second, east = 0, 0, 0
    micros: Whole = 0
    if after < stop:
        # T, t, D, d or a blank; a minus only behind a basic date, where it can't be an offset.
        if not (data[after] in (CAPITAL_T, SMALL_T, CAPITAL_D, SMALL_D, SPACE) or (is_basic and data[after] == MINUS)):
            return np.int64(0), _BAD_VALUE
        minutes, second, micros, after = _read_clock(data, after + 1, stop)
        if after < 0:
            return np.int64(0), _BAD_VALUE
        east, good = _read_zone(data, after, stop)
        if not good:
            return np.int64(0), _BAD_VALUE
    minutes = days * _DAY_MINUTES + minutes - east
    if second == 60 and minutes % _DAY_MINUTES != _DAY_MINUTES - 1:
        return np.int64(0), _BAD_VALUE
    return np.int64((minutes * 60 + second) * 1_000_000 + micros), _OK
