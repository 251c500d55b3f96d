"""What a symbol's trades add up to in each window, compiled: lowest and highest price, volume and number by slices.

core.alerts.watch_kernel notes every applied trade here, between the series that look at what was before it and those
that look at what is with it. A window is a ring of slices aligned to the epoch (schemas.alert_series); the newest slice
is that of the newest trade of the symbol. A trade out of order counts in its own slice as long as the window holds it.
Numbers are exact: prices and volumes of 128 bits, the day's price * size of 256.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from core.alerts.rule_heap import is_less
from kernels.kernel import leaf_kernel
from kernels.wide import add256, multiply94
from schemas.alert_series import DAY_WINDOW, SPANS
from schemas.columns import Longs, TradeRow, Whole, Words

__all__ = [
    "FIRST_SLOTS",
    "HEAD",
    "NEVER_US",
    "SLICES",
    "SLICE_US",
    "SLOT",
    "SLOTS",
    "SPAN_COUNT",
    "HeadRows",
    "SlotRows",
    "Spans",
    "extremes",
    "newest_start_us",
    "note_trade",
    "ring_place",
]

NEVER_US: Final = -(2**62)
SPAN_COUNT: Final = len(SPANS)
SLICES: Final[Longs] = np.array([each.slices for each in SPANS], np.int64)
SLICE_US: Final[Longs] = np.array([each.slice_us for each in SPANS], np.int64)
FIRST_SLOTS: Final[Longs] = np.concatenate([[0], np.cumsum(SLICES)[:-1]]).astype(np.int64)
"""Where the ring of each window begins among a symbol's slots."""
SLOTS: Final = int(SLICES.sum())
"""Of one symbol."""
ZERO: Final = np.uint64(0)
ONE: Final = np.uint64(1)

HEAD: Final = np.dtype(
    [
        ("newest_us", "i8"),
        ("first_us", "i8"),
        ("sequence", "i8"),
        ("last_hi", "i8"),
        ("last_lo", "u8"),
        ("close_hi", "i8"),
        ("close_lo", "u8"),
        ("quote0", "u8"),
        ("quote1", "u8"),
        ("quote2", "u8"),
        ("quote3", "u8"),
        ("ladder", "i4"),
        ("has_last", "u1"),
        ("_pad", "u1", (3,)),
    ]
)
"""One symbol. ``last``, ``sequence``: of its last trade in the log. ``close``, ``newest_us``: of the newest by event
time, of equal times the later in the log. ``first_us``: event time of the first. ``quote``: the day's sum of price *
size. ``ladder``: the first of its ladders."""
SLOT: Final = np.dtype(
    [
        ("start_us", "i8"),
        ("low_hi", "i8"),
        ("low_lo", "u8"),
        ("high_hi", "i8"),
        ("high_lo", "u8"),
        ("volume_hi", "u8"),
        ("volume_lo", "u8"),
        ("count", "i8"),
    ]
)
"""One slice of a window; ``count`` is 0 where none was there yet."""
HeadRows = npt.NDArray[Any]
"""HEAD[n]."""
SlotRows = npt.NDArray[Any]
"""SLOT[n]."""


class Spans(NamedTuple):
    """heads: by symbol. opens: SPAN_COUNT of each, the newest slice of each window, side by side as every trade goes
    into them all. slots: SLOTS of each, the slices before. limbs: room for one wide number."""

    heads: HeadRows
    slots: SlotRows
    opens: SlotRows
    limbs: Words


