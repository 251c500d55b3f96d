"""Returns are rounded right and sums are exact, whatever the prices, the gaps and the order."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.reports import returns as returns_module
from gateway.reports.returns import PairSums, Returns, correlation, digits, log_returns
from oracle.reports import correlation_of, returns_of

PRICES = st.one_of(
    st.decimals("0.0000000001", "1e27", places=10),
    st.decimals("99", "101", places=4),
    st.sampled_from([Decimal(100), Decimal("1e-10"), Decimal("9e27")]),
)
SERIES = st.lists(st.tuples(st.integers(1, 3), PRICES), max_size=30).map(
    lambda steps: dict(zip(np.cumsum([step for step, _ in steps]).tolist(), [price for _, price in steps], strict=True))
)


def of(closes: dict[int, Decimal]) -> Returns:
    return log_returns(list(closes), [f"{close:f}" for close in closes.values()], 1)


@given(SERIES)
def test_returns_are_those_of_decimal(closes: dict[int, Decimal]) -> None:
    found = of(closes)
    wanted = {start: int(value.scaleb(9)) for start, value in returns_of(closes, 1).items()}
    assert dict(zip(found.times.tolist(), found.values.tolist(), strict=True)) == wanted


def test_where_a_double_could_decide_the_rounding_decimal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    closes = {0: Decimal(100), 1: Decimal("100.5"), 2: Decimal("99.25")}
    assert of(closes).values.tolist() == [4987542, -12515808]
    monkeypatch.setattr(returns_module, "UNSURE", 1.0)
    monkeypatch.setattr(returns_module, "_rounded", lambda before, after: int(after == "100.5"))
    assert of(closes).values.tolist() == [1, 0]


def test_a_gap_gives_no_return_and_little_gives_none() -> None:
    assert of({}).values.tolist() == []
    assert of({0: Decimal(1)}).values.tolist() == []
    found = of({0: Decimal(1), 1: Decimal(2), 3: Decimal(4), 4: Decimal(4)})
    assert (found.times.tolist(), found.values.tolist()) == ([1, 4], [693147181, 0])


@given(st.lists(SERIES, min_size=2, max_size=4))
def test_correlations_are_those_of_decimal(series: list[dict[int, Decimal]]) -> None:
    sums = PairSums([of(closes) for closes in series])
    for one in range(len(series)):
        for other in range(len(series)):
            count, value = correlation(sums, one, other)
            wanted = correlation_of(series[one], series[other], 1)
            assert (count, None if value is None else Decimal(value)) == wanted


def test_long_series_are_summed_in_blocks_to_the_last_unit() -> None:
    """3,000 returns of the greatest size there can be: no double holds such a sum of squares."""
    chance = np.random.default_rng(1)
    greatest = 87_498_233_534  # ln(1e28 / 1e-10) in units of 1e-9
    series = []
    for _ in range(3):
        times = np.flatnonzero(chance.random(4_000) < 0.75)
        series.append(Returns(times, chance.integers(-greatest, greatest + 1, len(times))))
    sums = PairSums(series)
    for one, first in enumerate(series):
        held = dict(zip(first.times.tolist(), first.values.tolist(), strict=True))
        for other, second in enumerate(series):
            with_it = dict(zip(second.times.tolist(), second.values.tolist(), strict=True))
            common = held.keys() & with_it.keys()
            assert sums.common[one, other] == len(common)
            assert sums.of_first[one, other] == sum(held[at] for at in common)
            assert sums.squares[one, other] == sum(held[at] ** 2 for at in common)
            assert sums.products[one, other] == sum(held[at] * with_it[at] for at in common)


def test_no_series_have_no_sums_and_alike_ones_are_one() -> None:
    assert PairSums([]).common.shape == (0, 0)
    rising = Returns(np.arange(3), np.array([1, 2, 3]))
    falling = Returns(np.arange(3), np.array([-1, -2, -3]))
    still = Returns(np.arange(3), np.array([5, 5, 5]))
    sums = PairSums([rising, falling, still, Returns(np.array([9]), np.array([1]))])
    assert correlation(sums, 0, 0) == (3, "1")
    assert correlation(sums, 0, 1) == (3, "-1")
    assert correlation(sums, 0, 2) == (3, None)
    assert correlation(sums, 0, 3) == (0, None)


def test_digits_are_plain() -> None:
    assert [digits(units, 6) for units in (0, 1, -500_000, 1_000_000, 120_000_000)] == [
        "0",
        "0.000001",
        "-0.5",
        "1",
        "120",
    ]
