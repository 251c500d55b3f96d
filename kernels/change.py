"""Change and percent change of a ticker against the previous close, exactly, in compiled kernels.

Used by sinks.redis.json; numbers are 128-bit pairs (schemas.columns). The change is an exact difference. The percentage
is the exact quotient, rounded half-even at scale 4.
"""

from typing import Final

import numpy as np

from kernels.kernel import leaf_kernel
from kernels.wide import Pair, divide128, multiply128, negate128, round_half_even, subtract128
from schemas.columns import TickerRow

__all__ = ["change", "change_percent"]

_U1: Final = np.uint64(1)
_U63: Final = np.uint64(63)
_TEN: Final = np.uint64(10)
_MILLION: Final = np.uint64(10**6)


@leaf_kernel
def change(row: TickerRow) -> Pair:
    """price - previous close, two's complement."""
    close_hi = np.uint64(row.previous_close_hi)
    hi, lo = subtract128(np.uint64(row.price_hi), row.price_lo, close_hi, row.previous_close_lo)
    return hi, lo


@leaf_kernel
def change_percent(row: TickerRow) -> Pair:
    """100 * change / previous close rounded half-even to 4 digits, at scale 5, two's complement.

    Prices are positive and below 10**28 units, so a change times 10**6 is below 2**114, and so is the quotient.
    """
    hi, lo = change(row)
    negative = (hi >> _U63) == _U1
    if negative:
        hi, lo = negate128(hi, lo)
    hi, lo = multiply128(hi, lo, _MILLION)
    close_hi, close_lo = np.uint64(row.previous_close_hi), row.previous_close_lo
    hi, lo, rest_hi, rest_lo = divide128(hi, lo, close_hi, close_lo)
    hi, lo = round_half_even(hi, lo, rest_hi, rest_lo, close_hi, close_lo)
    hi, lo = multiply128(hi, lo, _TEN)
    if negative:
        hi, lo = negate128(hi, lo)
    return hi, lo
