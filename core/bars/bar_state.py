"""One open bar: its columns in state, how a trade enters it, and how it becomes a published bar.

The shard calls these kernels for every trade and interval. A bar's numbers equal those of plain ``decimal`` arithmetic
over the same trades, in any order of arrival. Open and close are kept twice: once ordered by (time, id, offset), once
by (time, offset). Ids order trades only while all of them are numbers, and a single other id, arriving last, decides
which of the two was right.
"""

from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.kernel import kernel, leaf_kernel
from kernels.wide import (
    Pair,
    Product,
    add256,
    divide256,
    increment128,
    multiply64,
    round_half_even,
    scale256,
    square_root192,
    subtract320,
)
from schemas.columns import NO_ID, BarRows, Longs, TradeRow, Whole, Words

__all__ = [
    "ANNOUNCED",
    "BAR_STATE",
    "CLOSED",
    "OPEN",
    "BarState",
    "BarStateRows",
    "add_trade",
    "close_price",
    "finish_bars",
    "start_bar",
]

BAR_STATE: Final = np.dtype(
    [
        ("start_us", "i8"),
        ("end_us", "i8"),
        ("open_time_us", "i8"),
        ("open_id_upper", "i8"),
        ("open_id", "i8"),
        ("open_offset", "i8"),
        ("open_hi", "i8"),
        ("open_lo", "u8"),
        ("first_offset", "i8"),
        ("first_hi", "i8"),
        ("first_lo", "u8"),
        ("close_time_us", "i8"),
        ("close_id_upper", "i8"),
        ("close_id", "i8"),
        ("close_offset", "i8"),
        ("close_hi", "i8"),
        ("close_lo", "u8"),
        ("last_offset", "i8"),
        ("last_hi", "i8"),
        ("last_lo", "u8"),
        ("high_hi", "i8"),
        ("high_lo", "u8"),
        ("low_hi", "i8"),
        ("low_lo", "u8"),
        ("volume_hi", "u8"),
        ("volume_lo", "u8"),
        ("buy_hi", "u8"),
        ("buy_lo", "u8"),
        ("quote0", "u8"),
        ("quote1", "u8"),
        ("quote2", "u8"),
        ("quote3", "u8"),
        ("sum_hi", "u8"),
        ("sum_lo", "u8"),
        ("square0", "u8"),
        ("square1", "u8"),
        ("square2", "u8"),
        ("square3", "u8"),
        ("trade_count", "i8"),
        ("version", "i8"),
        ("revision", "i4"),
        ("symbol", "i4"),
        ("interval", "u1"),
        ("all_numeric", "u1"),
        ("closed", "u1"),
        ("opens_alone", "u1"),
        ("_pad", "u1", (4,)),
    ]
)
"""``_id_upper``, ``_id``: as in TRADE, ids of more digits by their rank (core.bars.long_ids). ``first``/``last`` are
open and close ordered by (time, offset) alone. ``closed``: OPEN, CLOSED (the watermark passed its
end, so it is final) or ANNOUNCED (published as final by a wall clock, the watermark behind). ``opens_alone``: some
trade is of a venue whose bars open at their first trade; kept only where other venues' don't (core.bars.openings)."""

BarStateRows = npt.NDArray[Any]
"""BAR_STATE[n]."""
BarState: TypeAlias = Any
"""One of them, as kernels have it."""

OPEN: Final = 0
CLOSED: Final = 1
ANNOUNCED: Final = 2

ZERO = np.uint64(0)
ONE = np.uint64(1)
TWO = np.uint64(2)


@leaf_kernel
def start_bar(bar: BarState, symbol: Whole, interval: Whole, start_us: Whole, end_us: Whole) -> None:
    """Make ``bar`` an empty bar; ``trade_count`` 0 tells add_trade that every extreme is still open."""
    bar.start_us = start_us
    bar.end_us = end_us
    bar.volume_hi = ZERO
    bar.volume_lo = ZERO
    bar.buy_hi = ZERO
    bar.buy_lo = ZERO
    bar.quote0 = ZERO
    bar.quote1 = ZERO
    bar.quote2 = ZERO
    bar.quote3 = ZERO
    bar.sum_hi = ZERO
    bar.sum_lo = ZERO
    bar.square0 = ZERO
    bar.square1 = ZERO
    bar.square2 = ZERO
    bar.square3 = ZERO
    bar.trade_count = 0
    bar.version = -1
    bar.revision = 0
    bar.symbol = symbol
    bar.interval = interval
    bar.all_numeric = 1
    bar.closed = OPEN
    bar.opens_alone = 0


@leaf_kernel
def open_at(bar: BarState, trade: TradeRow) -> None:
    bar.open_time_us = trade.event_time_us
    bar.open_id_upper = trade.trade_id_upper
    bar.open_id = trade.trade_id_number
    bar.open_offset = trade.offset
    bar.open_hi = trade.price_hi
    bar.open_lo = trade.price_lo


