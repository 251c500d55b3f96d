import numpy as np
import pytest

from connectors.kafka.poll import cut
from schemas.columns import RawBatch

BATCH = RawBatch(
    topic="t",
    partition=0,
    data=b"abbccc",
    ends=np.array([1, 1, 3, 6]),
    offsets=np.array([10, 11, 14, 15]),
    timestamps_ms=np.array([1, 2, 3, 4]),
    keys=[b"k"] * 4,
    nulls=[1],
)


@pytest.mark.parametrize(
    ("end", "offsets", "data", "nulls"),
    [
        (99, [10, 11, 14, 15], b"abbccc", [1]),
        (15, [10, 11, 14], b"abb", [1]),
        (12, [10, 11], b"a", [1]),
        (11, [10], b"a", []),
        (10, [], b"", []),
        (0, [], b"", []),
    ],
)
def test_a_batch_is_cut_at_an_offset(end: int, offsets: list[int], data: bytes, nulls: list[int]) -> None:
    part = cut(BATCH, end)
    assert part.offsets.tolist() == offsets
    assert part.data == data
    assert list(part.nulls) == nulls
    assert len(part.ends) == len(part.timestamps_ms) == len(offsets)
