"""Rows of a batch by group, and exact sums and counts of each group, without a Python step per row.

The windows of core.analytics hand in columns and get one figure for each group. A sum is exact however large: halves of
32 bits are added up in 64, and put together as Python's whole numbers.
"""

from typing import NamedTuple

import numpy as np

from core.analytics.sketch import buckets_of
from schemas.columns import Longs, Words

__all__ = ["Groups", "group_counts", "group_rows", "group_sums", "wide_sums"]

HALF = 32
MASK = (1 << HALF) - 1
BUCKETS = 1 << 14
"""More than there are buckets of both signs."""


class Groups(NamedTuple):
    """``order``: rows by group, in the order they came within each; ``firsts``: where in it each group begins."""

    order: Longs
    firsts: Longs

    @property
    def sizes(self) -> list[int]:
        sizes: list[int] = np.diff(self.firsts, append=len(self.order)).tolist()
        return sizes

    @property
    def leaders(self) -> list[int]:
        """A row of each group."""
        leaders: list[int] = self.order[self.firsts].tolist()
        return leaders

    @property
    def lasts(self) -> list[int]:
        """The last row of each group."""
        lasts: list[int] = self.order[np.append(self.firsts[1:], len(self.order)) - 1].tolist()
        return lasts


def group_rows(*columns: Longs) -> Groups:
    """Rows with equal values in all columns, at least one row; the last column is the first to sort by."""
    order = np.lexsort(columns)
    differs = np.zeros(len(order), np.bool_)
    differs[0] = True
    for column in columns:
        ordered = column[order]
        differs[1:] |= ordered[1:] != ordered[:-1]
    return Groups(order, np.flatnonzero(differs))


def group_sums(groups: Groups, values: Longs) -> list[int]:
    """The sum of each group's values."""
    ordered = values[groups.order]
    high = np.add.reduceat(ordered >> HALF, groups.firsts).tolist()
    low = np.add.reduceat(ordered & MASK, groups.firsts).tolist()
    return [(h << HALF) + each for h, each in zip(high, low, strict=True)]


def wide_sums(groups: Groups, hi: Longs, lo: Words) -> list[int]:
    """Likewise of values of 128 bits."""
    ordered = lo[groups.order]
    middle = np.add.reduceat(ordered >> np.uint64(HALF), groups.firsts).tolist()
    low = np.add.reduceat(ordered & np.uint64(MASK), groups.firsts).tolist()
    return [
        (h << 2 * HALF) + (m << HALF) + each
        for h, m, each in zip(group_sums(groups, hi), middle, low, strict=True)
    ]  # fmt: skip


def group_counts(groups: Groups, values: Longs) -> list[dict[int, int]]:
    """The counts by bucket (core.analytics.sketch) of each group's values."""
    which = np.repeat(np.arange(len(groups.firsts)), groups.sizes)
    keys = which * BUCKETS + (buckets_of(values[groups.order]) + BUCKETS // 2)
    found, counts = np.unique(keys, return_counts=True)
    out: list[dict[int, int]] = [{} for _ in groups.firsts]
    for key, count in zip(found.tolist(), counts.tolist(), strict=True):
        number, bucket = divmod(key, BUCKETS)
        out[number][bucket - BUCKETS // 2] = count
    return out
