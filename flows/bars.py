"""The file flow: recorded trades to bars without any server, for ``tapeflow bars``.

Reads trade files as one log in the order given, so that a symbol may span files; the same shard as in the live and
history flows makes the bars. Always read = applied + duplicate + late + rejected. A bar that the watermark hasn't
closed at the end comes out as not final, unless the input is said to be complete. Nothing is written here; the sinks
fill tables, which the caller writes once the flow has ended well.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.run import cli_main

from connectors.files.reader import TradeFile, open_files, read_trades
from connectors.values.column_plan import FileOptions
from core.bars.rules import Rules, unjudged_note
from core.bars.shard import Shard
from core.bars.validation import validate
from runtime.settings.records import RecordSettings
from runtime.settings.time import TimeSettings
from schemas.columns import BarBatch, TradeBatch
from schemas.errors import InputError
from schemas.intervals import INTERVALS
from schemas.rejects import Reject
from sinks.files import BarTable, RejectTable, TableSink

__all__ = ["Account", "FileLog", "build", "open_all", "read_valid", "rules_for_files", "run_bars"]

NAME: Final = "bars"
SHARD: Final = "0"
UNBOUNDED_US: Final = 10**17
"""A lateness of three thousand years: no trade of a file is too late."""


@dataclass(slots=True)
class Account:
    """What became of every record read. ``unjudged``: applied or late trades that may be duplicates, too little being
    remembered to tell. rounded: trades with a number that was rounded; unknown_sides: trades by the word of their side,
    where the word is unknown."""

    read: int = 0
    applied: int = 0
    duplicate: int = 0
    late: int = 0
    rejected: int = 0
    unjudged: int = 0
    rounded: int = 0
    unknown_sides: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.read} read = {self.applied} applied + {self.duplicate} duplicate"
            f" + {self.late} late + {self.rejected} rejected" + unjudged_note(self.unjudged)
        )


@dataclass
class FileLog:
    """Several files as one log: offsets run on from file to file. ``read`` gives batches from offset 0 on;
    ``trouble`` is what ended the reading early."""

    files: Sequence[TradeFile]
    read: Callable[[TradeFile], Iterable[TradeBatch]]
    trouble: InputError | None = None
    _starts: list[int] = field(default_factory=list)

    def batches(self) -> Iterator[TradeBatch]:
        """Every batch, its offsets and its rejects' offsets those of the log."""
        start = 0
        for file in self.files:
            self._starts.append(start)
            read = 0
            for batch in self.read(file):
                batch.rows["offset"] += start
                batch.rejects = [reject._replace(offset=reject.offset + start) for reject in batch.rejects]
                read = batch.next_offset
                batch.next_offset += start
                yield batch
            start += read

    def place(self, reject: Reject) -> tuple[str, int]:
        """File of a reject and its row there, counted from 1, the header not counted."""
        index = max(index for index, start in enumerate(self._starts) if start <= reject.offset)
        return self.files[index].name, reject.offset - self._starts[index] + 1


def open_all(texts: Iterable[str], options: FileOptions, settings: RecordSettings) -> list[TradeFile]:
    """Every trade file that the arguments name, their headers read. Raises InputError when one isn't one."""
    return [file for text in texts for file in open_files(text, options, settings.batch_records_max)]


def read_valid(file: TradeFile, settings: TimeSettings) -> Iterator[TradeBatch]:
    """Valid trades and rejects of one file, its rows from 0 on as offsets."""
    future_us = settings.future_ms * 1000
    return read_trades(file, lambda rows, text: validate(rows, text, future_us))


class FileSource(DynamicSource[TradeBatch]):
    """The log for one worker."""

    def __init__(self, log: FileLog) -> None:
        self._log = log

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_FilePart":  # noqa: ARG002
        return _FilePart(self._log)


class _FilePart(StatelessSourcePartition[TradeBatch]):
    def __init__(self, log: FileLog) -> None:
        self._log = log
        self._batches = log.batches()

    def next_batch(self) -> list[TradeBatch]:
        try:
            return [next(self._batches)]
        except InputError as error:
            # The engine would print a panic above it.
            self._log.trouble = error
            raise StopIteration from None


class FileStep(StatefulBatchLogic[TradeBatch, BarBatch, None]):
    """Applies batches to the one shard; ``complete`` closes at the end what is still open."""

    def __init__(self, rules: Rules, complete: bool, account: Account, progress: Callable[[int], None]) -> None:
        self._shard = Shard(rules)
        self._complete = complete
        self._account = account
        self._progress = progress

    def on_batch(self, values: list[TradeBatch]) -> tuple[list[BarBatch], bool]:
        account, finals = self._account, []
        for batch in values:
            done = self._shard.apply(batch)
            account.read += batch.read
            account.applied += done.applied
            account.duplicate += done.duplicate
            account.late += done.late
            account.rejected += len(batch.rejects)
            account.unjudged += done.unjudged
            account.rounded += batch.rounded
            account.unknown_sides.update(batch.unknown_sides)
            finals.append(self._shard.take_final())
        self._progress(account.read)
        return [bars for bars in finals if len(bars)], self.RETAIN

    def on_eof(self) -> tuple[list[BarBatch], bool]:
        bars = self._shard.open_bars()
        if self._complete:
            bars.rows["final"] = 1
        return [bars], self.RETAIN

    def snapshot(self) -> None:
        """Nothing to keep: a file is read again from its start."""


def build(
    log: FileLog,
    rules: Rules,
    bars: BarTable,
    rejects: RejectTable,
    *,
    complete: bool = False,
    account: Account | None = None,
    progress: Callable[[int], None] = lambda _read: None,
) -> Dataflow:
    """The flow for one worker. ``progress`` is told the records read so far."""
    step = FileStep(rules, complete, account or Account(), progress)
    flow = Dataflow(NAME)
    batches = op.input("read_files", flow, FileSource(log))
    keyed = op.key_on("key_by_log", batches, lambda _batch: SHARD)
    updates = op.stateful_batch("apply_trades", keyed, lambda _state: step)
    op.output("write_bars", op.key_rm("drop_key", updates), TableSink(bars.add))
    refused = op.flat_map("refuse", batches, lambda batch: batch.rejects)
    op.output("write_rejects", refused, TableSink(rejects.add))
    return flow


def run_bars(flow: Dataflow, log: FileLog) -> None:
    """Run ``log``'s flow to its end, in this process. Raises InputError when a file can't be read to its end, and what
    a step raised, perhaps wrapped by the engine."""
    cli_main(flow)
    if log.trouble is not None:
        raise log.trouble


def rules_for_files(rules: Rules, lateness_ms: int | None) -> Rules:
    """``rules`` with the given lateness for every interval, or with none at all: a file is bounded."""
    lateness_us = UNBOUNDED_US if lateness_ms is None else lateness_ms * 1000
    return replace(rules, lateness_us=(lateness_us,) * len(INTERVALS))
