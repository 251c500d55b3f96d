"""Buckets and percentiles: exact below 256, at most 1/256 away above, of both signs, in any order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analytics.sketch import add_counts, buckets_of, middle_of, percentile

GREATEST = 9 * 10**18
NUMBERS = st.integers(-GREATEST, GREATEST) | st.integers(-5000, 5000)


def counts_of(values: list[int]) -> dict[int, int]:
    found, counts = np.unique(buckets_of(np.array(values, np.int64)), return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def test_numbers_below_256_are_their_own_middles() -> None:
    values = np.arange(-255, 256)
    assert [middle_of(bucket) for bucket in buckets_of(values).tolist()] == values.tolist()
    assert len(set(buckets_of(values).tolist())) == len(values)


@pytest.mark.parametrize(("value", "bucket", "middle"), [(0, 0, 0), (1, 1, 1), (256, 1025, 256), (257, 1025, 256)])
def test_buckets_by_hand(value: int, bucket: int, middle: int) -> None:
    assert buckets_of(np.array([value, -value])).tolist() == [bucket, -bucket]
    assert (middle_of(bucket), middle_of(-bucket)) == (middle, -middle)


@given(NUMBERS)
def test_a_middle_is_at_most_one_in_256_away(value: int) -> None:
    middle = middle_of(int(buckets_of(np.array([value]))[0]))
    assert abs(middle - value) * 256 <= abs(value) + 2**11  # a double has 53 bits


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.integers(1, 100))
def test_a_percentile_is_that_of_the_sorted_list_but_for_the_bucket(values: list[int], percent: int) -> None:
    exact = sorted(values)[max(-(-len(values) * percent // 100), 1) - 1]
    assert abs(percentile(counts_of(values), percent) - exact) * 256 <= abs(exact) + 2**11


@given(st.lists(NUMBERS, max_size=40), st.lists(NUMBERS, max_size=40))
def test_sketches_merge_exactly(one: list[int], other: list[int]) -> None:
    merged = counts_of(one)
    add_counts(merged, counts_of(other))
    assert merged == counts_of(one + other)


def test_of_nothing_a_percentile_is_zero() -> None:
    assert percentile({}, 50) == 0
