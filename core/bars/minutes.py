"""The newest trades of each symbol, added up before they enter their bars: one row instead of one of every interval.

Most trades come in time and fall into the same bars as the trade before. The shard adds such a trade to its symbol's
minute alone, a bar of a span that lies in one bar of each interval (with the shipped ones the bar of a minute). The
minute enters those bars, whole, before anybody looks at them and before its symbol has a trade elsewhere. Sums are
exact and extremes have one order, so a bar is the same as if each trade had entered it: ``join_bar`` is that law.
"""

from typing import Final, NamedTuple

import numpy as np

from core.bars.bar_state import BAR_STATE, ONE, ZERO, BarState, BarStateRows, start_bar
from kernels.kernel import leaf_kernel
from kernels.wide import add256
from schemas.columns import Bytes, Longs, Whole

__all__ = ["LEAST_START", "Minutes", "grown_minutes", "join_bar", "new_minutes", "span_minute"]

LEAST_START: Final = 0
"""Place in Minutes.registers."""
NO_START: Final = -(2**63)


class Minutes(NamedTuple):
    """rows: by symbol; only the span of one that isn't ``filled`` means something. registers: int64[1], the least start
    of a minute that takes trades (LEAST_START): before it are bars that a wall clock ended, which a trade publishes
    anew, or that rules of an earlier run sealed.
    """

    rows: BarStateRows
    filled: Bytes
    registers: Longs


def new_minutes(symbols: int) -> Minutes:
    """None of them is filled."""
    return Minutes(np.zeros(symbols, BAR_STATE), np.zeros(symbols, np.uint8), np.array([NO_START], np.int64))


def grown_minutes(old: Minutes, symbols: int) -> Minutes:
    """The same for more symbols."""
    new = new_minutes(symbols)
    new.rows[: len(old.rows)], new.filled[: len(old.filled)] = old.rows, old.filled
    return Minutes(new.rows, new.filled, old.registers)


@leaf_kernel
def span_minute(minute: BarState, symbol: Whole, time_us: Whole, lengths_us: Longs, origins_us: Longs) -> None:
    """Make ``minute`` an empty one of the longest span around ``time_us`` that lies in one bar of every interval."""
    start, end = minute.start_us, minute.end_us
    if not start <= time_us < end:
        start, end = time_us, time_us + lengths_us[0]
        for k in range(lengths_us.shape[0]):
            since = (time_us - origins_us[k]) % lengths_us[k]
            start = time_us - since if k == 0 else max(start, time_us - since)
            end = min(end, time_us - since + lengths_us[k])
    start_bar(minute, symbol, 0, start, end)


@leaf_kernel
def join_bar(bar: BarState, part: BarState) -> None:
    """Add the trades of ``part``, all of which came after those of ``bar``."""
    is_new = bar.trade_count == 0
    _join_open(bar, part, is_new)
    _join_close(bar, part, is_new)
    if is_new or part.high_hi > bar.high_hi or (part.high_hi == bar.high_hi and part.high_lo > bar.high_lo):
        bar.high_hi, bar.high_lo = part.high_hi, part.high_lo
    if is_new or part.low_hi < bar.low_hi or (part.low_hi == bar.low_hi and part.low_lo < bar.low_lo):
        bar.low_hi, bar.low_lo = part.low_hi, part.low_lo
    bar.all_numeric &= part.all_numeric
    low = bar.volume_lo + part.volume_lo
    bar.volume_hi += part.volume_hi + (ONE if low < part.volume_lo else ZERO)
    bar.volume_lo = low
    low = bar.buy_lo + part.buy_lo
    bar.buy_hi += part.buy_hi + (ONE if low < part.buy_lo else ZERO)
    bar.buy_lo = low
    low = bar.sum_lo + part.sum_lo
    bar.sum_hi += part.sum_hi + (ONE if low < part.sum_lo else ZERO)
    bar.sum_lo = low
    quote = (bar.quote0, bar.quote1, bar.quote2, bar.quote3 + part.quote3)
    bar.quote0, bar.quote1, bar.quote2, bar.quote3 = add256(quote, (part.quote0, part.quote1, part.quote2))
    squares = (bar.square0, bar.square1, bar.square2, bar.square3 + part.square3)
    bar.square0, bar.square1, bar.square2, bar.square3 = add256(squares, (part.square0, part.square1, part.square2))
    bar.trade_count += part.trade_count
    bar.version = part.version


@leaf_kernel
def _join_open(bar: BarState, part: BarState, is_new: bool) -> None:
    is_earlier = is_new or part.open_time_us < bar.open_time_us
    is_level = not is_earlier and part.open_time_us == bar.open_time_us
    identity = (part.open_id_upper, part.open_id, part.open_offset)
    if is_earlier or (is_level and identity < (bar.open_id_upper, bar.open_id, bar.open_offset)):
        bar.open_time_us = part.open_time_us
        bar.open_id_upper, bar.open_id, bar.open_offset = identity
        bar.open_hi, bar.open_lo = part.open_hi, part.open_lo
    if is_earlier or (is_level and part.first_offset < bar.first_offset):
        bar.first_offset, bar.first_hi, bar.first_lo = part.first_offset, part.first_hi, part.first_lo


@leaf_kernel
def _join_close(bar: BarState, part: BarState, is_new: bool) -> None:
    is_later = is_new or part.close_time_us > bar.close_time_us
    is_level = not is_later and part.close_time_us == bar.close_time_us
    identity = (part.close_id_upper, part.close_id, part.close_offset)
    if is_later or (is_level and identity >= (bar.close_id_upper, bar.close_id, bar.close_offset)):
        bar.close_time_us = part.close_time_us
        bar.close_id_upper, bar.close_id, bar.close_offset = identity
        bar.close_hi, bar.close_lo = part.close_hi, part.close_lo
    if is_later or (is_level and part.last_offset >= bar.last_offset):
        bar.last_offset, bar.last_hi, bar.last_lo = part.last_offset, part.last_hi, part.last_lo
