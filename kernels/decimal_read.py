"""Exact decimals at scale 10 inside compiled kernels: from any scale, from doubles, from long integers.

Decoders' kernels call these; results go into TRADE rows as (hi, lo) pairs: hi * 2**64 + lo in units of 10**-10.
A value is kept exactly or refused (Reason.OUT_OF_RANGE), never wrapped; only where ``rounding`` is asked for is one of
more places rounded half-even, with reason ROUNDED. ``scale`` of the public readers: the value is divided by 10**scale.
A double stands for its shortest decimal text (0.1 is 0.1, not 0.1000000000000000055), which is what its writer meant.
Up to 15 digits that text is found by one multiplication and proved by one division; the few others are PENDING and go
through repr().
"""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import numpy as np

from kernels.decimal_text import to_pair
from kernels.kernel import leaf_kernel
from kernels.wide import POWERS_OF_TEN, Pair, divide_by_small, increment128, less128, multiply128, negate128
from schemas.columns import Whole
from schemas.contract import UNITS_LIMIT
from schemas.rejects import Reason

__all__ = [
    "PENDING",
    "ROUNDED",
    "Number",
    "number_from_double",
    "number_from_float",
    "number_from_long",
    "number_from_text",
    "pack_number",
    "round_up",
    "scale_down",
    "scale_up",
]

U = np.uint64
PENDING: Final = 255
"""Status of a double that needs repr()."""
ROUNDED: Final = 254
"""Status of a number that is good and was rounded to get there."""

Number = tuple[np.int64, np.uint64, int]
"""(hi, lo, reason) at scale 10: hi and lo of TRADE, with its sign; reason 0, ROUNDED, PENDING or a Reason."""