@leaf_kernel
def close_at(bar: BarState, trade: TradeRow) -> None:
    bar.close_time_us = trade.event_time_us
    bar.close_id_upper = trade.trade_id_upper
    bar.close_id = trade.trade_id_number
    bar.close_offset = trade.offset
    bar.close_hi = trade.price_hi
    bar.close_lo = trade.price_lo


@leaf_kernel
def first_at(bar: BarState, trade: TradeRow) -> None:
    bar.first_offset = trade.offset
    bar.first_hi = trade.price_hi
    bar.first_lo = trade.price_lo


@leaf_kernel
def last_at(bar: BarState, trade: TradeRow) -> None:
    bar.last_offset = trade.offset
    bar.last_hi = trade.price_hi
    bar.last_lo = trade.price_lo


@leaf_kernel
def high_at(bar: BarState, trade: TradeRow) -> None:
    bar.high_hi = trade.price_hi
    bar.high_lo = trade.price_lo


@leaf_kernel
def low_at(bar: BarState, trade: TradeRow) -> None:
    bar.low_hi = trade.price_hi
    bar.low_lo = trade.price_lo


@leaf_kernel
def move_open(bar: BarState, trade: TradeRow) -> None:
    time = trade.event_time_us
    if time < bar.open_time_us:
        open_at(bar, trade)
        first_at(bar, trade)
    elif time == bar.open_time_us:
        identity = (trade.trade_id_upper, trade.trade_id_number, trade.offset)
        if identity < (bar.open_id_upper, bar.open_id, bar.open_offset):
            open_at(bar, trade)
        if trade.offset < bar.first_offset:
            first_at(bar, trade)


@leaf_kernel
def move_close(bar: BarState, trade: TradeRow) -> None:
    # Trades of one record come in their order: of two that are otherwise equal the later one is the close.
    time = trade.event_time_us
    if time > bar.close_time_us:
        close_at(bar, trade)
        last_at(bar, trade)
    elif time == bar.close_time_us:
        identity = (trade.trade_id_upper, trade.trade_id_number, trade.offset)
        if identity >= (bar.close_id_upper, bar.close_id, bar.close_offset):
            close_at(bar, trade)
        if trade.offset >= bar.last_offset:
            last_at(bar, trade)


@leaf_kernel
def add_trade(bar: BarState, trade: TradeRow, notional: Product, square: Product, is_buy: bool, version: Whole) -> None:
    """Apply one trade. notional: price * size; square: price ** 2."""
    price_hi, price_lo = trade.price_hi, trade.price_lo
    if bar.trade_count == 0:
        open_at(bar, trade)
        first_at(bar, trade)
        close_at(bar, trade)
        last_at(bar, trade)
        high_at(bar, trade)
        low_at(bar, trade)
    else:
        move_open(bar, trade)
        move_close(bar, trade)
        if price_hi > bar.high_hi or (price_hi == bar.high_hi and price_lo > bar.high_lo):
            high_at(bar, trade)
        if price_hi < bar.low_hi or (price_hi == bar.low_hi and price_lo < bar.low_lo):
            low_at(bar, trade)
    if trade.trade_id_number == NO_ID:
        bar.all_numeric = 0
    size_lo, size_hi = trade.size_lo, np.uint64(trade.size_hi)
    low = bar.volume_lo + size_lo
    bar.volume_hi += size_hi + (ONE if low < size_lo else ZERO)
    bar.volume_lo = low
    if is_buy:
        low = bar.buy_lo + size_lo
        bar.buy_hi += size_hi + (ONE if low < size_lo else ZERO)
        bar.buy_lo = low
    low = bar.sum_lo + price_lo
    bar.sum_hi += np.uint64(price_hi) + (ONE if low < price_lo else ZERO)
    bar.sum_lo = low
    quote = (bar.quote0, bar.quote1, bar.quote2, bar.quote3)
    bar.quote0, bar.quote1, bar.quote2, bar.quote3 = add256(quote, notional)
    squares = (bar.square0, bar.square1, bar.square2, bar.square3)
    bar.square0, bar.square1, bar.square2, bar.square3 = add256(squares, square)
    bar.trade_count += 1
    bar.version = version


@leaf_kernel
def close_price(bar: BarState) -> tuple[np.int64, np.uint64]:
    """(hi, lo) of the bar's close."""
    return (bar.close_hi, bar.close_lo) if bar.all_numeric else (bar.last_hi, bar.last_lo)


@leaf_kernel
def volume_weighted_price(bar: BarState, limbs: Words) -> Pair:
    """quote_volume / volume at scale 10, ties to even; volume must not be 0. limbs: room for 4."""
    limbs[0], limbs[1], limbs[2], limbs[3] = bar.quote0, bar.quote1, bar.quote2, bar.quote3
    _, hi, lo, rest_hi, rest_lo = divide256(limbs[:4], bar.volume_hi, bar.volume_lo)
    return round_half_even(hi, lo, rest_hi, rest_lo, bar.volume_hi, bar.volume_lo)


