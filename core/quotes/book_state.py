"""A QuoteBook as bytes for recovery, and back: equal books give equal bytes.

flows.quotes_step keeps them at each epoch. Bytes of another version, or of a later source epoch, are a
StateIncompatible, since quotes can't be guessed; the state is rebuilt from Kafka then.
"""

from typing import Any, Final

import msgspec
import numpy as np

from core.quotes.bars import NEVER
from core.quotes.book import QuoteBook, QuoteRules
from kernels.names import NameTable
from schemas.errors import StateIncompatible
from schemas.intervals import INTERVALS
from schemas.quotes import QUOTE_BAR, QUOTE_STATE

__all__ = ["restore_book", "snapshot_book"]

VERSION: Final = 1


class Frozen(msgspec.Struct, array_like=True):
    """The envelope."""

    version: int
    partition: int
    source_epoch: int
    next_offset: int
    read: int
    rejected: int
    counts: list[int]
    symbols: list[str]
    exchanges: list[str]
    states: bytes
    intervals: list[str]
    bars: bytes = b""
    counts_by_bucket: bytes = b""
    next_id: int = 0
    max_event_time_us: int = NEVER


def snapshot_book(book: QuoteBook) -> bytes:
    known, bars = book.states[: len(book.symbols)], book.bars
    of_bars: tuple[Any, ...] = ()
    if bars is not None:
        held = bars.bars[: len(book.symbols) * len(bars.intervals)]
        of_bars = held.tobytes(), bars.compacted().tobytes(), bars.next_id, bars.max_event_time_us
    return msgspec.msgpack.encode(
        Frozen(
            VERSION, book.partition, book.rules.source_epoch, book.next_offset, book.read, book.rejected,
            book.counts.tolist(), book.symbols.names, book.exchanges.names, known.tobytes(),
            _names(book.rules), *of_bars,
        )
    )  # fmt: skip


def restore_book(state: bytes, rules: QuoteRules) -> QuoteBook:
    """Raises StateIncompatible for what another version wrote, or a later source epoch.

    Bars begin anew where the intervals were others before: their quotes are gone.
    """
    try:
        frozen = msgspec.msgpack.decode(state, type=Frozen)
    except msgspec.DecodeError as error:
        raise _incompatible(str(error)) from error
    if frozen.version != VERSION:
        raise _incompatible(f"version {frozen.version}, this program reads {VERSION}")
    if rules.source_epoch < frozen.source_epoch:
        raise _incompatible(f"it has source_epoch {frozen.source_epoch}, the settings say {rules.source_epoch}")
    book = QuoteBook(rules, frozen.partition)
    book.symbols, book.exchanges = NameTable(frozen.symbols), NameTable(frozen.exchanges)
    book.next_offset = frozen.next_offset
    book.read, book.rejected, book.counts[:] = frozen.read, frozen.rejected, frozen.counts
    book.grow()
    book.states[: len(book.symbols)] = np.frombuffer(frozen.states, QUOTE_STATE)
    bars = book.bars
    if bars is not None and frozen.intervals == _names(rules):
        bars.grow(len(book.symbols))
        held = np.frombuffer(frozen.bars, QUOTE_BAR)
        bars.bars[: len(held)] = held
        bars.counts = np.frombuffer(frozen.counts_by_bucket, np.int64).reshape(-1, 3)
        bars.next_id, bars.max_event_time_us = frozen.next_id, frozen.max_event_time_us
    return book


def _names(rules: QuoteRules) -> list[str]:
    return [INTERVALS[index].name for index in rules.intervals]


def _incompatible(why: str) -> StateIncompatible:
    return StateIncompatible(
        f"the recovery state of quotes can't be used: {why}",
        where="TAPEFLOW_RECOVERY_DIR",
        mend="move the folder away and start again; the state is rebuilt from Kafka",
    )
