"""Returns of bars, and exact sums over them: what correlation and volatility are made of.

A return is the natural logarithm of a close over the close before it, rounded to 9 decimals, and held as an integer.
It exists where two bars follow one another without a gap. NumPy computes the logarithm; where its error could decide
the rounding, decimal does it again, so every return is rounded right. From there on all is integers: sums of products
are exact, whatever the order or the number of cores.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import isqrt
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["RETURN_DIGITS", "PairSums", "Returns", "correlation", "digits", "log_returns"]

RETURN_DIGITS: Final = 9
UNIT: Final = Decimal(1).scaleb(-RETURN_DIGITS)
EXACT: Final = Context(prec=60)
UNSURE: Final = 1e-3
"""Of a unit. NumPy's error is below 1e-4 of one, even where a price moves by all that prices can hold."""
LIMB_BITS: Final = 16
BLOCK: Final = 1024
"""Returns are below 2**37 units and a limb below 2**21, so sums of so many products stay below 2**53: exact doubles."""
CORRELATION_UNIT: Final = 10**6

Integers = npt.NDArray[np.int64]


class Returns(NamedTuple):
    """Of one series: the times of the bars they end with, ascending, and the returns in units of 1e-9."""

    times: Integers
    values: Integers


def log_returns(starts: Sequence[int], closes: Sequence[str], length: int) -> Returns:
    """Returns between bars that are ``length`` apart; ``closes`` are decimal text."""
    times = np.array(starts, np.int64)
    follows = np.flatnonzero(np.diff(times) == length) + 1
    prices = np.array([float(close) for close in closes])
    exact = np.log(prices[follows] / prices[follows - 1]) * float(10**RETURN_DIGITS)
    rounded = np.rint(exact)
    unsure = np.flatnonzero(np.abs(np.abs(exact - rounded) - 0.5) < UNSURE)
    values = rounded.astype(np.int64)
    for at in unsure.tolist():
        place = int(follows[at])
        values[at] = _rounded(closes[place - 1], closes[place])
    return Returns(times[follows], values)


def _rounded(before: str, after: str) -> int:
    ratio = EXACT.divide(Decimal(after), Decimal(before))
    return int(EXACT.divide(ratio.ln(EXACT).quantize(UNIT, ROUND_HALF_EVEN, EXACT), UNIT))


class PairSums:
    """Sums over the times that two series share, for each pair; by the series' places."""

    def __init__(self, series: Sequence[Returns]) -> None:
        count = len(series)
        self.common, self.of_first, self.squares, self.products = (np.zeros((count, count), object) for _ in range(4))
        times = np.unique(np.concatenate([each.times for each in series])) if series else np.zeros(0, np.int64)
        for at in range(0, len(times), BLOCK):
            self._add(series, times[at : at + BLOCK])

    def _add(self, series: Sequence[Returns], times: Integers) -> None:
        values = np.zeros((len(series), len(times)), np.int64)
        there = np.zeros((len(series), len(times)))
        for row, (own, returns) in enumerate(series):
            low, high = np.searchsorted(own, (times[0], times[-1] + 1))
            places = np.searchsorted(times, own[low:high])
            values[row, places] = returns[low:high]
            there[row, places] = 1
        high_limb = (values >> LIMB_BITS).astype(float)
        low_limb = (values & ((1 << LIMB_BITS) - 1)).astype(float)
        cross = high_limb @ low_limb.T
        self.common += _integers(there @ there.T)
        self.of_first += _integers(values.astype(float) @ there.T)
        self.squares += _joined(high_limb**2 @ there.T, 2 * (high_limb * low_limb) @ there.T, low_limb**2 @ there.T)
        self.products += _joined(high_limb @ high_limb.T, cross + cross.T, low_limb @ low_limb.T)


def _joined(high: npt.NDArray[Any], middle: npt.NDArray[Any], low: npt.NDArray[Any]) -> npt.NDArray[Any]:
    base = 1 << LIMB_BITS
    whole: npt.NDArray[Any] = (_integers(high) * base + _integers(middle)) * base + _integers(low)
    return whole


def _integers(doubles: npt.NDArray[Any]) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = doubles.astype(np.int64).astype(object)
    return found


def correlation(sums: PairSums, one: int, other: int) -> tuple[int, str | None]:
    """How many returns two series share, and Pearson's coefficient over them at 6 decimals, ties away from zero; None
    where it isn't defined: fewer than two, or one that doesn't move."""
    count = sums.common[one, other]
    first, second = sums.of_first[one, other], sums.of_first[other, one]
    above = count * sums.products[one, other] - first * second
    below = (count * sums.squares[one, other] - first * first) * (count * sums.squares[other, one] - second * second)
    if not below:
        return count, None
    doubled = isqrt(4 * CORRELATION_UNIT**2 * above * above // below)
    size = (doubled + 1) // 2
    return count, digits(-size if above < 0 else size, 6)


def digits(units: int, scale: int) -> str:
    """``units`` of 10**-scale as plain digits."""
    return f"{Decimal(units).scaleb(-scale, EXACT).normalize(EXACT):f}"
