"""Finds what is wrong with trades, in the order of the log: ids that are skipped, crossed quotes, prices that jump.

core.analytics.feed hands in batches and gets where each fault of a symbol began and where it was over. A fault goes on
while it is met again, and is over with the first trade that comes ``clear_us`` behind the last one that had it. All of
it is a function of the trades in their order, whatever the batch cut. A move is a ratio in double precision, no money:
IEEE's own operations give the same on every machine.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kernels.kernel import kernel
from kernels.wide import less128
from schemas.columns import NO_ID, Ints, TradeRows

__all__ = ["CROSSED", "EVENT", "FEED", "GAP", "JUMP", "KINDS", "find_faults"]

GAP: Final = 0
CROSSED: Final = 1
JUMP: Final = 2
KINDS: Final = 3
WEIGHT: Final = 64.0
"""A move counts for one part in so many of the mean of moves."""
FEED: Final = np.dtype(
    [
        ("highest_id", "i8"),
        ("moves", "i8"),
        ("price", "f8"),
        ("deviation", "f8"),
        ("last_us", "i8", (KINDS,)),
        ("exchange", "i4"),
        ("is_open", "u1", (KINDS,)),
        ("_pad", "u1"),
    ]
)
"""One symbol. highest_id: of the exchange whose id came first, NO_ID before. deviation: the mean of its moves, ratios.
last_us: event time of the last trade with a fault of a kind, or the greatest of them."""
EVENT: Final = np.dtype([("row", "i8"), ("kind", "i4"), ("symbol", "i4"), ("opens", "u1"), ("_pad", "u1", (7,))])
"""At trade ``row`` of a batch a fault of a symbol began, or was over."""
FeedRows = npt.NDArray[Any]
"""FEED[n]."""
EventRows = npt.NDArray[Any]
"""EVENT[n]."""
TWO_64: Final = 18446744073709551616.0


@kernel
def find_faults(
    trades: TradeRows,
    symbols: Ints,
    exchanges: Ints,
    feeds: FeedRows,
    wanted: npt.NDArray[np.uint8],
    clear_us: int,
    deviations: float,
    moves_min: int,
    events: EventRows,
) -> int:
    """How many of ``events`` are filled; there is room for KINDS a trade. wanted: uint8[KINDS], which kinds count.

    A price jumps that moves by more than so many ``deviations``, when ``moves_min`` moves were seen.
    """
    found = 0
    faults = np.zeros(KINDS, np.uint8)
    for i in range(trades.shape[0]):
        trade = trades[i]
        feed = feeds[symbols[i]]
        faults[:] = 0
        number = trade.trade_id_number
        if number != NO_ID and trade.trade_id_upper == 0:
            if feed.exchange == -1:
                feed.exchange = exchanges[i]
            if feed.exchange == exchanges[i]:
                faults[GAP] = feed.highest_id != NO_ID and number > feed.highest_id + 1
                feed.highest_id = max(feed.highest_id, number)
        if trade.has_bid != 0 and trade.has_ask != 0:
            bid_hi, ask_hi = np.uint64(trade.bid_hi), np.uint64(trade.ask_hi)
            faults[CROSSED] = less128(ask_hi, np.uint64(trade.ask_lo), bid_hi, np.uint64(trade.bid_lo))
        price = float(trade.price_hi) * TWO_64 + float(trade.price_lo)
        if feed.price > 0.0:
            move = abs(price - feed.price) / feed.price
            faults[JUMP] = feed.moves >= moves_min and move > deviations * feed.deviation
            feed.deviation = move if feed.moves == 0 else feed.deviation + (move - feed.deviation) / WEIGHT
            feed.moves += 1
        feed.price = price
        time_us = trade.event_time_us
        for kind in range(KINDS):
            if wanted[kind] == 0:
                continue
            opens = faults[kind] != 0 and feed.is_open[kind] == 0
            if faults[kind] != 0:
                feed.last_us[kind] = time_us if opens else max(feed.last_us[kind], time_us)
            if opens or (faults[kind] == 0 and feed.is_open[kind] != 0 and time_us - feed.last_us[kind] >= clear_us):
                feed.is_open[kind] = opens
                event = events[found]
                event.row = i
                event.kind = kind
                event.symbol = symbols[i]
                event.opens = opens
                found += 1
    return found
