"""The loop over trades, compiled: the semantics of outcomes, lateness, revisions, tickers and duplicates in one place.

Shard calls it with columns; it calls bar_state for the arithmetic. The order of the checks below is the contract: first
duplicate, then late per interval, then watermark. Each check uses only earlier records of the same shard. The kernel
stops and returns its position when the pool may run out of rows. So memory is only ever allocated by Python, never in
the loop.
"""

from typing import Final, NamedTuple

import numpy as np

from core.bars.bar_state import ANNOUNCED, CLOSED, OPEN, add_trade, close_price, start_bar
from core.bars.seen_ids import SEEN, judge
from core.bars.seen_ids import UNJUDGED as CANT_TELL
from kernels.kernel import kernel, leaf_kernel
from kernels.wide import multiply94
from schemas.columns import APPLIED, BUY, DUPLICATE, LATE, Rows
from schemas.intervals import DAY, INTERVALS

__all__ = [
    "COUNTS",
    "NEVER",
    "OPEN_END",
    "SYMBOL_STATE",
    "UNJUDGED",
    "Pool",
    "apply_trades",
    "bar_hash",
    "close_bars",
    "fill_tickers",
    "rebuild_buckets",
    "seal_bars",
]

REFUSED: Final = 3
UNJUDGED: Final = REFUSED + len(INTERVALS)
COUNTS: Final = UNJUDGED + 1
"""counts[:REFUSED] by outcome, counts[REFUSED:UNJUDGED] trades refused by each interval, counts[UNJUDGED] those that
weren't duplicates as far as can be told: applied or late, and counted there too."""
FREE_SLOTS: Final = 0
LEAST_DEADLINE: Final = 1
"""Places in Pool.registers."""
NEVER: Final = -(2**62)
OPEN_END: Final = 2**62
SHORTEST_US: Final = INTERVALS[0].length_us

