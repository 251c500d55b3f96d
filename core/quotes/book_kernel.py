"""The compiled loop of core.quotes.book: quotes of a partition, in their order, onto the newest quote of each symbol.

A quote becomes the state of its symbol unless a later event time was seen for that symbol; of two with equal times the
later record is newer. Every outcome is counted, and nothing depends on where a batch was cut.
"""

from typing import Final

import numpy as np

from kernels.kernel import kernel
from kernels.wide import less128
from schemas.columns import Bytes, Ints, Longs
from schemas.quotes import QuoteRows

__all__ = ["APPLIED", "CROSSED", "OUTCOMES", "OUTDATED", "apply_quotes"]

APPLIED: Final = 0
CROSSED: Final = 1
OUTDATED: Final = 2
OUTCOMES: Final = 3
"""How many outcomes there are: applied; applied too, but its bid is above its ask; older than its symbol's newest."""


@kernel
def apply_quotes(
    rows: QuoteRows,
    symbols: Ints,
    exchanges: Ints,
    states: QuoteRows,
    first_sequence: int,
    counts: Longs,
    outcomes: Bytes,
) -> None:
    """QUOTE rows onto QUOTE_STATE rows by symbol; ``outcomes`` gets that of each row, ``counts`` how many of each."""
    for index in range(len(rows)):
        row = rows[index]
        state = states[symbols[index]]
        if state.sequence >= 0 and row.event_time_us < state.event_time_us:
            outcomes[index] = OUTDATED
            counts[OUTDATED] += 1
            continue
        crossed = less128(np.uint64(row.ask_hi), row.ask_lo, np.uint64(row.bid_hi), row.bid_lo)
        outcomes[index] = CROSSED if crossed else APPLIED
        counts[outcomes[index]] += 1
        state.sequence = first_sequence + row.offset
        state.event_time_us = row.event_time_us
        state.timestamp_ms = row.timestamp_ms
        state.bid_hi, state.bid_lo = row.bid_hi, row.bid_lo
        state.ask_hi, state.ask_lo = row.ask_hi, row.ask_lo
        state.bid_size_hi, state.bid_size_lo = row.bid_size_hi, row.bid_size_lo
        state.ask_size_hi, state.ask_size_lo = row.ask_size_hi, row.ask_size_lo
        state.exchange = exchanges[index]
        state.crossed = 1 if crossed else 0
        state.touched = 1
