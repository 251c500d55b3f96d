"""The bars before those that late trades change, where bars open at the close before them: what a repair needs more.

fold_late makes one of the trades that bars refused, shows it every sealed bar, and gets what each changed bar opens at:
the close of the bar before it, as it was without late trades. Its memory is that of the late trades, not of the bars.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from core.bars.bar_state import BAR_STATE, BarState, BarStateRows, close_price
from core.bars.openings import NEVER, open_at
from core.bars.shard_kernel import Timing
from kernels.kernel import kernel, leaf_kernel
from schemas.columns import BarRows, Longs

__all__ = ["Neighbours"]

PLACE: Final = np.dtype([("symbol", "i4"), ("interval", "i4"), ("start_us", "i8")])
PlaceRows = npt.NDArray[Any]
"""PLACE[n]: where a bar is."""


class Neighbours:
    """``late``: rows of core.bars.repair.LATE_TRADE."""

    def __init__(self, late: npt.NDArray[Any], timing: Timing) -> None:
        self._places = refused_places(late, timing)
        self._before = np.zeros(len(self._places), BAR_STATE)

    def look(self, bars: BarStateRows) -> None:
        """``bars``: BAR_STATE[n], in any order."""
        look_at(bars, self._places, self._before)

    def open(self, bars: BarStateRows, slots: Longs, out: BarRows) -> None:
        """Open ``out`` (BAR[k]), the bars at ``slots``, all of which took late trades."""
        open_folded(bars, slots, self._places, self._before, out)


def refused_places(late: npt.NDArray[Any], timing: Timing) -> PlaceRows:
    """Where the bars are that refused a trade of ``late``, each once, in order."""
    times_us, found = late["trade"]["event_time_us"], [np.zeros(0, PLACE)]
    for interval, length_us in enumerate(timing.lengths_us):
        places = np.zeros(len(late), PLACE)
        places["symbol"], places["interval"] = late["symbol"], interval
        places["start_us"] = times_us - (times_us - timing.origins_us[interval]) % length_us
        sealed_us = places["start_us"] + length_us + timing.lateness_us[interval]
        found.append(places[sealed_us <= late["watermark_us"]])
    return np.unique(np.concatenate(found))


@leaf_kernel
def place_of(places: PlaceRows, bar: BarState) -> int:
    """The first place that isn't before the bar's."""
    key = (np.int64(bar.symbol), np.int64(bar.interval), bar.start_us)
    low, high = 0, places.shape[0]
    while low < high:
        middle = (low + high) // 2
        place = places[middle]
        if (np.int64(place.symbol), np.int64(place.interval), place.start_us) < key:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def look_at(bars: BarStateRows, places: PlaceRows, before: BarStateRows) -> None:
    """Keep the bars that are right before each place so far; ``trade_count`` 0 in before: none yet."""
    for i in range(bars.shape[0]):
        bar = bars[i]
        at = place_of(places, bar)
        # It may be before several places in a row, none of which has a bar that isn't late.
        while at < places.shape[0]:
            place = places[at]
            if place.symbol != bar.symbol or place.interval != bar.interval:
                break
            if place.start_us != bar.start_us:
                if before[at].trade_count > 0 and before[at].start_us >= bar.start_us:
                    break
                before[at] = bar
            at += 1


@kernel
def open_folded(bars: BarStateRows, slots: Longs, places: PlaceRows, before: BarStateRows, out: BarRows) -> None:
    for i in range(slots.shape[0]):
        bar = bars[slots[i]]
        if not bar.opens_alone:
            one = before[place_of(places, bar)]
            hi, lo = close_price(one)
            open_at(out[i], hi, lo, one.close_time_us if one.trade_count > 0 else NEVER, one.version)
