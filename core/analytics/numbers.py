"""Numbers of a desk's messages as JSON with all their digits: whole units, means, ratios, percentiles.

core.analytics makes its messages with these. A quotient of whole numbers is rounded once, half to even; nothing passes
a binary float.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import msgspec

from core.analytics.sketch import percentile
from kernels.decimal_text import plain

__all__ = ["SCALE", "US_DIGITS", "mean_number", "number", "percentile_numbers", "quotient_number"]

US_DIGITS: Final = 3
"""Of milliseconds, what are whole microseconds."""
SCALE: Final = 10
PERCENTS: Final = (50, 90, 99)


def number(units: int, digits: int) -> msgspec.Raw:
    """``units`` of 10**-digits."""
    return msgspec.Raw(plain(units, digits).encode())


def quotient_number(part: int, whole: int, digits: int) -> msgspec.Raw:
    """part / whole with so many digits; 0 of nothing."""
    return number(round(Fraction(part * 10**digits, whole)) if whole else 0, digits)


def mean_number(units: int, count: int) -> msgspec.Raw:
    """The mean of ``count`` numbers that are ``units`` of 10**-10 together."""
    return quotient_number(units, count * 10**SCALE, SCALE)


def percentile_numbers(counts: Mapping[int, int], digits: int) -> dict[str, msgspec.Raw]:
    return {f"p{percent}": number(percentile(counts, percent), digits) for percent in PERCENTS}