# The standard deviation, exactly.
#
# The usual ways keep a running mean, or sums of doubles. What comes out then depends on the order of the trades, and
# where prices are large and close together most of its digits are noise. A bar must come out the same in any order of
# arrival, and after any restart, so it keeps whole numbers only: the number of trades n, S = sum(p) and Q = sum(p**2),
# with p in units of 10**-10. Adding is all that ever happens to them, so order can't matter.
#
# The variance is Q/n - (S/n)**2 = N / n**2 with N = n*Q - S**2, a whole number that is never negative. So the deviation
# is sqrt(N) / n, and the one question left is how to round it once. The nearest whole number to x is the half of
# floor(2*x) + 1, rounded down (a tie goes up). And floor(2 * sqrt(N) / n) is floor(sqrt(floor(4*N / n**2))), since a
# whole number is at most the root of something exactly when its square is at most the floor of it. That leaves one
# division and one square root of whole numbers, neither of which rounds anything that still counts.
#
# Widths: p is below 2**94. S is kept in 128 bits, which only 2**34 trades at the greatest price would fill; so n**2
# fits 68 bits then, S**2 and Q fit 256, and n*Q and 4*N fit 320. A deviation is at most half the range of the prices,
# so 4*N / n**2 is below 2**188, and its root fits 128 bits.
@leaf_kernel
def price_deviation(bar: BarState, limbs: Words) -> Pair:
    """The population standard deviation of price at scale 10, to the nearest.

    With N = n * sum(p**2) - sum(p)**2 it is sqrt(N) / n, and nearest(x) = floor((floor(2x) + 1) / 2).
    """
    count = np.uint64(bar.trade_count)
    if count == ONE:
        return ZERO, ZERO
    squares = (bar.square0, bar.square1, bar.square2, bar.square3)
    limbs[0], limbs[1], limbs[2], limbs[3], limbs[4] = scale256(squares, count)
    high_hi, high_lo = multiply64(bar.sum_hi, bar.sum_hi)
    cross_hi, cross_lo = multiply64(bar.sum_hi, bar.sum_lo)
    low_hi, low_lo = multiply64(bar.sum_lo, bar.sum_lo)
    cross = (ZERO, cross_lo, cross_hi)
    subtract320(limbs, add256(add256((low_lo, low_hi, high_lo, high_hi), cross), cross))
    for i in range(4, 0, -1):
        limbs[i] = (limbs[i] << TWO) | (limbs[i - 1] >> np.uint64(62))
    limbs[0] <<= TWO
    d_hi, d_lo = multiply64(count, count)
    q2, q1, q0, _, _ = divide256(limbs, d_hi, d_lo)
    hi, lo = square_root192(q2, q1, q0)
    hi, lo = increment128(hi, lo)
    return hi >> ONE, (lo >> ONE) | (hi << np.uint64(63))


@kernel
def finish_bars(states: BarStateRows, slots: Longs, watermark_us: Whole, out: BarRows) -> None:
    """Write the bars at ``slots`` (int64[k]) of ``states`` (BAR_STATE[n]) to ``out`` (schemas.columns.BAR[k])."""
    limbs = np.zeros(5, np.uint64)
    for i in range(slots.shape[0]):
        bar = states[slots[i]]
        row = out[i]
        row.start_us = row.from_us = bar.start_us
        if bar.all_numeric:
            row.open_hi, row.open_lo = bar.open_hi, bar.open_lo
        else:
            row.open_hi, row.open_lo = bar.first_hi, bar.first_lo
        row.close_hi, row.close_lo = close_price(bar)
        row.high_hi, row.high_lo = bar.high_hi, bar.high_lo
        row.low_hi, row.low_lo = bar.low_hi, bar.low_lo
        row.volume_hi, row.volume_lo = np.int64(bar.volume_hi), bar.volume_lo
        row.buy_volume_hi, row.buy_volume_lo = np.int64(bar.buy_hi), bar.buy_lo
        row.quote_volume[0] = bar.quote0
        row.quote_volume[1] = bar.quote1
        row.quote_volume[2] = bar.quote2
        row.quote_volume[3] = bar.quote3
        row.has_vwap = 0
        row.vwap_hi, row.vwap_lo = np.int64(0), ZERO
        if bar.volume_hi != ZERO or bar.volume_lo != ZERO:
            hi, lo = volume_weighted_price(bar, limbs)
            row.has_vwap = 1
            row.vwap_hi, row.vwap_lo = np.int64(hi), lo
        hi, lo = price_deviation(bar, limbs)
        row.stddev_hi, row.stddev_lo = np.int64(hi), lo
        row.trade_count = bar.trade_count
        row.version = bar.version
        row.revision = bar.revision
        row.symbol = bar.symbol
        row.interval = bar.interval
        row.final = 1 if bar.end_us <= watermark_us or bar.closed == ANNOUNCED else 0
