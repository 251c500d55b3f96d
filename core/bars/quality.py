"""What is wrong with a partition's trades, counted per symbol: order, ids, clocks.

History and ``tapeflow quality`` hand in the same batches as the shard gets, after it has set each trade's outcome.
Nothing here decides anything. A figure is a function of the trades seen since it was made, however they are cut into
batches. Depth of disorder is measured against the newest trade of the whole partition, not of the symbol: that trade
moves the watermark, so this is what the out-of-order bound has to cover.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from core.bars.shard_kernel import NEVER
from kernels.kernel import kernel
from schemas.columns import DUPLICATE, LATE, NO_ID, NO_TIMESTAMP, Ints, TradeBatch, TradeRows, Words

__all__ = ["SYMBOL_QUALITY", "Quality", "SymbolFigures"]

DEPTHS: Final = 24
"""Depth bucket b counts trades that came 2**(b-1) to 2**b ms (the first: under 1 ms) behind; the last: all deeper."""
WINDOW_IDS: Final = 1024
WORDS: Final = WINDOW_IDS // 64

SYMBOL_QUALITY: Final = np.dtype(
    [
        ("trades", "i8"),
        ("newest_us", "i8"),
        ("highest_id", "i8"),
        ("exchange", "i4"),
        ("duplicates", "i8"),
        ("gaps", "i8"),
        ("missing_ids", "i8"),
        ("late", "i8"),
        ("future", "i8"),
        ("future_max_us", "i8"),
        ("out_of_order", "i8"),
        ("out_of_order_max_us", "i8"),
        ("depths", "i8", (DEPTHS,)),
    ]
)
"""One symbol. newest_us: its greatest event time. gaps: how often ids jumped; missing_ids: ids skipped and not seen
since. future: trades ahead of their record's timestamp, which were within the bound. Ids repeat or fill a gap only
within the last 1,024 of the exchange whose id came first; older ones say nothing, and so do those of other exchanges,
which count for themselves. exchange: which one that is, -1 none yet."""

QualityRows = npt.NDArray[Any]
"""SYMBOL_QUALITY[n]."""


class SymbolFigures(NamedTuple):
    """One symbol, or a whole partition, in the units of their names. p99: an upper bound, a power of two."""

    trades: int
    out_of_order: int
    out_of_order_max_ms: float
    out_of_order_p99_ms: int
    late: int
    duplicates: int
    gaps: int
    missing_ids: int
    future: int
    future_max_ms: float
    newest_us: int


class Quality:
    """Figures of one partition. Row i of ``rows`` belongs to the shard's symbol i."""

    def __init__(self) -> None:
        self.rows = np.zeros(0, SYMBOL_QUALITY)
        self._seen = np.zeros((0, WORDS), np.uint64)
        self._newest_us = NEVER

    def observe(self, batch: TradeBatch, symbols: Ints, exchanges: Ints, symbol_count: int) -> None:
        """Count a batch whose outcomes are set. symbols, exchanges: int32[n], the shard's indices of each trade's."""
        if symbol_count > len(self.rows):
            self._grow(symbol_count)
        self._newest_us = observe_trades(batch.rows, symbols, exchanges, self.rows, self._seen, self._newest_us)

    def figures(self, index: int) -> SymbolFigures:
        """Of one symbol."""
        return figures_of(self.rows[index : index + 1])

    def total(self) -> SymbolFigures:
        """Of the partition."""
        return figures_of(self.rows)

    def _grow(self, count: int) -> None:
        # With room to spare, as symbols arrive one by one.
        fresh = np.zeros(max(count - len(self.rows), len(self.rows) // 2), SYMBOL_QUALITY)
        fresh["highest_id"] = NO_ID
        fresh["exchange"] = -1
        fresh["newest_us"] = NEVER
        self.rows = np.concatenate([self.rows, fresh])
        self._seen = np.concatenate([self._seen, np.zeros((len(fresh), WORDS), np.uint64)])


def figures_of(rows: QualityRows) -> SymbolFigures:
    trades, depths = int(rows["trades"].sum()), rows["depths"].sum(axis=0)
    in_time = trades - int(depths.sum())
    reached = np.flatnonzero(in_time + np.cumsum(depths) >= np.ceil(trades * 0.99))
    is_deep = in_time < trades * 0.99
    return SymbolFigures(
        trades=trades,
        out_of_order=int(rows["out_of_order"].sum()),
        out_of_order_max_ms=int(rows["out_of_order_max_us"].max(initial=0)) / 1000,
        out_of_order_p99_ms=1 << int(reached[0]) if is_deep else 0,
        late=int(rows["late"].sum()),
        duplicates=int(rows["duplicates"].sum()),
        gaps=int(rows["gaps"].sum()),
        missing_ids=int(rows["missing_ids"].sum()),
        future=int(rows["future"].sum()),
        future_max_ms=int(rows["future_max_us"].max(initial=0)) / 1000,
        newest_us=int(rows["newest_us"].max(initial=NEVER)),
    )


@kernel
def observe_trades(
    trades: TradeRows, symbols: Ints, exchanges: Ints, figures: QualityRows, seen: Words, newest_us: int
) -> int:
    """Returns the greatest event time so far. Duplicates that the shard dropped are counted and nothing else."""
    for i in range(trades.shape[0]):
        trade = trades[i]
        row = figures[symbols[i]]
        row.trades += 1
        time = trade.event_time_us
        number = trade.trade_id_number
        is_repeated = trade.outcome == DUPLICATE
        if number != NO_ID and row.exchange == -1:
            row.exchange = exchanges[i]
        if number != NO_ID and trade.trade_id_upper == 0 and row.exchange == exchanges[i]:
            highest = row.highest_id
            word, bit = (number % WINDOW_IDS) >> 6, np.uint64(1) << np.uint64(number & 63)
            bits = seen[symbols[i]]
            if number > highest:
                skipped = number - highest - 1
                if highest >= 0 and skipped > 0:
                    row.gaps += 1
                    row.missing_ids += skipped
                if highest < 0 or skipped >= WINDOW_IDS:
                    bits[:] = np.uint64(0)
                else:
                    for old in range(highest + 1, number):
                        bits[(old % WINDOW_IDS) >> 6] &= ~(np.uint64(1) << np.uint64(old & 63))
                bits[word] |= bit
                row.highest_id = number
            elif number > highest - WINDOW_IDS:
                if bits[word] & bit != np.uint64(0):
                    is_repeated = True
                else:
                    bits[word] |= bit
                    # Ids below the first one seen were never counted as missing.
                    row.missing_ids = max(row.missing_ids - 1, 0)
        if is_repeated:
            row.duplicates += 1
        if trade.outcome == DUPLICATE:
            continue
        if trade.outcome == LATE:
            row.late += 1
        if trade.timestamp_ms != NO_TIMESTAMP and time > trade.timestamp_ms * 1000 + 999:
            row.future += 1
            row.future_max_us = max(row.future_max_us, time - trade.timestamp_ms * 1000)
        if time < newest_us:
            depth_us = newest_us - time
            row.out_of_order += 1
            row.out_of_order_max_us = max(row.out_of_order_max_us, depth_us)
            depth_ms, bucket = depth_us // 1000, 0
            while depth_ms > 0 and bucket < DEPTHS - 1:
                depth_ms >>= 1
                bucket += 1
            row.depths[bucket] += 1
        else:
            newest_us = time
        row.newest_us = max(row.newest_us, time)
    return newest_us
