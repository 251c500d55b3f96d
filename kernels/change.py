"""Change and percent change of a ticker against the previous close, exactly, in compiled kernels.

Used by sinks.redis.json; numbers are 128-bit pairs (schemas.columns). The change is an exact difference. The percentage
is the exact quotient, rounded half-even at scale 4. The quotient starts from a double's guess, which exact arithmetic
then corrects. Only a percentage of more than a hundred thousand goes the slow way, bit by bit.
"""

from typing import Any, Final, TypeAlias

import numpy as np

from kernels.kernel import kernel

__all__ = ["change", "change_percent"]

Row: TypeAlias = Any

_U0: Final = np.uint64(0)
_U1: Final = np.uint64(1)
_U32: Final = np.uint64(32)
_U63: Final = np.uint64(63)
_LOW32: Final = np.uint64(0xFFFFFFFF)
_TEN: Final = np.uint64(10)
_MILLION: Final = np.uint64(10**6)
_TWO_64: Final = float(1 << 64)
_GUESS_MAX: Final = float(1 << 31)


@kernel
def _times(hi: np.uint64, lo: np.uint64, by: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Product of an unsigned 128-bit number and one below 2**32; the caller knows that it fits."""
    first = (lo & _LOW32) * by
    second = (lo >> _U32) * by + (first >> _U32)
    return hi * by + (second >> _U32), (second << _U32) | (first & _LOW32)


@kernel
def _less(a_hi: np.uint64, a_lo: np.uint64, b_hi: np.uint64, b_lo: np.uint64) -> bool:
    return bool(a_hi < b_hi or (a_hi == b_hi and a_lo < b_lo))


@kernel
def _minus(a_hi: np.uint64, a_lo: np.uint64, b_hi: np.uint64, b_lo: np.uint64) -> tuple[np.uint64, np.uint64]:
    return a_hi - b_hi - (_U1 if a_lo < b_lo else _U0), a_lo - b_lo


@kernel
def _divide_long(
    hi: np.uint64, lo: np.uint64, by_hi: np.uint64, by_lo: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Unsigned division bit by bit: (quotient hi, lo, remainder hi, lo); the divisor is below 2**127."""
    rest_hi, rest_lo, q_hi, q_lo = _U0, _U0, _U0, _U0
    for _ in range(128):
        rest_hi = (rest_hi << _U1) | (rest_lo >> _U63)
        rest_lo = (rest_lo << _U1) | (hi >> _U63)
        hi = (hi << _U1) | (lo >> _U63)
        lo <<= _U1
        q_hi = (q_hi << _U1) | (q_lo >> _U63)
        q_lo <<= _U1
        if not _less(rest_hi, rest_lo, by_hi, by_lo):
            rest_hi, rest_lo = _minus(rest_hi, rest_lo, by_hi, by_lo)
            q_lo |= _U1
    return q_hi, q_lo, rest_hi, rest_lo


@kernel
def _divide(hi: np.uint64, lo: np.uint64, by_hi: np.uint64, by_lo: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Unsigned 128-bit division, rounded half-even: (quotient hi, quotient lo)."""
    guess = (float(hi) * _TWO_64 + float(lo)) / (float(by_hi) * _TWO_64 + float(by_lo))
    q_hi = _U0
    if guess < _GUESS_MAX:
        # Doubles are within one part in 2**50 here, so the guess is off by one at most.
        q_lo = np.uint64(guess)
        part_hi, part_lo = _times(by_hi, by_lo, q_lo)
        if _less(hi, lo, part_hi, part_lo):
            q_lo -= _U1
            part_hi, part_lo = _minus(part_hi, part_lo, by_hi, by_lo)
        rest_hi, rest_lo = _minus(hi, lo, part_hi, part_lo)
        if not _less(rest_hi, rest_lo, by_hi, by_lo):
            q_lo += _U1
            rest_hi, rest_lo = _minus(rest_hi, rest_lo, by_hi, by_lo)
    else:
        q_hi, q_lo, rest_hi, rest_lo = _divide_long(hi, lo, by_hi, by_lo)
    left_hi, left_lo = _minus(by_hi, by_lo, rest_hi, rest_lo)
    half = left_hi == rest_hi and left_lo == rest_lo
    if _less(left_hi, left_lo, rest_hi, rest_lo) or (half and (q_lo & _U1) == _U1):
        q_lo += _U1
        if q_lo == _U0:
            q_hi += _U1
    return q_hi, q_lo


@kernel
def _negate(hi: np.uint64, lo: np.uint64) -> tuple[np.uint64, np.uint64]:
    low = ~lo + _U1
    return (~hi + _U1 if low == _U0 else ~hi), low


@kernel
def change(row: Row) -> tuple[np.uint64, np.uint64]:
    """price - previous close, two's complement."""
    borrow = _U1 if row.price_lo < row.previous_close_lo else _U0
    return np.uint64(row.price_hi) - np.uint64(row.previous_close_hi) - borrow, row.price_lo - row.previous_close_lo


@kernel
def change_percent(row: Row) -> tuple[np.uint64, np.uint64]:
    """100 * change / previous close rounded half-even to 4 digits, at scale 5, two's complement.

    Prices are positive and below 10**28 units, so a change times 10**6 is below 2**114, and so is the quotient.
    """
    hi, lo = change(row)
    negative = (hi >> _U63) == _U1
    if negative:
        hi, lo = _negate(hi, lo)
    hi, lo = _times(hi, lo, _MILLION)
    hi, lo = _divide(hi, lo, np.uint64(row.previous_close_hi), row.previous_close_lo)
    hi, lo = _times(hi, lo, _TEN)
    if negative:
        hi, lo = _negate(hi, lo)
    return hi, lo
