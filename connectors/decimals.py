"""Exact decimals at scale 10 inside compiled kernels: from any scale, from doubles, from long integers.

Decoders' kernels call these; results go into TRADE rows as (hi, lo) pairs: hi * 2**64 + lo in units of 10**-10.
Law: a value is kept exactly or refused (Reason.OUT_OF_RANGE), never rounded and never wrapped.
The surprise: a double stands for its shortest decimal text (0.1 is 0.1, not 0.1000000000000000055), which is what its
writer meant. Up to 15 digits that text is found by one multiplication and proved by one division; the few others are
PENDING and go through repr().
"""

from decimal import Decimal
from typing import Any, Final

import numpy as np

from schemas.decimals import to_pair
from schemas.kernel import leaf_kernel
from schemas.rejects import Reason

__all__ = [
    "PENDING",
    "multiply_words",
    "number_from_double",
    "number_from_float",
    "number_from_long",
    "number_from_text",
    "pack_number",
    "scale_down",
    "scale_up",
]

U = np.uint64
PENDING: Final = 255
"""Status of a double that needs repr()."""

_OK: Final = int(Reason.NONE)
_OUT_OF_RANGE: Final = int(Reason.OUT_OF_RANGE)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_POWERS: Final = np.array([10**k for k in range(20)], np.uint64)
_FLOAT_POWERS: Final = np.array([float(10**k) for k in range(23)], np.float64)
_LOW: Final = U(0xFFFFFFFF)
_32: Final = U(32)
_LIMIT_HI: Final = U(10**28 >> 64)
_LIMIT_LO: Final = U(10**28 & (2**64 - 1))
_LIMIT: Final = 10**28


@leaf_kernel
def multiply_words(a: Any, b: Any) -> Any:
    """The 128-bit product (hi, lo) of two uint64."""
    a_low, a_high, b_low, b_high = a & _LOW, a >> _32, b & _LOW, b >> _32
    low = a_low * b_low
    middle = a_high * b_low + (low >> _32)
    other = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _32) + (other >> _32), (other << _32) | (low & _LOW)


@leaf_kernel
def scale_up(hi: Any, lo: Any, places: int) -> Any:
    """(hi, lo) * 10**places for places 0..38; the caller knows that the product fits 128 bits."""
    while places > 0:
        step = min(places, 19)
        carry, low = multiply_words(lo, _POWERS[step])
        hi, lo = hi * _POWERS[step] + carry, low
        places -= step
    return hi, lo


@leaf_kernel
def scale_down(hi: Any, lo: Any, places: int) -> Any:
    """(hi, lo) // 10**places, and whether nothing was cut off. Long division by 10**9 at most, in 32-bit digits."""
    exact = True
    while places > 0 and (hi != U(0) or lo != U(0)):
        step = min(places, 9)
        divisor = _POWERS[step]
        places -= step
        rest = hi % divisor
        hi //= divisor
        upper = (rest << _32) | (lo >> _32)
        lower = ((upper % divisor) << _32) | (lo & _LOW)
        lo = ((upper // divisor) << _32) | (lower // divisor)
        exact = exact and lower % divisor == U(0)
    return hi, lo, exact


@leaf_kernel
def pack_number(hi: Any, lo: Any, negative: bool, scale: int) -> Any:
    """(hi int64, lo uint64, reason) at scale 10 of a magnitude (two uint64) at ``scale`` (0 and more)."""
    if scale > 10:
        hi, lo, exact = scale_down(hi, lo, scale - 10)
        if not exact:
            return np.int64(0), U(0), _OUT_OF_RANGE
    elif scale < 10:
        # |v| < 10**(18 + scale) before the multiplication, so that the product stays under 10**28.
        limit_hi, limit_lo = scale_up(U(0), _POWERS[9], 9 + scale)
        if hi > limit_hi or (hi == limit_hi and lo >= limit_lo):
            return np.int64(0), U(0), _OUT_OF_RANGE
        hi, lo = scale_up(hi, lo, 10 - scale)
    if hi > _LIMIT_HI or (hi == _LIMIT_HI and lo >= _LIMIT_LO):
        return np.int64(0), U(0), _OUT_OF_RANGE
    if negative:
        lo = ~lo + U(1)
        hi = ~hi + U(lo == U(0))
    return np.int64(hi), lo, _OK


@leaf_kernel
def number_from_long(value: int) -> Any:
    """(hi, lo, reason) of a whole number (int64)."""
    magnitude = U(np.int64(value))
    if value < 0:
        magnitude = ~magnitude + U(1)
    return pack_number(U(0), magnitude, value < 0, 0)


@leaf_kernel
def number_from_double(value: float) -> Any:
    """(hi, lo, reason) of the shortest decimal that reads back as ``value``; reason PENDING when only repr() can tell.

    A decimal of at most 15 digits survives the way through a double, so two of them never share one: whichever is
    found is the shortest text. m and 10**k are exact doubles and division rounds correctly: m / 10**k == x is a proof.
    """
    if not np.isfinite(value):
        return np.int64(0), U(0), _BAD_VALUE
    size = abs(value)
    if size >= 1e18:
        return np.int64(0), U(0), _OUT_OF_RANGE
    places = 10
    while places > 0 and size * _FLOAT_POWERS[places] >= 1e15:
        places -= 1
    digits = np.rint(size * _FLOAT_POWERS[places])
    if digits > 1e15 or digits / _FLOAT_POWERS[places] != size:
        # With all ten places tried there is no such decimal; of a greater number 16 or 17 digits may still be right.
        return np.int64(0), U(0), _OUT_OF_RANGE if places == 10 else PENDING
    return pack_number(U(0), U(np.int64(digits)), value < 0, places)


@leaf_kernel
def number_from_float(value: float) -> Any:
    """As ``number_from_double``, of a widened single-precision float: 6 to 9 digits, the fewest that read back."""
    if not np.isfinite(value):
        return np.int64(0), U(0), _BAD_VALUE
    size = abs(value)
    if size >= 2.0**24:  # whole numbers, whose shortest text may round tens and hundreds
        return np.int64(0), U(0), PENDING
    for limit in (1e6, 1e7, 1e8, 1e9):
        places = 10
        while places > 0 and size * _FLOAT_POWERS[places] >= limit:
            places -= 1
        digits = np.rint(size * _FLOAT_POWERS[places])
        if digits <= limit and np.float64(np.float32(digits / _FLOAT_POWERS[places])) == size:
            return pack_number(U(0), U(np.int64(digits)), value < 0, places)
        if places == 10:
            return np.int64(0), U(0), _OUT_OF_RANGE
    return np.int64(0), U(0), PENDING


def number_from_text(text: str) -> tuple[int, int, int]:
    """(hi, lo, reason) of a decimal number in text, by Python: for the few values that a kernel leaves PENDING."""
    number = Decimal(text)
    if number and not -11 < number.adjusted() < 18:
        return 0, 0, _OUT_OF_RANGE
    sign, digits, exponent = number.as_tuple()
    unscaled = Decimal((sign, digits, int(exponent) + 10))
    value = int(unscaled)
    if unscaled != value or abs(value) >= _LIMIT:
        return 0, 0, _OUT_OF_RANGE
    return *to_pair(value), _OK
