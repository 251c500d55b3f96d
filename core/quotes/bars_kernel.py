"""The compiled loop of core.quotes.bars: quotes of a partition, in their order, into the bars of their symbols.

A symbol has one bar of each interval in state, since its quotes never go back in time (core.quotes.book_kernel). A
quote's spread weighs as long as it is its symbol's newest within the bar. What a later quote closed is copied out as it
was: the weight of its last quote, up to the bar's end, is added by core.quotes.bars.
"""

from typing import Final, NamedTuple

import numpy as np

from core.quotes.book_kernel import CROSSED, OUTDATED
from kernels.kernel import leaf_kernel
from kernels.wide import add256, less128, multiply94, subtract128
from schemas.columns import Bytes, Ints, Longs, Whole
from schemas.quotes import QuoteBarRows, QuoteRow, QuoteRows

__all__ = ["CLOSED", "NEXT_ID", "SEGMENTS", "BarTables", "Told", "add_spread", "fold_quotes"]

CLOSED: Final = 0
SEGMENTS: Final = 1
NEXT_ID: Final = 2
"""Places in BarTables.registers: rows filled in ``closed`` and in ``segments``, and the number of the next new bar."""
_LONG_MAX: Final = np.uint64(2**63 - 1)
_U0: Final = np.uint64(0)


class Told(NamedTuple):
    """Quotes, the numbers of their symbols, what became of each, and the sequence of offset 0."""

    rows: QuoteRows
    symbols: Ints
    outcomes: Bytes
    first_sequence: int


class BarTables(NamedTuple):
    """``bars``: by symbol and interval, those of a symbol together. ``segments``: int64[n, 3] of a bar's id, a spread
    in units, and for how many microseconds it held."""

    bars: QuoteBarRows
    closed: QuoteBarRows
    segments: Longs
    registers: Longs
    lengths_us: Longs
    origins_us: Longs


@leaf_kernel
def add_spread(bar: QuoteRow, until_us: Whole, segments: Longs, registers: Longs) -> None:
    """The newest quote of ``bar`` held until then."""
    weight = until_us - bar.last_us
    if weight <= 0:
        return
    if bar.last_crossed:
        bar.crossed_us += weight
        return
    bar.spread_us += weight
    hi, lo = bar.last_spread_hi, bar.last_spread_lo
    held = (bar.sum0, bar.sum1, bar.sum2, bar.sum3)
    bar.sum0, bar.sum1, bar.sum2, bar.sum3 = add256(held, multiply94(hi, lo, _U0, np.uint64(weight)))
    at = registers[SEGMENTS]
    segments[at, 0] = bar.id
    segments[at, 1] = np.int64(_LONG_MAX if hi != _U0 or lo > _LONG_MAX else lo)
    segments[at, 2] = weight
    registers[SEGMENTS] = at + 1


@leaf_kernel
def _begin(bar: QuoteRow, row: QuoteRow, start_us: Whole, bar_id: Whole) -> None:
    bar.id, bar.start_us, bar.first_us, bar.told = bar_id, start_us, row.event_time_us, 0
    bar.count, bar.crossed, bar.has_spread, bar.spread_us, bar.crossed_us = 0, 0, 0, 0, 0
    bar.sum0, bar.sum1, bar.sum2, bar.sum3 = _U0, _U0, _U0, _U0
    bar.spread_min_hi, bar.spread_min_lo, bar.spread_max_hi, bar.spread_max_lo = _U0, _U0, _U0, _U0
    bar.bid_open_hi, bar.bid_open_lo = row.bid_hi, row.bid_lo
    bar.bid_high_hi, bar.bid_high_lo = row.bid_hi, row.bid_lo
    bar.bid_low_hi, bar.bid_low_lo = row.bid_hi, row.bid_lo
    bar.ask_open_hi, bar.ask_open_lo = row.ask_hi, row.ask_lo
    bar.ask_high_hi, bar.ask_high_lo = row.ask_hi, row.ask_lo
    bar.ask_low_hi, bar.ask_low_lo = row.ask_hi, row.ask_lo


@leaf_kernel
def _above(a_hi: Whole, a_lo: np.uint64, b_hi: Whole, b_lo: np.uint64) -> bool:
    return less128(np.uint64(b_hi), b_lo, np.uint64(a_hi), a_lo)


@leaf_kernel
def _take_sides(bar: QuoteRow, row: QuoteRow) -> None:
    if _above(row.bid_hi, row.bid_lo, bar.bid_high_hi, bar.bid_high_lo):
        bar.bid_high_hi, bar.bid_high_lo = row.bid_hi, row.bid_lo
    if _above(bar.bid_low_hi, bar.bid_low_lo, row.bid_hi, row.bid_lo):
        bar.bid_low_hi, bar.bid_low_lo = row.bid_hi, row.bid_lo
    if _above(row.ask_hi, row.ask_lo, bar.ask_high_hi, bar.ask_high_lo):
        bar.ask_high_hi, bar.ask_high_lo = row.ask_hi, row.ask_lo
    if _above(bar.ask_low_hi, bar.ask_low_lo, row.ask_hi, row.ask_lo):
        bar.ask_low_hi, bar.ask_low_lo = row.ask_hi, row.ask_lo
    bar.bid_close_hi, bar.bid_close_lo = row.bid_hi, row.bid_lo
    bar.ask_close_hi, bar.ask_close_lo = row.ask_hi, row.ask_lo


@leaf_kernel
def _take_spread(bar: QuoteRow, row: QuoteRow) -> None:
    hi, lo = subtract128(np.uint64(row.ask_hi), row.ask_lo, np.uint64(row.bid_hi), row.bid_lo)
    if bar.has_spread == 0 or less128(hi, lo, bar.spread_min_hi, bar.spread_min_lo):
        bar.spread_min_hi, bar.spread_min_lo = hi, lo
    if bar.has_spread == 0 or less128(bar.spread_max_hi, bar.spread_max_lo, hi, lo):
        bar.spread_max_hi, bar.spread_max_lo = hi, lo
    bar.has_spread = 1
    bar.last_spread_hi, bar.last_spread_lo = hi, lo


@leaf_kernel
def fold_quotes(told: Told, first: int, tables: BarTables) -> int:
    """Fold the quotes from ``first`` on; returns the position reached: it stops early when ``closed`` may run out."""
    bars, registers, lengths_us = tables.bars, tables.registers, tables.lengths_us
    intervals = lengths_us.shape[0]
    for index in range(first, len(told.rows)):
        if told.outcomes[index] == OUTDATED:
            continue
        if registers[CLOSED] + intervals > len(tables.closed):
            return index
        row = told.rows[index]
        time_us = row.event_time_us
        for k in range(intervals):
            at = told.symbols[index] * intervals + k
            bar = bars[at]
            start_us = (time_us - tables.origins_us[k]) // lengths_us[k] * lengths_us[k] + tables.origins_us[k]
            if bar.version >= 0 and bar.start_us == start_us:
                add_spread(bar, time_us, tables.segments, registers)
            else:
                if bar.version >= 0 and not bar.told:
                    tables.closed[registers[CLOSED]] = bar
                    registers[CLOSED] += 1
                _begin(bar, row, start_us, registers[NEXT_ID])
                registers[NEXT_ID] += 1
            _take_sides(bar, row)
            bar.count += 1
            bar.last_crossed = told.outcomes[index] == CROSSED
            if bar.last_crossed:
                bar.crossed += 1
            else:
                _take_spread(bar, row)
            bar.last_us = time_us
            bar.version = told.first_sequence + row.offset
            bar.told = 0
    return len(told.rows)
