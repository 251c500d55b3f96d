"""The loop over trades, compiled: the semantics of outcomes, lateness, revisions, tickers and duplicates in one place.

Shard calls it with columns; it calls bar_state for the arithmetic. The order of the checks below is the contract: first
duplicate, then late per interval, then watermark. Each check uses only earlier records of the same shard. The kernel
stops and returns its position when the pool may run out of rows. So memory is only ever allocated by Python, never in
the loop.
"""

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from core.bars.bar_state import ANNOUNCED, CLOSED, OPEN, BarState, BarStateRows, add_trade, close_price, start_bar
from core.bars.openings import NEVER, Chain, link_bar
from core.bars.seen_ids import SEEN, KeyRows, Window, judge
from core.bars.seen_ids import UNJUDGED as CANT_TELL
from kernels.kernel import kernel, leaf_kernel
from kernels.wide import multiply94
from schemas.columns import (
    APPLIED,
    BUY,
    DUPLICATE,
    LATE,
    TICKER_STATE,
    Bytes,
    Ints,
    Longs,
    TradeRow,
    TradeRows,
    Whole,
)
from schemas.intervals import DAY, INTERVALS

__all__ = [
    "COUNTS",
    "NEVER",
    "OPEN_END",
    "SYMBOL_STATE",
    "UNJUDGED",
    "Arrivals",
    "Pool",
    "ShardTables",
    "SymbolRows",
    "Timing",
    "apply_trades",
    "bar_hash",
    "close_bars",
    "rebuild_buckets",
    "seal_bars",
    "store_days",
]

REFUSED: Final = 3
UNJUDGED: Final = REFUSED + len(INTERVALS)
COUNTS: Final = UNJUDGED + 1
"""counts[:REFUSED] by outcome, counts[REFUSED:UNJUDGED] trades refused by each interval, counts[UNJUDGED] those that
weren't duplicates as far as can be told: applied or late, and counted there too."""
FREE_SLOTS: Final = 0
LEAST_DEADLINE: Final = 1
"""Places in Pool.registers."""
OPEN_END: Final = 2**62
SHORTEST_US: Final = INTERVALS[0].length_us

SYMBOL_STATE: Final = np.dtype(
    [
        *TICKER_STATE,
        ("day_start_us", "i8"),
        ("previous_day_us", "i8"),
        ("current", "i4", (len(INTERVALS),)),
        ("exchange", "i4"),
        ("has_bid", "u1"),
        ("has_ask", "u1"),
        ("touched", "u1"),
        ("_pad", "u1", (5,)),
    ]
)
"""A symbol's ticker and where its newest bar of each interval stands in the pool (``current``, -1 none)."""
SymbolRows = npt.NDArray[Any]
"""SYMBOL_STATE[n]."""
SymbolState: TypeAlias = Any
"""One of them, as kernels have it."""


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


class Timing(NamedTuple):
    """When bars begin, end and are sealed: by interval (int64[intervals]), and how far trades may be out of order."""

    lengths_us: Longs
    origins_us: Longs
    lateness_us: Longs
    out_of_order_us: int


class Arrivals(NamedTuple):
    """Trades of one batch, in log order, and what the shard found out about each: the numbers of its symbol and
    exchange, and its id as core.bars.seen_ids compares it (no keys: no trade is a duplicate). sequence_base: of the
    epoch; a trade's sequence is that plus its offset. opens_alone: of each exchange, where there is a chain."""

    rows: TradeRows
    symbols: Ints
    exchanges: Ints
    keys: KeyRows
    sequence_base: int
    opens_alone: Bytes


class ShardTables(NamedTuple):
    """What a batch changes. window, span_us: what core.bars.seen_ids judges by.

    floors_us: int64[1 + intervals], the least watermark, then by interval the end up to which other rules sealed bars.
    counts: int64[COUNTS].
    """

    pool: Pool
    per_symbol: SymbolRows
    window: Window
    span_us: int
    floors_us: Longs
    counts: Longs


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


@leaf_kernel
def stir_next(pool: Pool, slot: int, watermark_us: Whole) -> None:
    """The bar behind the one at ``slot`` opens at its close: publish it anew."""
    behind = pool.chain.after[slot]
    if behind >= 0 and not pool.rows[behind].opens_alone:
        pool.changed[behind] = 1
        if pool.rows[behind].end_us <= watermark_us or pool.rows[behind].closed == ANNOUNCED:
            pool.pending[behind] = 1
            pool.registers[LEAST_DEADLINE] = NEVER