SYMBOL_STATE: Final = np.dtype(
    [
        ("sequence", "i8"),
        ("event_time_us", "i8"),
        ("timestamp_ms", "i8"),
        ("first_seen_us", "i8"),
        ("price_hi", "i8"),
        ("price_lo", "u8"),
        ("bid_hi", "i8"),
        ("bid_lo", "u8"),
        ("ask_hi", "i8"),
        ("ask_lo", "u8"),
        ("open_hi", "i8"),
        ("open_lo", "u8"),
        ("high_hi", "i8"),
        ("high_lo", "u8"),
        ("low_hi", "i8"),
        ("low_lo", "u8"),
        ("volume_hi", "i8"),
        ("volume_lo", "u8"),
        ("previous_close_hi", "i8"),
        ("previous_close_lo", "u8"),
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


class Pool(NamedTuple):
    """Bars in state. deadline_us: when the row next needs a look (end, then seal), NEVER if the slot is free.

    changed: since the last take_live; pending: closed by a late trade and not yet published. registers: int64[2], how
    many slots are free (FREE_SLOTS), and the least of all deadlines (LEAST_DEADLINE), below which no bar needs a look.
    free[: number of free slots] is a stack of them. buckets: slots by hash, open addressing, -1 empty.
    """

    rows: Rows
    deadline_us: Rows
    changed: Rows
    pending: Rows
    free: Rows
    buckets: Rows
    registers: Rows


@leaf_kernel
def bar_hash(symbol, interval, start_us):  # type: ignore[no-untyped-def]
    # The interval is a byte; starts are told apart by the shortest interval that lies between them.
    place = np.uint64(start_us // SHORTEST_US)
    value = (np.uint64(symbol) << np.uint64(8)) | np.uint64(interval)
    value = (value * np.uint64(0x9E3779B97F4A7C15)) ^ (place * np.uint64(0xC2B2AE3D27D4EB4F))
    return value ^ (value >> np.uint64(29))


@leaf_kernel
def find_bar(pool, symbol, interval, start_us):  # type: ignore[no-untyped-def]
    """Slot of a bar, or -1."""
    mask = pool.buckets.shape[0] - 1
    at = np.int64(bar_hash(symbol, interval, start_us) & np.uint64(mask))
    while True:
        slot = pool.buckets[at]
        if slot == -1:
            return -1
        row = pool.rows[slot]
        if row.symbol == symbol and row.start_us == start_us and row.interval == interval:
            return slot
        at = (at + 1) & mask


@leaf_kernel
def put_bucket(buckets, slot, symbol, interval, start_us):  # type: ignore[no-untyped-def]
    mask = buckets.shape[0] - 1
    at = np.int64(bar_hash(symbol, interval, start_us) & np.uint64(mask))
    while buckets[at] >= 0:
        at = (at + 1) & mask
    buckets[at] = slot


@leaf_kernel
def rebuild_buckets(pool):  # type: ignore[no-untyped-def]
    """Index every bar again, without the marks of deleted ones."""
    pool.buckets[:] = -1
    for slot in range(pool.rows.shape[0]):
        if pool.deadline_us[slot] != NEVER:
            row = pool.rows[slot]
            put_bucket(pool.buckets, slot, row.symbol, row.interval, row.start_us)


@leaf_kernel
def new_bar(pool, symbol, interval, start_us, end_us):  # type: ignore[no-untyped-def]
    pool.registers[FREE_SLOTS] -= 1
    slot = pool.free[pool.registers[FREE_SLOTS]]
    start_bar(pool.rows[slot], symbol, interval, start_us, end_us)
    pool.deadline_us[slot] = end_us
    pool.registers[LEAST_DEADLINE] = min(pool.registers[LEAST_DEADLINE], end_us)
    put_bucket(pool.buckets, slot, symbol, interval, start_us)
    return slot


@leaf_kernel
def begin_day(state, rows, start_us):  # type: ignore[no-untyped-def]
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
def touch_ticker(state, trade, exchange, sequence):  # type: ignore[no-untyped-def]
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
def apply_trades(  # type: ignore[no-untyped-def]
    rows,
    symbols,
    exchanges,
    first,
    max_event_time_us,
    out_of_order_us,
    lateness_us,
    lengths_us,
    origins_us,
    sequence_base,
    keys,
    window,
    span_us,
    floors_us,
    pool,
    per_symbol,
    counts,
):
    """Apply rows[first:]; returns (position reached, max event time). Stops early when the pool may run out.

    keys, window, span_us: what core.bars.seen_ids judges by; no keys: no trade is a duplicate.
    floors_us: int64[1 + intervals], the least watermark, then by interval the end up to which other rules sealed bars.
    """
    intervals = lengths_us.shape[0]
    for i in range(first, rows.shape[0]):
        if pool.registers[FREE_SLOTS] < intervals:
            return i, max_event_time_us
        trade = rows[i]
        symbol = symbols[i]
        state = per_symbol[symbol]
        time = trade.event_time_us
        if keys.shape[0] > 0:
            verdict = judge(window, keys[i], time, span_us)
            if verdict == SEEN:
                trade.outcome = DUPLICATE
                counts[DUPLICATE] += 1
                continue
            if verdict == CANT_TELL:
                counts[UNJUDGED] += 1
        watermark_us = max(max_event_time_us - out_of_order_us, floors_us[0])
        sequence = sequence_base + trade.offset
        price_hi, price_lo = np.uint64(trade.price_hi), trade.price_lo
        n0, n1, n2 = multiply94(price_hi, price_lo, np.uint64(trade.size_hi), trade.size_lo)
        s0, s1, s2 = multiply94(price_hi, price_lo, price_hi, price_lo)
        is_buy = trade.side == BUY
        outcome = APPLIED
        for k in range(intervals):
            slot = state.current[k]
            length = lengths_us[k]
            if slot >= 0 and 0 <= time - pool.rows[slot].start_us < length:
                start = pool.rows[slot].start_us
            else:
                start = time - (time - origins_us[k]) % length
                slot = -1
            end = start + length
            if end + lateness_us[k] <= watermark_us or end <= floors_us[1 + k]:
                outcome = LATE
                counts[REFUSED + k] += 1
                continue
            if slot < 0:
                slot = find_bar(pool, symbol, k, start)
            if slot < 0:
                newest = state.current[k]
                if k == DAY and start > state.day_start_us:
                    begin_day(state, pool.rows, start)
                slot = new_bar(pool, symbol, k, start, end)
                if newest < 0 or start > pool.rows[newest].start_us:
                    state.current[k] = slot
            elif end <= watermark_us:
                pool.rows[slot].revision += 1
            bar = pool.rows[slot]
            add_trade(bar, trade, n0, n1, n2, s0, s1, s2, is_buy, sequence)
            pool.changed[slot] = 1
            if end <= watermark_us or bar.closed == ANNOUNCED:
                pool.pending[slot] = 1
                pool.registers[LEAST_DEADLINE] = NEVER
            if k == DAY:
                touch_ticker(state, trade, exchanges[i], sequence)
                if state.previous_day_us <= start < state.day_start_us:
                    state.previous_day_us = start
                    state.previous_close_hi, state.previous_close_lo = close_price(bar)
        trade.outcome = outcome
        counts[outcome] += 1
        max_event_time_us = max(max_event_time_us, time)
    return rows.shape[0], max_event_time_us


@leaf_kernel
def store_day(state, bar):  # type: ignore[no-untyped-def]
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
def close_bars(pool, watermark_us, lateness_us):  # type: ignore[no-untyped-def]
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
def seal_bars(pool, watermark_us, per_symbol):  # type: ignore[no-untyped-def]
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
def fill_tickers(per_symbol, touched, rows, out):  # type: ignore[no-untyped-def]
    """Write the tickers of the symbols ``touched`` (int64[k]) to out (schemas.columns.TICKER[k])."""
    for i in range(touched.shape[0]):
        state = per_symbol[touched[i]]
        slot = state.current[DAY]
        if slot >= 0:
            store_day(state, rows[slot])
        row = out[i]
        row.symbol = touched[i]
        row.exchange = state.exchange
        row.sequence = state.sequence
        row.event_time_us = state.event_time_us
        row.timestamp_ms = state.timestamp_ms
        row.first_seen_us = state.first_seen_us
        row.price_hi, row.price_lo = state.price_hi, state.price_lo
        row.bid_hi, row.bid_lo, row.has_bid = state.bid_hi, state.bid_lo, state.has_bid
        row.ask_hi, row.ask_lo, row.has_ask = state.ask_hi, state.ask_lo, state.has_ask
        row.open_hi, row.open_lo = state.open_hi, state.open_lo
        row.high_hi, row.high_lo = state.high_hi, state.high_lo
        row.low_hi, row.low_lo = state.low_hi, state.low_lo
        row.volume_hi, row.volume_lo = state.volume_hi, state.volume_lo
        row.previous_close_hi, row.previous_close_lo = state.previous_close_hi, state.previous_close_lo
        row.has_previous_close = 1 if state.previous_day_us != NEVER else 0