@leaf_kernel
def ring_place(symbol: Whole, window: Whole, time_us: Whole) -> int:
    """Row of the slot that holds the slice of a time."""
    return int(symbol * SLOTS + FIRST_SLOTS[window] + time_us // SLICE_US[window] % SLICES[window])


@leaf_kernel
def newest_start_us(spans: Spans, symbol: Whole, window: Whole, time_us: Whole) -> int:
    """Start of the newest slice with a trade of ``time_us``; NEVER_US if the window doesn't hold that trade."""
    length_us, newest = SLICE_US[window], spans.opens[symbol * SPAN_COUNT + window]
    own_us = time_us - time_us % length_us
    if newest.count == 0 or own_us >= newest.start_us:
        return int(own_us)
    return int(newest.start_us) if own_us > newest.start_us - SLICES[window] * length_us else NEVER_US


@leaf_kernel
def extremes(
    spans: Spans, symbol: Whole, window: Whole, newest_us: Whole
) -> tuple[bool, np.int64, np.uint64, np.int64, np.uint64]:
    """(whether there was a trade, low, high) of the slices that end with the one that starts at ``newest_us``."""
    oldest_us = newest_us - SLICES[window] * SLICE_US[window]
    newest = spans.opens[symbol * SPAN_COUNT + window]
    low_hi, low_lo, high_hi, high_lo = newest.low_hi, newest.low_lo, newest.high_hi, newest.high_lo
    if newest.count == 0 or newest.start_us <= oldest_us:  # then those before it have left as well
        return False, low_hi, low_lo, high_hi, high_lo
    first = symbol * SLOTS + FIRST_SLOTS[window]
    for at in range(first, first + SLICES[window]):
        slot = spans.slots[at]
        if slot.count and slot.start_us > oldest_us:
            if is_less(slot.low_hi, slot.low_lo, low_hi, low_lo):
                low_hi, low_lo = slot.low_hi, slot.low_lo
            if is_less(high_hi, high_lo, slot.high_hi, slot.high_lo):
                high_hi, high_lo = slot.high_hi, slot.high_lo
    return True, low_hi, low_lo, high_hi, high_lo


@leaf_kernel
def note_trade(spans: Spans, symbol: Whole, trade: TradeRow, sequence: Whole) -> None:
    """Take one applied trade into every window of its symbol."""
    head, time_us = spans.heads[symbol], trade.event_time_us
    for window in range(SPAN_COUNT):
        newest = spans.opens[symbol * SPAN_COUNT + window]
        ahead_us = time_us - newest.start_us
        if newest.count and ahead_us < 0:
            note_late(spans, symbol, window, trade)
            continue
        if newest.count == 0 or ahead_us >= SLICE_US[window]:
            if newest.count:
                spans.slots[ring_place(symbol, window, newest.start_us)] = newest
            clear(newest, time_us - time_us % SLICE_US[window])
            if window == DAY_WINDOW:
                head.quote0, head.quote1, head.quote2, head.quote3 = ZERO, ZERO, ZERO, ZERO
        extend(newest, trade)
        if window == DAY_WINDOW:
            product = multiply94(
                np.uint64(trade.price_hi), trade.price_lo, np.uint64(trade.size_hi), trade.size_lo
            )  # fmt: skip
            limbs = (head.quote0, head.quote1, head.quote2, head.quote3)
            head.quote0, head.quote1, head.quote2, head.quote3 = add256(limbs, product)
    if not head.has_last:
        head.first_us, head.has_last = time_us, 1
    if time_us >= head.newest_us:
        head.newest_us, head.close_hi, head.close_lo = time_us, trade.price_hi, trade.price_lo
    head.sequence, head.last_hi, head.last_lo = sequence, trade.price_hi, trade.price_lo


@leaf_kernel
def note_late(spans: Spans, symbol: Whole, window: Whole, trade: TradeRow) -> None:
    """Take a trade into its slice behind the newest one, if no later slice stands in that one's place."""
    time_us = trade.event_time_us
    slot, start_us = spans.slots[ring_place(symbol, window, time_us)], time_us - time_us % SLICE_US[window]
    if slot.count == 0 or slot.start_us < start_us:
        clear(slot, start_us)
    if slot.start_us == start_us:
        extend(slot, trade)


@leaf_kernel
def clear(slot: Any, start_us: Whole) -> None:
    slot.start_us, slot.count, slot.volume_hi, slot.volume_lo = start_us, 0, ZERO, ZERO


@leaf_kernel
def extend(slot: Any, trade: TradeRow) -> None:
    hi, lo = trade.price_hi, trade.price_lo
    if slot.count == 0 or is_less(hi, lo, slot.low_hi, slot.low_lo):
        slot.low_hi, slot.low_lo = hi, lo
    if slot.count == 0 or is_less(slot.high_hi, slot.high_lo, hi, lo):
        slot.high_hi, slot.high_lo = hi, lo
    slot.count += 1
    low = slot.volume_lo + trade.size_lo
    slot.volume_hi += np.uint64(trade.size_hi) + (ONE if low < trade.size_lo else ZERO)
    slot.volume_lo = low