@leaf_kernel
def begin_day(state: SymbolState, rows: BarStateRows, start_us: Whole) -> None:
    """A newer UTC day begins: what was the current day becomes the previous one."""
    if state.day_start_us != NEVER:
        slot = state.current[DAY]
        if slot >= 0:
            state.previous_close_hi, state.previous_close_lo = close_price(rows[slot])
        else:
            state.previous_close_hi, state.previous_close_lo = state.price_hi, state.price_lo
        state.previous_day_us = state.day_start_us
    state.day_start_us = start_us


@leaf_kernel
def touch_ticker(state: SymbolState, trade: TradeRow, exchange: Whole, sequence: Whole) -> None:
    state.first_seen_us = trade.event_time_us if state.sequence < 0 else min(state.first_seen_us, trade.event_time_us)
    state.event_time_us = trade.event_time_us if state.sequence < 0 else max(state.event_time_us, trade.event_time_us)
    state.sequence = sequence
    state.timestamp_ms = trade.timestamp_ms
    state.exchange = exchange
    if trade.has_bid:
        state.has_bid = 1
        state.bid_hi, state.bid_lo = trade.bid_hi, trade.bid_lo
    if trade.has_ask:
        state.has_ask = 1
        state.ask_hi, state.ask_lo = trade.ask_hi, trade.ask_lo
    state.touched = 1


@leaf_kernel
def apply_trades(
    arrivals: Arrivals, first: int, timing: Timing, max_event_time_us: int, tables: ShardTables
) -> tuple[int, int]:
    """Apply the arrivals from ``first`` on; returns (position reached, max event time).

    Stops early when the pool may run out.
    """
    pool, per_symbol, counts, floors_us = tables.pool, tables.per_symbol, tables.counts, tables.floors_us
    rows, keys = arrivals.rows, arrivals.keys
    lengths_us, lateness_us = timing.lengths_us, timing.lateness_us
    intervals = lengths_us.shape[0]
    is_chained = pool.chain.after.shape[0] > 0
    for i in range(first, rows.shape[0]):
        if pool.registers[FREE_SLOTS] < intervals:
            return i, max_event_time_us
        trade = rows[i]
        symbol = arrivals.symbols[i]
        state = per_symbol[symbol]
        time = trade.event_time_us
        if keys.shape[0] > 0:
            verdict = judge(tables.window, keys[i], time, tables.span_us)
            if verdict == SEEN:
                trade.outcome = DUPLICATE
                counts[DUPLICATE] += 1
                continue
            if verdict == CANT_TELL:
                counts[UNJUDGED] += 1
        watermark_us = max(max_event_time_us - timing.out_of_order_us, floors_us[0])
        sequence = arrivals.sequence_base + trade.offset
        price_hi, price_lo = np.uint64(trade.price_hi), trade.price_lo
        notional = multiply94(price_hi, price_lo, np.uint64(trade.size_hi), trade.size_lo)
        square = multiply94(price_hi, price_lo, price_hi, price_lo)
        is_buy = trade.side == BUY
        outcome = APPLIED
        for k in range(intervals):
            slot = state.current[k]
            length = lengths_us[k]
            if slot >= 0 and 0 <= time - pool.rows[slot].start_us < length:
                start = pool.rows[slot].start_us
            else:
                start = time - (time - timing.origins_us[k]) % length
                slot = -1
            end = start + length
            if end + lateness_us[k] <= watermark_us or end <= floors_us[1 + k]:
                outcome = LATE
                counts[REFUSED + k] += 1
                continue
            if slot < 0:
                slot = find_bar(pool, symbol, k, start)
                if is_chained and slot >= 0:
                    stir_next(pool, slot, watermark_us)
            if slot < 0:
                newest = state.current[k]
                if k == DAY and start > state.day_start_us:
                    begin_day(state, pool.rows, start)
                slot = new_bar(pool, symbol, k, start, end)
                if is_chained:
                    link_bar(pool.chain, pool.rows, newest, slot)
                    stir_next(pool, slot, watermark_us)
                if newest < 0 or start > pool.rows[newest].start_us:
                    state.current[k] = slot
            elif end <= watermark_us:
                pool.rows[slot].revision += 1
            bar = pool.rows[slot]
            add_trade(bar, trade, notional, square, is_buy, sequence)
            pool.changed[slot] = 1
            if end <= watermark_us or bar.closed == ANNOUNCED:
                pool.pending[slot] = 1
                pool.registers[LEAST_DEADLINE] = NEVER
            if k == DAY:
                touch_ticker(state, trade, arrivals.exchanges[i], sequence)
                if state.previous_day_us <= start < state.day_start_us:
                    state.previous_day_us = start
                    state.previous_close_hi, state.previous_close_lo = close_price(bar)
        if is_chained and arrivals.opens_alone[arrivals.exchanges[i]]:
            for k in range(intervals):
                end = time - (time - timing.origins_us[k]) % lengths_us[k] + lengths_us[k]
                if end + lateness_us[k] > watermark_us and end > floors_us[1 + k]:
                    pool.rows[find_bar(pool, symbol, k, end - lengths_us[k])].opens_alone = 1
        trade.outcome = outcome
        counts[outcome] += 1
        max_event_time_us = max(max_event_time_us, time)
    return rows.shape[0], max_event_time_us


