"""Bars that open at the close of the bar before them, as some venues' candles do: which bar is before which.

The shard calls these kernels where its rules have such venues; without them every array here is empty and nothing is
done. Bars of a symbol and interval form a chain by their starts. What a bar opens at is looked up when it is published,
so it is right in any order of arrival: a trade that enters a bar publishes the one behind it anew. Sealed bars leave
the chain from its beginning, and the close of the last of them is kept (``CLOSE``).
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from core.bars.bar_state import BarStateRows, close_price
from kernels.kernel import kernel, leaf_kernel
from schemas.columns import BarRow, BarRows, Ints, Longs, Whole
from schemas.intervals import INTERVALS

__all__ = [
    "CLOSE",
    "NEVER",
    "Chain",
    "CloseRows",
    "chain_bars",
    "grown_closes",
    "link_bar",
    "new_chain",
    "open_at",
    "open_bars",
    "unlink_bars",
]

NEVER: Final = -(2**62)
CLOSE: Final = np.dtype([("start_us", "i8"), ("time_us", "i8"), ("version", "i8"), ("hi", "i8"), ("lo", "u8")])
"""How the last sealed bar of a symbol and interval closed; ``start_us`` NEVER: none was sealed."""
CloseRows = npt.NDArray[Any]
"""CLOSE[symbols, intervals]."""


class Chain(NamedTuple):
    """Slots of the bars before and after each slot's, of its symbol and interval; -1: none. Empty where no venue's bars
    open so."""

    before: Ints
    after: Ints


def new_chain(capacity: int) -> Chain:
    return Chain(np.full(capacity, -1, np.int32), np.full(capacity, -1, np.int32))


@leaf_kernel
def link_bar(chain: Chain, rows: BarStateRows, newest: Whole, slot: Whole) -> None:
    """Put the bar at ``slot`` into its chain, of which ``newest`` is the last; -1: it is the first of it."""
    after, before = -1, int(newest)
    while before >= 0 and rows[before].start_us > rows[slot].start_us:
        after, before = before, int(chain.before[before])
    chain.before[slot], chain.after[slot] = before, after
    if before >= 0:
        chain.after[before] = slot
    if after >= 0:
        chain.before[after] = slot


def chain_bars(chain: Chain, rows: BarStateRows) -> None:
    """Chain the first bars of a pool, BAR_STATE[n], all of which are in state."""
    order = np.lexsort((rows["start_us"], rows["interval"], rows["symbol"])).astype(np.int32)
    one, next_one = rows[order[:-1]], rows[order[1:]]
    joined = (one["symbol"] == next_one["symbol"]) & (one["interval"] == next_one["interval"])
    chain.after[order[:-1]] = np.where(joined, order[1:], -1)
    chain.before[order[1:]] = np.where(joined, order[:-1], -1)


@kernel
def unlink_bars(chain: Chain, rows: BarStateRows, sealed: Longs, closes: CloseRows) -> None:
    """The bars at the slots ``sealed`` are forgotten after this; no bar before them is left in state."""
    for i in range(sealed.shape[0]):
        slot = sealed[i]
        row = rows[slot]
        close = closes[row.symbol, row.interval]
        if row.start_us > close.start_us:
            close.start_us, close.version = row.start_us, row.version
            close.hi, close.lo = close_price(row)
            close.time_us = row.close_time_us
        if chain.after[slot] >= 0:
            chain.before[chain.after[slot]] = -1
        chain.before[slot], chain.after[slot] = -1, -1


@leaf_kernel
def open_at(row: BarRow, hi: Whole, lo: np.uint64, time_us: Whole, version: Whole) -> None:
    """Open a published bar at the close before it; ``time_us``, which becomes its ``from_us``, NEVER: there is none."""
    row.from_us = time_us
    if time_us == NEVER:
        return
    row.open_hi, row.open_lo = hi, lo
    if hi > row.high_hi or (hi == row.high_hi and lo > row.high_lo):
        row.high_hi, row.high_lo = hi, lo
    if hi < row.low_hi or (hi == row.low_hi and lo < row.low_lo):
        row.low_hi, row.low_lo = hi, lo
    row.version = max(row.version, version)


@kernel
def open_bars(chain: Chain, rows: BarStateRows, closes: CloseRows, slots: Longs, out: BarRows) -> None:
    """Open ``out`` (BAR[k]), the bars at ``slots``, at the closes before them; those of other venues stay as they
    are."""
    for i in range(slots.shape[0]):
        bar = rows[slots[i]]
        if bar.opens_alone:
            continue
        slot = chain.before[slots[i]]
        if slot >= 0:
            hi, lo = close_price(rows[slot])
            open_at(out[i], hi, lo, rows[slot].close_time_us, rows[slot].version)
        else:
            close = closes[bar.symbol, bar.interval]
            open_at(out[i], close.hi, close.lo, close.time_us, close.version)


def grown_closes(closes: CloseRows, symbols: int) -> CloseRows:
    """``closes`` with room for ``symbols``."""
    grown = np.zeros((symbols, len(INTERVALS)), CLOSE)
    grown["start_us"] = grown["time_us"] = NEVER
    grown[: len(closes)] = closes
    return grown
