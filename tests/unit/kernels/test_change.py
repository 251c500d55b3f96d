"""The exact quotient behind changePercent, also where a double's guess is off."""

from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from kernels.change import change, change_percent
from kernels.decimal_text import from_pair
from tests.unit.sinks.rows import tickers

PRICES = st.integers(1, 10**28 - 1)


def signed(pair: tuple[Any, Any]) -> int:
    return from_pair(int(np.uint64(pair[0]).astype(np.int64)), int(pair[1]))


def half_even(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))


@given(PRICES, PRICES)
@example(2**31, 10**6)
@example(10**28 - 1, 1)
@example(1, 10**28 - 1)
@example(13284037459687092, 812381323017540)  # the guess is one too great
@example(2017144581160091857495400, 2016981205682431580537376)  # one too small
@example(41099345796224881 + 2228, 2228)  # rounded up to 2**64
@example(2**64 + 1, 2**64)
@example(2_000_001, 2_000_000)  # half a digit: to even, which is down here
@example(2_000_003, 2_000_000)  # and up here
def test_change_and_percent_are_exact(price: int, previous: int) -> None:
    row = tickers({"previous_close": "1"}).rows[0]
    row["price_hi"], row["price_lo"] = price >> 64, price & (2**64 - 1)
    row["previous_close_hi"], row["previous_close_lo"] = previous >> 64, previous & (2**64 - 1)
    difference = price - previous
    percent = half_even(abs(difference) * 10**6, previous) * 10
    assert signed(change(row)) == difference
    assert signed(change_percent(row)) == (percent if difference >= 0 else -percent)
