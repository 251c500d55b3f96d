"""Bars of quotes by interval: open, high, low and close of bid and ask, and statistics of the spread, by its time.

The quotes flow holds one for each partition where the settings name intervals. A bar is of the quotes within it, those
that became their symbol's newest: each spread weighs until the next quote or the bar's end. It goes out when a later
quote of its symbol closed it, or the watermark or the clock passed its end; again, with a higher version, when its
symbol's quotes come behind the watermark. Percentiles come from counts of microseconds by bucket of the spread.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.analytics.sketch import buckets_of
from core.quotes.bars_kernel import CLOSED, NEXT_ID, SEGMENTS, BarTables, Told, fold_quotes
from kernels.decimal_text import from_limbs, from_pair
from schemas.columns import LENGTHS_US, ORIGINS_US, Bytes, Ints, Longs
from schemas.intervals import INTERVALS
from schemas.quotes import QUOTE_BAR, QuoteBar, QuoteBarRow, QuoteBarRows, QuoteBatch

__all__ = ["NEVER", "QuoteBars"]

NEVER: Final = -(2**62)
CLOSED_ROWS: Final = 4096
COMPACT_FROM: Final = 100_000
"""Segments that wait at least before they are added up."""


class QuoteBars:
    """``intervals``: indices into schemas.intervals.INTERVALS. ``counts``: int64[n, 3] of a bar's id, a bucket and
    microseconds, in their order; ``max_event_time_us``: of all quotes."""

    def __init__(self, intervals: Sequence[int], out_of_order_us: int) -> None:
        self.intervals = tuple(intervals)
        self.out_of_order_us = out_of_order_us
        self.bars: QuoteBarRows = np.zeros(0, QUOTE_BAR)
        self.next_id = 0
        self.max_event_time_us = NEVER
        self.counts: Longs = np.zeros((0, 3), np.int64)
        self._waiting: list[Longs] = []
        self._waiting_count = 0
        self._lengths_us = LENGTHS_US[list(self.intervals)]
        self._origins_us = ORIGINS_US[list(self.intervals)]
        self._closed: list[QuoteBarRows] = []

    def fold(self, batch: QuoteBatch, symbols: Ints, outcomes: Bytes, first_sequence: int, known: int) -> None:
        """Take the quotes of a batch in. symbols, outcomes: of its rows; known: how many symbols there are by now."""
        if not len(batch):
            return
        self.grow(known)
        told, done = Told(batch.rows, symbols, outcomes, first_sequence), 0
        while done < len(batch):
            segments = np.empty(((len(batch) - done) * len(self.intervals), 3), np.int64)
            closed = np.zeros(CLOSED_ROWS, QUOTE_BAR)
            registers = np.array([0, 0, self.next_id], np.int64)
            tables = BarTables(self.bars, closed, segments, registers, self._lengths_us, self._origins_us)
            done = fold_quotes(told, done, tables)
            self.next_id = int(registers[NEXT_ID])
            if registers[CLOSED]:
                self._closed.append(closed[: registers[CLOSED]].copy())
            self._wait(segments[: registers[SEGMENTS]])
        self.max_event_time_us = max(self.max_event_time_us, int(batch.rows["event_time_us"].max()))

    @property
    def watermark_us(self) -> int:
        return self.max_event_time_us - self.out_of_order_us

    def take_ended(self, symbols: Sequence[str], partition: int, until_us: int = NEVER) -> list[QuoteBar]:
        """Bars that ended by a later quote, the watermark or ``until_us``, as far as they weren't given as they are."""
        ended = np.flatnonzero(self._open() & (self._ends_us() <= max(self.watermark_us, until_us)))
        rows = np.concatenate([*self._closed, self.bars[ended]])
        self.bars["told"][ended] = 1
        self._closed.clear()
        if not len(rows):
            return []
        self._compact()
        found = [self._finished(row, symbols, partition) for row in rows]
        self._forget()
        return found

    def next_end_us(self) -> int | None:
        """When the next bar ends of those that are still to be given."""
        open_bars = self._open()
        return int(self._ends_us()[open_bars].min()) if open_bars.any() else None

    def compacted(self) -> Longs:
        """``counts`` with all that waits to be added up."""
        self._compact()
        return self.counts

    def grow(self, known: int) -> None:
        """Room for the bars of so many symbols."""
        size, held = known * len(self.intervals), len(self.bars)
        if size <= held:
            return
        bars = np.zeros(max(size, 2 * held), QUOTE_BAR)
        bars[:held] = self.bars
        bars["version"][held:] = -1
        bars["symbol"] = np.arange(len(bars)) // len(self.intervals)
        bars["interval"] = np.array(self.intervals)[np.arange(len(bars)) % len(self.intervals)]
        self.bars = bars

    def _open(self) -> Bytes:
        still: Bytes = (self.bars["version"] >= 0) & (self.bars["told"] == 0)
        return still

    def _ends_us(self) -> Longs:
        ends: Longs = self.bars["start_us"] + LENGTHS_US[self.bars["interval"]]
        return ends

    def _wait(self, segments: Longs) -> None:
        if len(segments):
            segments = segments.copy()
            segments[:, 1] = buckets_of(segments[:, 1])
            self._waiting.append(segments)
            self._waiting_count += len(segments)
        if self._waiting_count > max(COMPACT_FROM, 2 * len(self.counts)):
            self._compact()

    def _compact(self) -> None:
        if not self._waiting:
            return
        rows = np.concatenate([self.counts, *self._waiting])
        self._waiting.clear()
        self._waiting_count = 0
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        starts = np.flatnonzero(np.r_[True, (rows[1:, :2] != rows[:-1, :2]).any(axis=1)])
        self.counts = rows[starts]
        self.counts[:, 2] = np.add.reduceat(rows[:, 2], starts)

    def _forget(self) -> None:
        """Counts of bars that no quote can change any more."""
        live = np.isin(self.counts[:, 0], self.bars["id"][self.bars["version"] >= 0])
        self.counts = self.counts[live]

    def _finished(self, row: QuoteBarRow, symbols: Sequence[str], partition: int) -> QuoteBar:
        """With the weight of its last quote, which held until its end."""
        rest_us = int(row["start_us"]) + INTERVALS[row["interval"]].length_us - int(row["last_us"])
        low, high = np.searchsorted(self.counts[:, 0], (row["id"], row["id"] + 1))
        counts = {bucket: held_us for _, bucket, held_us in self.counts[low:high].tolist()}
        spread_us, crossed_us = int(row["spread_us"]), int(row["crossed_us"])
        spread_sum = from_limbs([int(row[f"sum{limb}"]) for limb in range(4)])
        if row["last_crossed"]:
            crossed_us += rest_us
        else:
            last = _pair(row, "last_spread")
            spread_us, spread_sum = spread_us + rest_us, spread_sum + last * rest_us
            bucket = int(buckets_of(np.array([min(last, 2**63 - 1)], np.int64))[0])
            counts[bucket] = counts.get(bucket, 0) + rest_us
        sides = {name: _pair(row, name) for name in QuoteBar.SIDES}
        return QuoteBar(
            symbol=symbols[row["symbol"]], interval=INTERVALS[row["interval"]].name, start_us=int(row["start_us"]),
            partition=partition, **sides, count=int(row["count"]), crossed=int(row["crossed"]),
            has_spread=bool(row["has_spread"]), spread_us=spread_us, crossed_us=crossed_us, spread_sum=spread_sum,
            spread=counts, version=int(row["version"]),
        )  # fmt: skip


def _pair(row: QuoteBarRow, name: str) -> int:
    return from_pair(int(row[f"{name}_hi"]), int(row[f"{name}_lo"]))
