"""The number that a series has at a trade, compiled: what rules of that series compare their bounds with.

core.alerts.watch_kernel asks for the ladders that have rules. A value is a whole number of units of 10**-10, of 128
bits: a price, a percentage, a multiple or seconds, rounded once and always the same way. Some series look at what was
there before the trade (``high``, ``low``, ``close``), the others at what is there with it. A series may have no value
at a trade; then its rules aren't looked at. docs/contract.md has each in words.
"""

from typing import Final

import numpy as np

from core.alerts.spans_kernel import (
    FIRST_SLOTS,
    NEVER_US,
    SLICE_US,
    SLICES,
    SLOTS,
    SPAN_COUNT,
    Spans,
    extremes,
    newest_start_us,
)
from kernels.kernel import leaf_kernel
from kernels.wide import (
    divide256,
    increment128,
    less128,
    multiply94,
    negate128,
    scale256,
    subtract128,
    subtract320,
)
from schemas.alert_series import SERIES
from schemas.columns import TradeRow, Whole
from schemas.intervals import INTERVALS

__all__ = ["CLOSE", "LOOKS_BACK", "PRICE", "SERIES_CODES", "SILENCE", "bar_end_us", "value_of"]

SERIES_CODES: Final = {name: code for code, name in enumerate(SERIES)}
PRICE: Final = SERIES_CODES["price"]
CLOSE: Final = SERIES_CODES["close"]
VWAP: Final = SERIES_CODES["vwap"]
RISE: Final = SERIES_CODES["rise"]
FALL: Final = SERIES_CODES["fall"]
HIGH: Final = SERIES_CODES["high"]
LOW: Final = SERIES_CODES["low"]
VOLUME: Final = SERIES_CODES["volume"]
TRADES: Final = SERIES_CODES["trades"]
SILENCE: Final = SERIES_CODES["silence"]
LOOKS_BACK: Final = np.array([name in ("high", "low", "close") for name in SERIES], np.uint8)
"""By code: 1 where the value is that of before the trade."""
BAR_US: Final = np.array([each.length_us for each in INTERVALS], np.int64)
BAR_ORIGINS_US: Final = np.array([each.origin_us for each in INTERVALS], np.int64)
UNIT_SCALE: Final = np.uint64(10**10)
PERCENT_SCALE: Final = np.uint64(10**12)
"""A share in percent, in units."""
MOST: Final = 10**28
"""Values of ratios end here, at 10**18: beyond every threshold."""
MOST_HI: Final = np.uint64(MOST >> 64)
MOST_LO: Final = np.uint64(MOST & (2**64 - 1))
ZERO: Final = np.uint64(0)
ONE: Final = np.uint64(1)

Value = tuple[bool, np.int64, np.uint64]
"""(whether there is one, hi, lo)."""


@leaf_kernel
def bar_end_us(interval: Whole, time_us: Whole) -> int:
    """End of the bar that holds a time."""
    return int(time_us - (time_us - BAR_ORIGINS_US[interval]) % BAR_US[interval] + BAR_US[interval])


@leaf_kernel
def none() -> Value:
    return False, np.int64(0), ZERO


@leaf_kernel
def ratio(spans: Spans, by_hi: np.uint64, by_lo: np.uint64) -> Value:
    """spans.limbs by a divisor that isn't 0, rounded down, MOST at most."""
    q2, q1, q0, _, _ = divide256(spans.limbs, by_hi, by_lo)
    if q2 != ZERO or not less128(q1, q0, MOST_HI, MOST_LO):
        return True, np.int64(MOST_HI), MOST_LO
    return True, np.int64(q1), q0


@leaf_kernel
def share_of(spans: Spans, part_hi: np.uint64, part_lo: np.uint64, whole_hi: np.uint64, whole_lo: np.uint64) -> Value:
    """What percentage a price is of another."""
    limbs = spans.limbs
    limbs[0], limbs[1], limbs[2] = multiply94(part_hi, part_lo, ZERO, PERCENT_SCALE)
    limbs[3], limbs[4] = ZERO, ZERO
    return ratio(spans, whole_hi, whole_lo)


@leaf_kernel
def move_value(spans: Spans, symbol: Whole, window: Whole, trade: TradeRow, is_rise: bool) -> Value:
    """How far the price is above the window's lowest, or below its highest, in percent of that."""
    newest_us = newest_start_us(spans, symbol, window, trade.event_time_us)
    if newest_us == NEVER_US:
        return none()
    _, low_hi, low_lo, high_hi, high_lo = extremes(spans, symbol, window, newest_us)
    hi, lo = np.uint64(trade.price_hi), trade.price_lo
    if is_rise:
        from_hi, from_lo = np.uint64(low_hi), low_lo
        far_hi, far_lo = subtract128(hi, lo, from_hi, from_lo)
    else:
        from_hi, from_lo = np.uint64(high_hi), high_lo
        far_hi, far_lo = subtract128(from_hi, from_lo, hi, lo)
    return share_of(spans, far_hi, far_lo, from_hi, from_lo)


@leaf_kernel
def beyond_value(spans: Spans, symbol: Whole, window: Whole, trade: TradeRow, is_high: bool) -> Value:
    """The price less the highest, or lowest, of the window before the trade."""
    newest_us = newest_start_us(spans, symbol, window, trade.event_time_us)
    if newest_us == NEVER_US:
        return none()
    found, low_hi, low_lo, high_hi, high_lo = extremes(spans, symbol, window, newest_us)
    if not found:
        return none()
    hi, lo = np.uint64(trade.price_hi), trade.price_lo
    if is_high:
        hi, lo = subtract128(hi, lo, np.uint64(high_hi), high_lo)
    else:
        hi, lo = subtract128(hi, lo, np.uint64(low_hi), low_lo)
    return True, np.int64(hi), lo


