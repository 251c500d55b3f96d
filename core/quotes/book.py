"""The newest quote of each symbol of one partition, its bars, and the step that moves them: quotes in, changes out.

The quotes flow holds one QuoteBook per partition. Everything is a function of the records applied, in their order,
however they are cut into batches. ``sequence`` of a state is that of its record: a later state of a symbol has a higher
one, since only a later record can take an earlier one's place.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from core.quotes.bars import NEVER, QuoteBars
from core.quotes.book_kernel import APPLIED, CROSSED, OUTCOMES, OUTDATED, apply_quotes
from kernels.names import NameTable
from schemas.contract import first_sequence
from schemas.quotes import QUOTE_STATE, QuoteBar, QuoteBatch, QuoteRows, QuoteStates

__all__ = ["QuoteBook", "QuoteOutcomes", "QuoteRules"]

FIRST_ROWS: Final = 256


class QuoteOutcomes(NamedTuple):
    """Of quotes: read = applied + crossed + outdated + rejected."""

    applied: int
    crossed: int
    outdated: int


@dataclass(frozen=True, slots=True)
class QuoteRules:
    """The settings that decide what a quote does. intervals: of bars, indices into schemas.intervals.INTERVALS.

    out_of_order_us: how far the watermark, which ends bars, stays behind the newest quote of the partition.
    """

    source_epoch: int = 0
    intervals: tuple[int, ...] = ()
    out_of_order_us: int = 5_000_000


class QuoteBook:
    """``outcomes`` since the book was new; ``read`` and ``rejected`` likewise, as the batches say.

    bars: None where there are none; see QuoteRules.
    """

    def __init__(self, rules: QuoteRules, partition: int = -1) -> None:
        self.rules = rules
        self.partition = partition
        self.bars = QuoteBars(rules.intervals, rules.out_of_order_us) if rules.intervals else None
        self.symbols = NameTable()
        self.exchanges = NameTable()
        self.states: QuoteRows = np.zeros(0, QUOTE_STATE)
        self.counts = np.zeros(OUTCOMES, np.int64)
        self.next_offset = 0
        self.read = 0
        self.rejected = 0

    @property
    def outcomes(self) -> QuoteOutcomes:
        return QuoteOutcomes(*(int(self.counts[each]) for each in (APPLIED, CROSSED, OUTDATED)))

    def apply(self, batch: QuoteBatch) -> QuoteOutcomes:
        """Apply the batch's quotes in order; what became of them."""
        rows, before = batch.rows, self.counts.copy()
        self.partition = batch.partition
        symbols = self.symbols.intern(batch.text, rows["symbol_at"], rows["symbol_len"])
        exchanges = self.exchanges.intern(batch.text, rows["exchange_at"], rows["exchange_len"])
        self.grow()
        first, outcomes = first_sequence(self.rules.source_epoch), np.empty(len(rows), np.uint8)
        apply_quotes(rows, symbols, exchanges, self.states, first, self.counts, outcomes)
        if self.bars is not None:
            self.bars.fold(batch, symbols, outcomes, first, len(self.symbols))
        self.next_offset = max(self.next_offset, batch.next_offset)
        self.read += batch.read
        self.rejected += len(batch.rejects)
        return QuoteOutcomes(*(self.counts - before).tolist())

    @property
    def changed(self) -> bool:
        return bool(self.states["touched"].any())

    def take_changed(self) -> QuoteStates:
        """The states that changed since they were taken last."""
        touched = np.flatnonzero(self.states["touched"])
        rows = self.states[touched]
        self.states["touched"][touched] = 0
        return QuoteStates(self.partition, self.symbols.names, self.exchanges.names, rows)

    def take_bars(self, until_us: int = NEVER) -> list[QuoteBar]:
        """Bars that ended, in their newest state, each once; ``until_us``: so far the clock says that they have."""
        return [] if self.bars is None else self.bars.take_ended(self.symbols.names, self.partition, until_us)

    def next_end_us(self) -> int | None:
        return None if self.bars is None else self.bars.next_end_us()

    def touch_all(self) -> None:
        """Every state goes out again: versions tell what is new to a store."""
        self.states["touched"] = self.states["sequence"] >= 0

    def grow(self) -> None:
        """Room for every symbol that has a number."""
        known = len(self.states)
        if len(self.symbols) <= known:
            return
        states = np.zeros(max(FIRST_ROWS, 2 * known, len(self.symbols)), QUOTE_STATE)
        states[:known] = self.states
        states["sequence"][known:] = -1
        states["symbol"] = np.arange(len(states))
        self.states = states
