"""Bars in state are found whatever their hashes, before and after they are indexed anew."""

import numpy as np

from core.bars.pool import FREE_SLOTS, LEAST_DEADLINE, bar_hash, find_bar, new_bar, rebuild_buckets
from core.bars.shard import new_pool
from tests.property.trade_batches import MONDAY_US

MINUTE_US = 60_000_000


def test_each_bar_is_found_and_no_other() -> None:
    pool = new_pool(64)
    keys = [
        (symbol, interval, MONDAY_US + n * MINUTE_US) for symbol in (0, 7) for interval in range(5) for n in range(6)
    ]
    slots = [new_bar(pool, *key, key[2] + MINUTE_US) for key in keys]
    assert sorted(slots) == list(range(60))
    assert pool.registers.tolist() == [4, MONDAY_US + MINUTE_US]
    homes = {int(bar_hash(*key) & np.uint64(255)) for key in keys}
    assert len(homes) < len(keys), "some begin their search at one place"
    for _ in range(2):
        assert [find_bar(pool, *key) for key in keys] == slots
        assert find_bar(pool, 1, 0, MONDAY_US) == find_bar(pool, 0, 0, MONDAY_US - MINUTE_US) == -1
        rebuild_buckets(pool)
    assert pool.registers[FREE_SLOTS] == 4
    assert pool.registers[LEAST_DEADLINE] == int(pool.deadline_us[slots].min())


def test_a_bar_without_a_deadline_is_left_out_of_the_index() -> None:
    pool = new_pool(4)
    slot = new_bar(pool, 0, 0, MONDAY_US, MONDAY_US + MINUTE_US)
    pool.deadline_us[slot] = new_pool(1).deadline_us[0]
    rebuild_buckets(pool)
    assert find_bar(pool, 0, 0, MONDAY_US) == -1
