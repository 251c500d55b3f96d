"""The loop over trades, compiled: the semantics of outcomes, lateness, revisions, tickers and duplicates in one place.

Shard calls it with columns; it calls bar_state for the arithmetic. The order of the checks below is the contract: first
duplicate, then late per interval, then watermark. Each check uses only earlier records of the same shard. The kernel
stops and returns its position when the pool may run out of rows. So memory is only ever allocated by Python, never in
the loop.
"""

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from core.bars.bar_state import ANNOUNCED, CLOSED, OPEN, BarState, BarStateRows, add_trade, close_price
from core.bars.minutes import LEAST_START, Minutes, join_bar, span_minute
from core.bars.openings import NEVER, link_bar
from core.bars.pool import FREE_SLOTS, LEAST_DEADLINE, Pool, find_bar, new_bar, rebuild_buckets
from core.bars.seen_ids import FETCHED_TRADES, SEEN, KeyRows, Window, fetch_places, judge
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
    "ShardTables",
    "SymbolRows",
    "Timing",
    "apply_trades",
    "close_bars",
    "seal_bars",
    "settle_minutes",
    "store_days",
]

REFUSED: Final = 3
UNJUDGED: Final = REFUSED + len(INTERVALS)
COUNTS: Final = UNJUDGED + 1
"""counts[:REFUSED] by outcome, counts[REFUSED:UNJUDGED] trades refused by each interval, counts[UNJUDGED] those that
weren't duplicates as far as can be told: applied or late, and counted there too."""
OPEN_END: Final = 2**62

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
    minutes: Minutes
    per_symbol: SymbolRows
    window: Window
    span_us: int
    floors_us: Longs
    counts: Longs


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
def follow_day(state: SymbolState, bar: BarState) -> None:
    """A day's bar changed: it may be the day before the current one, whose close a ticker shows."""
    if state.previous_day_us <= bar.start_us < state.day_start_us:
        state.previous_day_us = bar.start_us
        state.previous_close_hi, state.previous_close_lo = close_price(bar)


@leaf_kernel
def begin_bar(pool: Pool, state: SymbolState, symbol: Whole, interval: int, start: Whole, end: Whole) -> int:
    """The slot of a new bar, which is the symbol's current one where it is the newest."""
    newest = state.current[interval]
    if interval == DAY and start > state.day_start_us:
        begin_day(state, pool.rows, start)
    slot = new_bar(pool, symbol, interval, start, end)
    if newest < 0 or start > pool.rows[newest].start_us:
        state.current[interval] = slot
    return slot


@leaf_kernel
def settle_minute(symbol: Whole, timing: Timing, tables: ShardTables) -> None:
    """Put the symbol's minute into its bars; there are free slots for one of each interval."""
    pool, state, minute = tables.pool, tables.per_symbol[symbol], tables.minutes.rows[symbol]
    tables.minutes.filled[symbol] = 0
    time = minute.start_us
    for k in range(timing.lengths_us.shape[0]):
        slot = state.current[k]
        if slot < 0 or not pool.rows[slot].start_us <= time < pool.rows[slot].end_us:
            start = time - (time - timing.origins_us[k]) % timing.lengths_us[k]
            slot = find_bar(pool, symbol, k, start)
            if slot < 0:
                slot = begin_bar(pool, state, symbol, k, start, start + timing.lengths_us[k])
        join_bar(pool.rows[slot], minute)
        pool.changed[slot] = 1
        if k == DAY:
            follow_day(state, pool.rows[slot])


@kernel
def settle_minutes(first: int, timing: Timing, tables: ShardTables) -> int:
    """Put the minutes of all symbols from ``first`` on into their bars; returns the symbol reached.

    Stops early when the pool may run out.
    """
    filled = tables.minutes.filled
    for symbol in range(first, filled.shape[0]):
        if filled[symbol]:
            if tables.pool.registers[FREE_SLOTS] < timing.lengths_us.shape[0]:
                return symbol
            settle_minute(symbol, timing, tables)
    return int(filled.shape[0])


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
    minutes = tables.minutes
    for i in range(first, rows.shape[0]):
        if pool.registers[FREE_SLOTS] < 2 * intervals:  # of the symbol's minute, and of the trade
            return i, max_event_time_us
        trade = rows[i]
        symbol = arrivals.symbols[i]
        state = per_symbol[symbol]
        time = trade.event_time_us
        if keys.shape[0] > 0:
            if (i - first) % FETCHED_TRADES == 0:
                fetch_places(tables.window, keys, i, min(i + FETCHED_TRADES, keys.shape[0]))
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
        minute = minutes.rows[symbol]
        in_minute = minutes.filled[symbol] and minute.start_us <= time < minute.end_us and minute.end_us > watermark_us
        if not in_minute and not is_chained:
            if minutes.filled[symbol]:
                settle_minute(symbol, timing, tables)
            span_minute(minute, symbol, time, lengths_us, timing.origins_us)
            in_minute = minute.end_us > watermark_us and minute.start_us >= minutes.registers[LEAST_START]
            if in_minute:
                minutes.filled[symbol] = 1
                pool.registers[LEAST_DEADLINE] = min(pool.registers[LEAST_DEADLINE], minute.end_us)
        if in_minute:
            add_trade(minute, trade, notional, square, is_buy, sequence)
            touch_ticker(state, trade, arrivals.exchanges[i], sequence)
            trade.outcome = APPLIED
            counts[APPLIED] += 1
            max_event_time_us = max(max_event_time_us, time)
            continue
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
                slot = begin_bar(pool, state, symbol, k, start, end)
                if is_chained:
                    link_bar(pool.chain, pool.rows, newest, slot)
                    stir_next(pool, slot, watermark_us)
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
                follow_day(state, bar)
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
    """
    found = np.empty(64, np.int64)
    count = 0
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
