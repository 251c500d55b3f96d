"""Exact decimals: 128-bit pairs and 256-bit limbs, Python integers, Decimals, and their plain text.

Sinks and readers turn columns (schemas.columns) into text and back with these; nothing here rounds. A number is an
integer count of units of 10**-scale. Its text is plain notation, without exponent or trailing zeros ("0.5", "1313",
"-0.00000001"), so that equal numbers have equal text. Compiled code has no 128-bit integers: kernels cut off ten digits
at a time by dividing by 100,000 twice. ``put_*`` need 96 free bytes behind ``at`` as room to work.
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Final

import numpy as np

from kernels.kernel import leaf_kernel
from kernels.wide import POWERS_OF_TEN, Pair, divide_by_small, negate128
from schemas.columns import Bytes, Longs, Whole, Words

__all__ = [
    "QUOTE_SCALE",
    "ROOM",
    "SCALE",
    "from_limbs",
    "from_pair",
    "from_pairs",
    "plain",
    "put_i128",
    "put_int",
    "put_percent",
    "put_u256",
    "texts_i128",
    "texts_u256",
    "to_decimal",
    "to_limbs",
    "to_pair",
    "units",
]

SCALE: Final = 10
QUOTE_SCALE: Final = 20
ROOM: Final = 96
"""Bytes that a ``put_*`` kernel may touch behind its start: 78 digits, sign, point, and one group of ten."""

_MASK: Final = (1 << 64) - 1
_EXACT: Final = Context(prec=100)

_U0: Final = np.uint64(0)
_U1: Final = np.uint64(1)
_U10: Final = np.uint64(10)
_U48: Final = np.uint64(48)
_E5: Final = np.uint64(10**5)
_E10: Final = np.uint64(10**10)
_MINUS: Final = np.uint8(45)
_POINT: Final = np.uint8(46)


def from_pair(hi: int, lo: int) -> int:
    """Signed integer of a 128-bit pair (int64 hi, uint64 lo)."""
    return (int(hi) << 64) + int(lo)


def to_pair(value: int) -> tuple[int, int]:
    """(hi, lo) of a signed integer below 2**127; raises OverflowError beyond."""
    if not -(1 << 127) <= value < 1 << 127:
        raise OverflowError(f"{value} does not fit in 128 bits")
    return value >> 64, value & _MASK


def from_pairs(hi: Longs, lo: Words) -> list[int]:
    """Integers of two columns (int64[n], uint64[n])."""
    return [(high << 64) + low for high, low in zip(hi.tolist(), lo.tolist(), strict=True)]


def from_limbs(limbs: Words | Sequence[int]) -> int:
    """Unsigned integer of four little-endian 64-bit limbs."""
    return sum(int(limb) << (64 * index) for index, limb in enumerate(limbs))


def to_limbs(value: int) -> tuple[int, int, int, int]:
    """Four little-endian limbs of an unsigned integer below 2**256; raises OverflowError beyond."""
    if not 0 <= value < 1 << 256:
        raise OverflowError(f"{value} does not fit in 256 unsigned bits")
    return value & _MASK, (value >> 64) & _MASK, (value >> 128) & _MASK, value >> 192


def units(value: Decimal | str | int, scale: int = SCALE) -> int:
    """Count of units of 10**-scale; raises ValueError when ``value`` has digits below that."""
    scaled = Decimal(value).scaleb(scale, _EXACT)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{value} has more than {scale} fractional digits")
    return whole


def to_decimal(value: int, scale: int = SCALE) -> Decimal:
    """Decimal of ``value`` units, with exponent -scale."""
    return Decimal(value).scaleb(-scale, _EXACT)


def plain(value: int, scale: int = SCALE) -> str:
    """Plain text of ``value`` units of 10**-scale."""
    whole, fraction = divmod(abs(value), 10**scale)
    sign = "-" if value < 0 else ""
    digits = f"{fraction:0{scale}d}".rstrip("0") if fraction else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


@leaf_kernel
def put_u64(buffer: Bytes, at: int, value: np.uint64) -> int:
    """Write the digits of a uint64 at ``at``; returns the position behind them."""
    count = 1
    while count < 20 and value >= POWERS_OF_TEN[count]:
        count += 1
    return _put_fixed(buffer, at, value, count)


@leaf_kernel
def put_int(buffer: Bytes, at: int, value: Whole) -> int:
    """Write a signed int64 in decimal; returns the position behind it."""
    if value < 0:
        buffer[at] = _MINUS
        return put_u64(buffer, at + 1, ~np.uint64(np.int64(value)) + _U1)
    return put_u64(buffer, at, np.uint64(np.int64(value)))


@leaf_kernel
def _put_fixed(buffer: Bytes, at: int, value: np.uint64, count: int) -> int:
    """Write exactly ``count`` digits, leading zeros included."""
    position = at + count
    while position > at:
        position -= 1
        rest = value // _U10
        buffer[position] = np.uint8(_U48 + value - rest * _U10)
        value = rest
    return at + count


@leaf_kernel
def _put_fraction(buffer: Bytes, at: int, value: np.uint64, count: int) -> int:
    """Write point and the ``count`` digits of a fraction without its trailing zeros; nothing for zero."""
    if value == _U0:
        return at
    if value % _E5 == _U0:
        value //= _E5
        count -= 5
    while value % _U10 == _U0:
        value //= _U10
        count -= 1
    buffer[at] = _POINT
    return _put_fixed(buffer, at + 1, value, count)


@leaf_kernel
def _cut_128(hi: np.uint64, lo: np.uint64) -> tuple[np.uint64, np.uint64, np.uint64]:
    """Divide a 128-bit number by 10**10: (hi, lo, the ten digits cut off)."""
    hi, rest = divide_by_small(_U0, hi, _E5)
    lo, least = divide_by_small(rest, lo, _E5)
    hi, rest = divide_by_small(_U0, hi, _E5)
    lo, most = divide_by_small(rest, lo, _E5)
    return hi, lo, most * _E5 + least


@leaf_kernel
def _put_whole(buffer: Bytes, at: int, hi: np.uint64, lo: np.uint64) -> int:
    """Write an unsigned 128-bit integer."""
    if hi == _U0:
        return put_u64(buffer, at, lo)
    hi, lo, least = _cut_128(hi, lo)
    if hi != _U0:
        hi, lo, group = _cut_128(hi, lo)
        at = put_u64(buffer, at, lo)
        at = _put_fixed(buffer, at, group, 10)
    else:
        at = put_u64(buffer, at, lo)
    return _put_fixed(buffer, at, least, 10)


@leaf_kernel
def _magnitude(hi: Whole, lo: np.uint64) -> Pair:
    """The absolute value of a 128-bit pair."""
    if hi < 0:
        return negate128(np.uint64(hi), lo)
    return np.uint64(hi), lo


@leaf_kernel
def put_i128(buffer: Bytes, at: int, hi: Whole, lo: np.uint64) -> int:
    """Write a 128-bit pair at scale 10 in plain notation; returns the position behind it."""
    if hi < 0:
        buffer[at] = _MINUS
        at += 1
    high, lo = _magnitude(hi, lo)
    if high == _U0:
        whole = lo // _E10
        at = put_u64(buffer, at, whole)
        return _put_fraction(buffer, at, lo - whole * _E10, 10)
    high, lo, fraction = _cut_128(high, lo)
    at = _put_whole(buffer, at, high, lo)
    return _put_fraction(buffer, at, fraction, 10)


@leaf_kernel
def put_percent(buffer: Bytes, at: int, hi: Whole, lo: np.uint64) -> int:
    """Write a 128-bit pair at scale 5 in plain notation; returns the position behind it."""
    if hi < 0:
        buffer[at] = _MINUS
        at += 1
    high, lo = _magnitude(hi, lo)
    high, rest = divide_by_small(_U0, high, _E5)
    lo, fraction = divide_by_small(rest, lo, _E5)
    at = _put_whole(buffer, at, high, lo)
    return _put_fraction(buffer, at, fraction, 5)


@leaf_kernel
def _cut_256(
    l3: np.uint64, l2: np.uint64, l1: np.uint64, l0: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]:
    """Divide a 256-bit number by 10**10: (four limbs from the highest, the ten digits cut off)."""
    least = _U0
    most = _U0
    for turn in range(2):
        rest = _U0
        if l3 != _U0:
            l3, rest = divide_by_small(rest, l3, _E5)
        if l2 != _U0 or rest != _U0:
            l2, rest = divide_by_small(rest, l2, _E5)
        l1, rest = divide_by_small(rest, l1, _E5)
        l0, rest = divide_by_small(rest, l0, _E5)
        if turn == 0:
            least = rest
        else:
            most = rest
    return l3, l2, l1, l0, most * _E5 + least


# A number of 256 bits as digits.
#
# The number has up to 78 digits, and the last 20 stand behind the point. Each _cut_256 divides it by 10**10 and gives
# the ten digits that fall off at the end. The first two cuts are the decimals, lower half first. The cuts after them
# are written from the back into the room behind ``at``, until what is left fits 64 bits. That rest is written at ``at``
# without leading zeros, and the groups, which have theirs, are moved up to it. Trailing zeros of the decimals are then
# left out, so that equal numbers have equal text.
@leaf_kernel
def put_u256(buffer: Bytes, at: int, limbs: Words) -> int:
    """Write four unsigned limbs at scale 20 in plain notation; returns the position behind them."""
    l3, l2, l1, l0, low = _cut_256(limbs[3], limbs[2], limbs[1], limbs[0])
    l3, l2, l1, l0, high = _cut_256(l3, l2, l1, l0)
    end = at + ROOM
    position = end
    while l3 != _U0 or l2 != _U0 or l1 != _U0:
        l3, l2, l1, l0, group = _cut_256(l3, l2, l1, l0)
        position -= 10
        _put_fixed(buffer, position, group, 10)
    at = put_u64(buffer, at, l0)
    for index in range(position, end):
        buffer[at] = buffer[index]
        at += 1
    if low == _U0:
        return _put_fraction(buffer, at, high, 10)
    buffer[at] = _POINT
    at = _put_fixed(buffer, at + 1, high, 10)
    count = 10
    while low % _U10 == _U0:
        low //= _U10
        count -= 1
    return _put_fixed(buffer, at, low, count)


@leaf_kernel
def _texts_i128(hi: Longs, lo: Words, buffer: Bytes, ends: Longs) -> None:
    at = 0
    for index in range(len(hi)):
        at = put_i128(buffer, at, hi[index], lo[index])
        ends[index] = at


@leaf_kernel
def _texts_u256(limbs: Words, buffer: Bytes, ends: Longs) -> None:
    at = 0
    for index in range(len(limbs)):
        at = put_u256(buffer, at, limbs[index])
        ends[index] = at


def texts_i128(hi: Longs, lo: Words) -> list[str]:
    """Plain text of each value of an int64[n], uint64[n] pair of columns at scale 10."""
    buffer = np.empty(len(hi) * 48 + ROOM, np.uint8)
    ends = np.empty(len(hi), np.int64)
    _texts_i128(hi, lo, buffer, ends)
    return _split(buffer, ends)


def texts_u256(limbs: Words) -> list[str]:
    """Plain text of each row of uint64[n, 4] at scale 20."""
    buffer = np.empty(len(limbs) * 80 + ROOM, np.uint8)
    ends = np.empty(len(limbs), np.int64)
    _texts_u256(limbs, buffer, ends)
    return _split(buffer, ends)


def _split(buffer: Bytes, ends: Longs) -> list[str]:
    stops = ends.tolist()
    text = buffer[: stops[-1] if stops else 0].tobytes().decode("ascii")
    return [text[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]
