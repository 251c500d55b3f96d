"""Figures are exact, and windows find the newest rows without asking for all."""

import asyncio
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.stores.history import _deviation, _ratio, nearest

PRICES = st.decimals(min_value="0.0000000001", max_value="999999999999999999", places=10)


@given(st.lists(PRICES, min_size=1, max_size=30))
def test_deviation_is_that_of_decimal(prices: list[Decimal]) -> None:
    with localcontext() as context:
        context.prec = 200
        total, squares = sum(prices, Decimal()), sum((each * each for each in prices), Decimal())
        mean = total / len(prices)
        variance = sum((each - mean) ** 2 for each in prices) / len(prices)
        expected = variance.sqrt().quantize(Decimal("1e-10"), ROUND_HALF_UP)
    assert Decimal(_deviation(len(prices), total, squares)) == expected


@pytest.mark.parametrize(
    ("above", "below", "text"),
    [("1", "3", "0.3333333333"), ("10", "2", "5"), ("0.00000000005", "1", "0"), ("0.00000000015", "1", "0.0000000002")],
)
def test_ratio_is_half_even_and_plain(above: str, below: str, text: str) -> None:
    assert _ratio(Decimal(above), Decimal(below)) == text


@given(st.sets(st.integers(0, 100_000), max_size=60), st.integers(0, 100_000), st.integers(0, 100_000), st.data())
def test_windows_give_what_one_query_would(rows: set[int], one: int, two: int, data) -> None:
    low, high, forward = min(one, two), max(one, two), data.draw(st.booleans())
    limit, window = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 5_000))
    asked: list[tuple[int, int]] = []

    def found(low_us: int, high_us: int, count: int) -> list[int]:
        return sorted((row for row in rows if low_us <= row <= high_us), reverse=not forward)[:count]

    async def fetch(low_us: int, high_us: int, count: int) -> list[int]:
        asked.append((low_us, high_us))
        return found(low_us, high_us, count)

    got = asyncio.run(nearest(fetch, low, high, window, limit, forward=forward))
    assert got == found(low, high, limit)
    assert len(asked) <= 3
