"""The bars that a shard has in state: rows of a pool, found by a hash of (symbol, interval, start).

Kernels of the shard and of a replay find and begin bars here. A row stays where it is as long as its bar is in state.
Memory is only ever allocated by Python: whoever begins a bar has seen that a slot is free.
"""

from typing import Final, NamedTuple

import numpy as np

from core.bars.bar_state import BarStateRows, start_bar
from core.bars.openings import NEVER, Chain
from kernels.kernel import leaf_kernel
from schemas.columns import Bytes, Ints, Longs, Whole
from schemas.intervals import INTERVALS

__all__ = ["FREE_SLOTS", "LEAST_DEADLINE", "Pool", "bar_hash", "find_bar", "new_bar", "rebuild_buckets"]

FREE_SLOTS: Final = 0
LEAST_DEADLINE: Final = 1
"""Places in Pool.registers."""
SHORTEST_US: Final = INTERVALS[0].length_us


class Pool(NamedTuple):
    """Bars in state. deadline_us: when the row next needs a look (end, then seal), NEVER if the slot is free.

    changed: since the last take_live; pending: closed by a late trade and not yet published. registers: int64[2], how
    many slots are free (FREE_SLOTS), and the least of all deadlines (LEAST_DEADLINE), below which no bar needs a look.
    free[: number of free slots] is a stack of them. buckets: slots by hash, open addressing, -1 empty. chain: see
    core.bars.openings.
    """

    rows: BarStateRows
    deadline_us: Longs
    changed: Bytes
    pending: Bytes
    free: Ints
    buckets: Ints
    registers: Longs
    chain: Chain


@leaf_kernel
def bar_hash(symbol: Whole, interval: Whole, start_us: Whole) -> np.uint64:
    # The interval is a byte; starts are told apart by the shortest interval that lies between them.
    place = np.uint64(start_us // SHORTEST_US)
    value = (np.uint64(symbol) << np.uint64(8)) | np.uint64(interval)
    value = (value * np.uint64(0x9E3779B97F4A7C15)) ^ (place * np.uint64(0xC2B2AE3D27D4EB4F))
    return value ^ (value >> np.uint64(29))


@leaf_kernel
def find_bar(pool: Pool, symbol: Whole, interval: Whole, start_us: Whole) -> int:
    """Slot of a bar, or -1."""
    mask = pool.buckets.shape[0] - 1
    at = np.int64(bar_hash(symbol, interval, start_us) & np.uint64(mask))
    while True:
        slot = pool.buckets[at]
        if slot == -1:
            return -1
        row = pool.rows[slot]
        if row.symbol == symbol and row.start_us == start_us and row.interval == interval:
            return int(slot)
        at = (at + 1) & mask


@leaf_kernel
def put_bucket(buckets: Ints, slot: Whole, symbol: Whole, interval: Whole, start_us: Whole) -> None:
    mask = buckets.shape[0] - 1
    at = np.int64(bar_hash(symbol, interval, start_us) & np.uint64(mask))
    while buckets[at] >= 0:
        at = (at + 1) & mask
    buckets[at] = slot


@leaf_kernel
def rebuild_buckets(pool: Pool) -> None:
    """Index every bar again, without the marks of deleted ones."""
    pool.buckets[:] = -1
    for slot in range(pool.rows.shape[0]):
        if pool.deadline_us[slot] != NEVER:
            row = pool.rows[slot]
            put_bucket(pool.buckets, slot, row.symbol, row.interval, row.start_us)


@leaf_kernel
def new_bar(pool: Pool, symbol: Whole, interval: Whole, start_us: Whole, end_us: Whole) -> int:
    pool.registers[FREE_SLOTS] -= 1
    slot = pool.free[pool.registers[FREE_SLOTS]]
    start_bar(pool.rows[slot], symbol, interval, start_us, end_us)
    pool.deadline_us[slot] = end_us
    pool.registers[LEAST_DEADLINE] = min(pool.registers[LEAST_DEADLINE], end_us)
    put_bucket(pool.buckets, slot, symbol, interval, start_us)
    return int(slot)