@leaf_kernel
def store_day(state: SymbolState, bar: BarState) -> None:
    """Copy the current day's numbers from its bar, which will be sealed and forgotten before the ticker is."""
    if bar.all_numeric:
        state.open_hi, state.open_lo = bar.open_hi, bar.open_lo
    else:
        state.open_hi, state.open_lo = bar.first_hi, bar.first_lo
    state.price_hi, state.price_lo = close_price(bar)
    state.high_hi, state.high_lo = bar.high_hi, bar.high_lo
    state.low_hi, state.low_lo = bar.low_hi, bar.low_lo
    state.volume_hi, state.volume_lo = np.int64(bar.volume_hi), bar.volume_lo


@kernel
def close_bars(pool: Pool, watermark_us: Whole, lateness_us: Longs) -> Longs:
    """Slots (int64[k]) of the bars to publish as final now, each marked closed: those that the watermark has passed for
    the first time, and those that a late trade changed since.

    Nothing is looked at while the watermark is below the least deadline.
    """
    found = np.empty(64, np.int64)
    count = 0
    if watermark_us < pool.registers[LEAST_DEADLINE]:
        return found[:0]
    for slot in range(pool.rows.shape[0]):
        deadline = pool.deadline_us[slot]
        if deadline == NEVER or (deadline > watermark_us and not pool.pending[slot]):
            continue
        row = pool.rows[slot]
        passed = row.end_us <= watermark_us
        publish = pool.pending[slot] or (passed and row.closed == OPEN)
        pool.pending[slot] = 0
        if passed:
            row.closed = CLOSED
            pool.deadline_us[slot] = row.end_us + lateness_us[row.interval]
        if publish:
            if count == found.shape[0]:
                found = np.concatenate((found, np.empty(count, np.int64)))
            found[count] = slot
            count += 1
    return found[:count]


@kernel
def seal_bars(pool: Pool, watermark_us: Whole, per_symbol: SymbolRows) -> None:
    """Forgets the bars that take no trade any more, after close_bars has handed them out; finds the least deadline."""
    if watermark_us < pool.registers[LEAST_DEADLINE]:
        return
    removed = 0
    least = OPEN_END
    for slot in range(pool.rows.shape[0]):
        deadline = pool.deadline_us[slot]
        if deadline == NEVER:
            continue
        if deadline <= watermark_us:  # close_bars has put it where the bar takes no trade any more
            row = pool.rows[slot]
            state = per_symbol[row.symbol]
            if state.current[row.interval] == slot:
                if row.interval == DAY:
                    store_day(state, row)
                state.current[row.interval] = -1
            pool.deadline_us[slot] = NEVER
            pool.changed[slot] = 0
            pool.free[pool.registers[FREE_SLOTS]] = slot
            pool.registers[FREE_SLOTS] += 1
            removed += 1
            continue
        least = min(least, deadline)
    pool.registers[LEAST_DEADLINE] = least
    if removed:
        rebuild_buckets(pool)


@leaf_kernel
def store_days(per_symbol: SymbolRows, touched: Longs, rows: BarStateRows) -> None:
    """``store_day`` for the symbols ``touched`` whose current day is still in state."""
    for i in range(touched.shape[0]):
        state = per_symbol[touched[i]]
        if state.current[DAY] >= 0:
            store_day(state, rows[state.current[DAY]])