@leaf_kernel
def spike_value(spans: Spans, symbol: Whole, window: Whole, trade: TradeRow, is_volume: bool) -> Value:
    """The newest slice as a multiple of the mean of those before it; none before the window is full."""
    newest_us = newest_start_us(spans, symbol, window, trade.event_time_us)
    others = SLICES[window] - 1
    full_us = newest_us - others * SLICE_US[window]
    if newest_us == NEVER_US or spans.heads[symbol].first_us >= full_us + SLICE_US[window]:
        return none()
    sum_hi, sum_lo = ZERO, ZERO
    newest = spans.opens[symbol * SPAN_COUNT + window]
    ring = symbol * SLOTS + FIRST_SLOTS[window]
    for at in range(ring, ring + SLICES[window]):
        slot = spans.slots[at]
        if slot.count == 0 or slot.start_us < full_us:
            continue
        hi, lo = slot.volume_hi, slot.volume_lo
        if not is_volume:
            hi, lo = ZERO, np.uint64(slot.count)
        low = sum_lo + lo
        sum_hi += hi + (ONE if low < lo else ZERO)
        sum_lo = low
    if sum_hi == ZERO and sum_lo == ZERO:
        return none()
    hi, lo = newest.volume_hi, newest.volume_lo
    if not is_volume:
        hi, lo = ZERO, np.uint64(newest.count)
    limbs = spans.limbs
    factor = UNIT_SCALE * np.uint64(others)
    limbs[0], limbs[1], limbs[2], limbs[3], limbs[4] = scale256((lo, hi, ZERO, ZERO), factor)
    return ratio(spans, sum_hi, sum_lo)


@leaf_kernel
def vwap_value(spans: Spans, symbol: Whole, window: Whole, trade: TradeRow) -> Value:
    """The price less the day's volume-weighted average, rounded away from zero."""
    newest_us = newest_start_us(spans, symbol, window, trade.event_time_us)
    day, head = spans.opens[symbol * SPAN_COUNT + window], spans.heads[symbol]
    if newest_us == NEVER_US or (day.volume_hi == ZERO and day.volume_lo == ZERO):
        return none()
    limbs = spans.limbs
    volume = (day.volume_lo, day.volume_hi, ZERO, ZERO)
    limbs[0], limbs[1], limbs[2], limbs[3], limbs[4] = scale256(volume, trade.price_lo)
    # The upper half of the price, one limb further up.
    low1, low2, low3, _, _ = scale256(volume, np.uint64(trade.price_hi))
    for at in range(1, 4):
        part = low1 if at == 1 else low2 if at == 2 else low3
        add_limb(spans, at, part)
    quote = (head.quote0, head.quote1, head.quote2, head.quote3)
    is_below = is_under(spans, quote)
    if is_below:
        worth0, worth1, worth2, worth3 = limbs[0], limbs[1], limbs[2], limbs[3]
        limbs[0], limbs[1], limbs[2], limbs[3], limbs[4] = quote[0], quote[1], quote[2], quote[3], ZERO
        quote = (worth0, worth1, worth2, worth3)
    subtract320(limbs, quote)
    _, hi, lo, rest_hi, rest_lo = divide256(limbs, day.volume_hi, day.volume_lo)
    if rest_hi != ZERO or rest_lo != ZERO:
        hi, lo = increment128(hi, lo)
    if is_below:
        hi, lo = negate128(hi, lo)
    return True, np.int64(hi), lo


@leaf_kernel
def add_limb(spans: Spans, at: Whole, part: np.uint64) -> None:
    """spans.limbs += part * 2**(64 * at)."""
    total = spans.limbs[at] + part
    spans.limbs[at] = total
    while total < part:
        at, part = at + 1, ONE
        total = spans.limbs[at] + part
        spans.limbs[at] = total


@leaf_kernel
def is_under(spans: Spans, other: tuple[np.uint64, np.uint64, np.uint64, np.uint64]) -> bool:
    """spans.limbs < other."""
    limbs = spans.limbs
    if limbs[3] != other[3]:
        return bool(limbs[3] < other[3])
    if limbs[2] != other[2]:
        return bool(limbs[2] < other[2])
    return less128(limbs[1], limbs[0], other[1], other[0])


@leaf_kernel
def value_of(spans: Spans, symbol: Whole, series: Whole, window: Whole, trade: TradeRow, watermark_us: Whole) -> Value:
    """The value of a series at a trade; those that look back are asked before the trade is noted, the others behind."""
    if series == PRICE:
        return True, trade.price_hi, trade.price_lo
    if series == CLOSE:
        head = spans.heads[symbol]
        end_us = bar_end_us(window, head.newest_us)
        if head.has_last and end_us <= trade.event_time_us and watermark_us < end_us:
            return True, head.close_hi, head.close_lo
        return none()
    if series in (RISE, FALL):
        return move_value(spans, symbol, window, trade, series == RISE)
    if series in (HIGH, LOW):
        return beyond_value(spans, symbol, window, trade, series == HIGH)
    if series in (VOLUME, TRADES):
        return spike_value(spans, symbol, window, trade, series == VOLUME)
    if series == VWAP:
        return vwap_value(spans, symbol, window, trade)
    return True, np.int64(0), ZERO  # silence, which a trade ends
