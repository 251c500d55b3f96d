"""Groups of rows and their exact sums, against plain Python."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.analytics.grouping import group_counts, group_rows, group_sums, wide_sums
from core.analytics.sketch import buckets_of

GREATEST = 9 * 10**18
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-GREATEST, GREATEST)), min_size=1, max_size=50
)


@given(ROWS)
def test_groups_hold_equal_rows_in_order_and_sums_are_exact(rows: list[tuple[int, int, int]]) -> None:
    a, b, values = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    groups = group_rows(a, b)
    wanted: dict[tuple[int, int], list[int]] = {}
    for index, (one, other, _) in enumerate(rows):
        wanted.setdefault((other, one), []).append(index)
    ordered = [wanted[key] for key in sorted(wanted)]
    assert groups.sizes == [len(each) for each in ordered]
    assert groups.leaders == [each[0] for each in ordered]
    assert groups.lasts == [each[-1] for each in ordered]
    assert group_sums(groups, values) == [sum(rows[index][2] for index in each) for each in ordered]
    wide = wide_sums(groups, values, values.view(np.uint64))
    assert wide == [
        sum((rows[index][2] << 64) + rows[index][2] % 2**64 for index in each) for each in ordered
    ]  # fmt: skip
    counts = group_counts(groups, values)
    for found, each in zip(counts, ordered, strict=True):
        buckets = buckets_of(values[each]).tolist()
        assert found == {bucket: buckets.count(bucket) for bucket in buckets}
