"""Quantiles read off a histogram."""

import pytest

from runtime.quantiles import quantile_ms

BUCKETS = {1.0: 0.0, 2.0: 50.0, 5.0: 99.0, float("inf"): 100.0}


@pytest.mark.parametrize(("share", "expected"), [(0.25, 1.5), (0.5, 2.0), (0.99, 5.0), (1.0, 5.0)])
def test_quantiles_are_linear_inside_a_bucket(share: float, expected: float) -> None:
    assert quantile_ms(BUCKETS, share) == pytest.approx(expected)


def test_quantiles_of_a_window() -> None:
    before = {1.0: 0.0, 2.0: 50.0, 5.0: 50.0, float("inf"): 50.0}
    assert quantile_ms(BUCKETS, 0.5, before) == pytest.approx(2 + 3 * 25 / 49)
    assert quantile_ms(BUCKETS, 0.5, BUCKETS) is None
    assert quantile_ms({}, 0.5) is None