_OK: Final = int(Reason.NONE)
_OUT_OF_RANGE: Final = int(Reason.OUT_OF_RANGE)
_BAD_VALUE: Final = int(Reason.BAD_VALUE)
_FLOAT_POWERS: Final = np.array([float(10**k) for k in range(23)], np.float64)
_LIMIT_HI: Final = U(UNITS_LIMIT >> 64)
_LIMIT_LO: Final = U(UNITS_LIMIT & (2**64 - 1))
EXACT: Final = Context(prec=400, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""The shortest text of a double has at most 17 digits; moving its point loses none."""


@leaf_kernel
def scale_up(hi: np.uint64, lo: np.uint64, places: Whole) -> Pair:
    """(hi, lo) * 10**places for places 0..38; the caller knows that the product fits 128 bits."""
    while places > 0:
        step = min(places, 19)
        hi, lo = multiply128(hi, lo, POWERS_OF_TEN[step])
        places -= step
    return hi, lo


@leaf_kernel
def scale_down(hi: np.uint64, lo: np.uint64, places: Whole) -> tuple[np.uint64, np.uint64, bool]:
    """(hi, lo) // 10**places, and whether nothing was cut off."""
    exact = True
    while places > 0 and (hi != U(0) or lo != U(0)):
        step = min(places, 9)
        places -= step
        hi, rest = divide_by_small(U(0), hi, POWERS_OF_TEN[step])
        lo, rest = divide_by_small(rest, lo, POWERS_OF_TEN[step])
        exact = exact and rest == U(0)
    return hi, lo, exact


@leaf_kernel
def round_up(hi: np.uint64, lo: np.uint64, cut: Whole, rest: bool) -> Pair:
    """(hi, lo) rounded half-even: ``cut`` is the first digit cut off, ``rest`` whether any behind it isn't 0."""
    if cut > 5 or (cut == 5 and (rest or lo & U(1) == U(1))):
        return increment128(hi, lo)
    return hi, lo


@leaf_kernel
def _scale_down_rounded(hi: np.uint64, lo: np.uint64, places: Whole) -> tuple[np.uint64, np.uint64, bool]:
    """As ``scale_down`` for places of 1 and more, rounded half-even."""
    hi, lo, exact = scale_down(hi, lo, places - 1)
    tens_hi, rest = divide_by_small(U(0), hi, POWERS_OF_TEN[1])
    tens_lo, cut = divide_by_small(rest, lo, POWERS_OF_TEN[1])
    hi, lo = round_up(tens_hi, tens_lo, np.int64(cut), not exact)
    return hi, lo, exact and cut == U(0)


@leaf_kernel
def pack_number(hi: np.uint64, lo: np.uint64, negative: bool, scale: Whole, rounding: bool) -> Number:
    """A magnitude at ``scale`` (0 and more)."""
    reason = _OK
    if scale > 10:
        if rounding:
            hi, lo, exact = _scale_down_rounded(hi, lo, scale - 10)
        else:
            hi, lo, exact = scale_down(hi, lo, scale - 10)
        if not exact:
            if not rounding:
                return np.int64(0), U(0), _OUT_OF_RANGE
            reason = ROUNDED
    elif scale < 10:
        # |v| < 10**(18 + scale) before the multiplication, so that the product stays under 10**28.
        limit_hi, limit_lo = scale_up(U(0), POWERS_OF_TEN[9], 9 + scale)
        if not less128(hi, lo, limit_hi, limit_lo):
            return np.int64(0), U(0), _OUT_OF_RANGE
        hi, lo = scale_up(hi, lo, 10 - scale)
    if not less128(hi, lo, _LIMIT_HI, _LIMIT_LO):
        return np.int64(0), U(0), _OUT_OF_RANGE
    if negative:
        hi, lo = negate128(hi, lo)
    return np.int64(hi), lo, reason


@leaf_kernel
def number_from_long(value: Whole, scale: Whole, rounding: bool) -> Number:
    """Of a whole number (int64)."""
    magnitude = U(np.int64(value))
    if value < 0:
        magnitude = ~magnitude + U(1)
    return pack_number(U(0), magnitude, bool(value < 0), scale, rounding)


@leaf_kernel
def _round_double(size: float, negative: bool) -> Number:
    """Of a double below 10**5 whose shortest text has more than ten places, rounded.

    Of the product at most 2**-52 is wrong, and its text is half a last bit away: where that can't decide the last
    digit, repr() does.
    """
    product = size * _FLOAT_POWERS[10]
    nearest = np.rint(product)
    if abs(product - nearest) > 0.5 - product * 2.0**-50 - 1e-6:
        return np.int64(0), U(0), PENDING
    hi, lo, reason = pack_number(U(0), U(np.int64(nearest)), negative, 10, False)
    return hi, lo, ROUNDED if reason == _OK else reason


@leaf_kernel
def number_from_double(value: float, scale: Whole, rounding: bool) -> Number:
    """Of the shortest decimal that reads back as ``value``; reason PENDING when only repr() can tell.

    A decimal of at most 15 digits survives the way through a double, so two of them never share one: whichever is
    found is the shortest text. m and 10**k are exact doubles and division rounds correctly: m / 10**k == x is a proof.
    """
    if not np.isfinite(value):
        return np.int64(0), U(0), _BAD_VALUE
    size = abs(value)
    if size >= 1e18:
        return np.int64(0), U(0), _OUT_OF_RANGE if scale == 0 else PENDING
    places = 10
    while places > 0 and size * _FLOAT_POWERS[places] >= 1e15:
        places -= 1
    digits = np.rint(size * _FLOAT_POWERS[places])
    if digits > 1e15 or digits / _FLOAT_POWERS[places] != size:
        # With all ten places tried there is no such decimal; of a greater number 16 or 17 digits may still be right.
        if places < 10 or (rounding and scale > 0):
            return np.int64(0), U(0), PENDING
        return _round_double(size, value < 0) if rounding else (np.int64(0), U(0), _OUT_OF_RANGE)
    return pack_number(U(0), U(np.int64(digits)), value < 0, places + scale, rounding)


@leaf_kernel
def number_from_float(value: float, scale: Whole, rounding: bool) -> Number:
    """As ``number_from_double``, of a widened single-precision float: 6 to 9 digits, the fewest that read back."""
    if not np.isfinite(value):
        return np.int64(0), U(0), _BAD_VALUE
    size = abs(value)
    if size >= 2.0**24:  # whole numbers, whose shortest text may round tens and hundreds
        return np.int64(0), U(0), PENDING
    limit = 1e6
    while True:  # nine digits read back at the latest
        places = 10
        while places > 0 and size * _FLOAT_POWERS[places] >= limit:
            places -= 1
        digits = np.rint(size * _FLOAT_POWERS[places])
        if digits <= limit and np.float64(np.float32(digits / _FLOAT_POWERS[places])) == size:
            return pack_number(U(0), U(np.int64(digits)), value < 0, places + scale, rounding)
        if places == 10:
            return np.int64(0), U(0), PENDING if rounding else _OUT_OF_RANGE
        limit *= 10.0


def number_from_text(text: str, scale: int = 0, rounding: bool = False) -> tuple[int, int, int]:
    """(hi, lo, reason) of a decimal number in text, by Python: for the few values that a kernel leaves PENDING."""
    number = Decimal(text).scaleb(-scale, EXACT)
    if not number:
        return 0, 0, _OK
    if not (-11 < number.adjusted() < 18 or (rounding and number.adjusted() < 18)):
        return 0, 0, _OUT_OF_RANGE
    unscaled = number.scaleb(10, EXACT)
    value = int(unscaled.to_integral_value(ROUND_HALF_EVEN)) if unscaled.adjusted() > -30 else 0
    if (unscaled != value and not rounding) or abs(value) >= UNITS_LIMIT:
        return 0, 0, _OUT_OF_RANGE
    return *to_pair(value), _OK if unscaled == value else ROUNDED
