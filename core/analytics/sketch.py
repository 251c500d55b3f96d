"""A distribution of whole numbers as counts by bucket, from which percentiles come: the same after any cut and order.

Windows keep one for execution times, spreads and slippages. A bucket is the upper bits of the number as a double: 128
buckets for each power of two, of the sign of the number. Counts add up exactly, so sketches merge in any order, in a
flow as in ClickHouse (sumMap). A percentile is the middle of the bucket that holds the number of that rank, which is at
most 1/256 (0.391 %) away from it; below 256 it is the number itself (docs/adr/0035-figures-of-a-desk.md).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from schemas.columns import Longs

__all__ = ["add_counts", "buckets_of", "middle_of", "percentile"]

SHIFT: Final = 45
"""Bits of a double's mantissa that a bucket leaves out: seven stay."""
BASE: Final = (1023 << 7) - 1
"""Upper bits of 1.0, less one: the bucket of 1 is 1, and that of 0 is 0."""
MANTISSA: Final = 128


def buckets_of(values: Longs) -> Longs:
    """int64[n] -> the bucket of each; values are above -2**63."""
    magnitudes = np.abs(values)
    buckets = (magnitudes.astype(np.float64).view(np.int64) >> SHIFT) - BASE
    buckets[magnitudes == 0] = 0
    signed: Longs = np.where(values < 0, -buckets, buckets)
    return signed


def middle_of(bucket: int) -> int:
    """The whole number in the middle of a bucket, the lower of two."""
    if bucket < 0:
        return -middle_of(-bucket)
    if bucket == 0:
        return 0
    return (_least_of(bucket) + _least_of(bucket + 1) - 1) // 2


def percentile(counts: Mapping[int, int], percent: int) -> int:
    """The middle of the bucket of the least number that ``percent`` % of all are not above; 0 of none."""
    total = sum(counts.values())
    rank = max((total * percent + 99) // 100, 1)
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return middle_of(bucket)
    return 0


def add_counts(counts: dict[int, int], more: Mapping[int, int]) -> None:
    """Merge ``more`` into ``counts``."""
    for bucket, count in more.items():
        counts[bucket] = counts.get(bucket, 0) + count


def _least_of(bucket: int) -> int:
    """The least whole number that isn't below the bucket's lower end."""
    power, part = divmod(bucket - 1, MANTISSA)
    return -(-((MANTISSA + part) << power) // MANTISSA)
