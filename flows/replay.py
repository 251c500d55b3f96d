"""The replay flow: a range of the trades topic to the same bars as live, once more, with late trades folded in.

``tapeflow replay`` plans it and runs it beside live and history. The bars are those of the same shard under the same
rules, so they carry the same versions, and stores keep one row of both. A bar that the range cuts, or that nothing in
it closes, isn't written. The end of the input folds late trades in; a stop doesn't, and the next run goes on. Nothing
waits for late trades. Sealed bars leave memory for a file, and the few that a late trade touches are read back at the
end, so memory and speed don't depend on the range's length.
"""

import time
from pathlib import Path
from typing import Final

import bytewax.operators as op
import msgspec
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic

from connectors.kafka.options import Position
from core.bars.bar_state import BAR_STATE, BarStateRows
from core.bars.repair import LATE_TRADE, LateRows, RepairShard, fold_late
from core.bars.rules import Rules
from core.bars.snapshot import restore, snapshot
from flows.batch_spans import applying
from flows.reading import partition_key, rules_of, trades_source
from flows.replay_plan import Plan, load_plan
from flows.replay_progress import PartitionProgress, write_progress
from flows.starting import start_flow
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.columns import (
    LENGTHS_US,
    BarBatch,
    BarRows,
    Mask,
    TradeBatch,
)
from schemas.errors import StateIncompatible
from schemas.intervals import INTERVALS
from sinks.clickhouse.sink import ClickHouseBarsSink
from sinks.spool import BarSpoolSink, RowSpool

__all__ = ["ReplayStep", "build"]

NAME: Final = "replay"
TELL_EVERY_S: Final = 0.2


class ReplayState(msgspec.Struct, array_like=True):
    """What recovery keeps of a partition: the shard, how long its files are, what was counted."""

    shard: bytes
    sealed: int
    late: int
    progress: PartitionProgress


class ReplayStep(StatefulBatchLogic[TradeBatch, BarBatch, bytes]):
    """One partition. Files in ``folder`` hold what left the shard's memory."""

    def __init__(self, plan: Plan, rules: Rules, folder: Path, stop: StopSignal, state: bytes | None) -> None:
        self._plan, self._rules, self._folder, self._stop = plan, rules, folder, stop
        self._wanted = np.zeros(len(INTERVALS), bool)
        self._wanted[plan.intervals] = True
        self._chosen = np.zeros(0, bool)
        self._told_s = 0.0
        self._sealed: RowSpool | None = None
        self._late: RowSpool | None = None
        if state is None:
            self._shard = RepairShard(rules)
            self._progress = PartitionProgress(-1, 0)
        else:
            try:
                kept = msgspec.msgpack.decode(state, type=ReplayState)
            except msgspec.DecodeError as error:
                raise StateIncompatible(
                    f"the state of this replay can't be read: {error}",
                    where=str(folder),
                    mend="remove the folder and start again",
                ) from error
            self._shard, self._progress = restore(kept.shard, rules, RepairShard), kept.progress
            self._open(kept.sealed, kept.late)

    def on_batch(self, values: list[TradeBatch]) -> tuple[list[BarBatch], bool]:
        out: list[BarBatch] = []
        for batch in values:
            with applying(batch):
                out.extend(self._apply(batch))
        if time.monotonic() - self._told_s >= TELL_EVERY_S:
            self._tell()
        return out, self.RETAIN

    def _apply(self, batch: TradeBatch) -> list[BarBatch]:
        progress, shard = self._progress, self._shard
        if self._sealed is None or self._late is None:
            progress.partition = batch.partition
            self._open(0, 0)
        done = shard.apply(batch)
        progress.read += batch.read
        progress.applied += done.applied
        progress.duplicate += done.duplicate
        progress.late += done.late
        progress.rejected += len(batch.rejects)
        progress.unjudged += done.unjudged
        progress.next_offset = batch.next_offset
        bars = self._whole(shard.take_final().rows)
        self._keep(shard.take_sealed(), shard.take_late())
        return bars

    def on_eof(self) -> tuple[list[BarBatch], bool]:
        if self._stop.is_set() or self._late is None or self._sealed is None:
            return [], self.RETAIN
        out: list[BarBatch] = []
        if self._plan.fold_late and not self._progress.done:
            late = np.concatenate([np.zeros(0, LATE_TRADE), *self._late.pieces()])
            for rows in fold_late(late, self._sealed.pieces, self._rules, kept_ids=self._shard.long_ids.kept):
                repaired = self._whole(rows)
                self._progress.repaired += sum(map(len, repaired))
                out.extend(repaired)
        still_open = self._whole(self._shard.open_bars().rows, count=False)
        self._progress.open = sum(map(len, still_open))
        names = self._shard.symbols.names
        self._progress.symbols = int(np.count_nonzero(self._of_chosen_symbols())) if self._plan.symbols else len(names)
        if not self._plan.table:
            out.extend(still_open)  # a comparison needs them, marked as not final
        self._tell(done=True)
        return out, self.RETAIN

    def snapshot(self) -> bytes:
        assert self._sealed is not None
        assert self._late is not None
        state = ReplayState(snapshot(self._shard), self._sealed.length(), self._late.length(), self._progress)
        return msgspec.msgpack.encode(state)

    def _open(self, sealed: int, late: int) -> None:
        partition = self._progress.partition
        self._sealed = RowSpool(self._folder / f"sealed-{partition}.rows", BAR_STATE, sealed)
        self._late = RowSpool(self._folder / f"late-{partition}.rows", LATE_TRADE, late)

    def _keep(self, sealed: BarStateRows, late: LateRows) -> None:
        if not self._plan.fold_late:
            return
        assert self._sealed is not None
        assert self._late is not None
        if len(sealed):
            # Where bars open at the close before them, one that begins before the range may be needed for that.
            kept = self._wanted[sealed["interval"]] if self._rules.is_chained else self._in_range(sealed, "start_us")
            self._sealed.append(sealed[kept])
        self._late.append(late)

    def _in_range(self, bars: BarRows | BarStateRows, since: str) -> Mask:
        """Which bars are asked for and lie within the range's edges; ``since``: the column of when they begin to be
        decided."""
        intervals, whole_from_us = bars["interval"], self._plan.whole_from_us[self._progress.partition]
        ends_us = bars["start_us"] + LENGTHS_US[intervals]
        kept: Mask = self._wanted[intervals] & (bars[since] >= whole_from_us) & (ends_us <= self._plan.ends_us_max)
        return kept

    def _whole(self, rows: BarRows, count: bool = True) -> list[BarBatch]:
        """The chosen bars among ``rows`` that the range holds wholly, at most one batch."""
        if not len(rows):
            return []
        kept = self._in_range(rows, "from_us")
        if self._plan.symbols:
            kept &= self._of_chosen_symbols()[rows["symbol"]]
        if count:
            whole_from_us = self._plan.whole_from_us[self._progress.partition]
            self._progress.cut += int(
                np.count_nonzero(self._wanted[rows["interval"]] & (rows["from_us"] < whole_from_us))
            )
            self._progress.bars += int(np.count_nonzero(kept))
        bars = BarBatch(self._shard.symbols.names, rows[kept], self._progress.partition)
        return [bars] if kept.any() else []

    def _of_chosen_symbols(self) -> Mask:
        names = self._shard.symbols.names
        if len(self._chosen) < len(names):
            self._chosen = np.isin(np.array(names), self._plan.symbols)
        return self._chosen

    def _tell(self, done: bool = False) -> None:
        self._told_s = time.monotonic()
        self._progress.done = done
        write_progress(self._folder, self._progress)


def holds_records(batch: TradeBatch) -> bool:
    return batch.read > 0


def build(settings: Settings | None = None, stop: StopSignal | None = None) -> Dataflow:
    """The flow of the plan in ``settings.recovery_dir``. Raises TapeflowError, one line."""
    settings, stop = start_flow(settings, stop)
    folder, rules = settings.recovery_dir, rules_of(settings)
    plan, kept_stop = load_plan(folder), stop
    start = Position("offsets", offsets={partition: first for partition, (first, _) in plan.ranges.items()})
    end = Position("offsets", offsets={partition: last for partition, (_, last) in plan.ranges.items()})
    source = trades_source(settings.model_copy(update={"kafka_start": str(start)}), stop, end)
    flow = Dataflow(NAME)
    batches = op.input("read_trades", flow, source)
    keyed = op.key_on("key_by_partition", op.filter("hold_records", batches, holds_records), partition_key)
    bars = op.stateful_batch("apply_trades", keyed, lambda state: ReplayStep(plan, rules, folder, kept_stop, state))
    if plan.table:
        database, _, table = plan.table.rpartition(".")
        op.output(
            "write_bars",
            bars,
            ClickHouseBarsSink(
                settings.clickhouse_dsn,
                database,
                plan.partitions,
                table=table,
                rows_max=settings.insert_rows_max,
                stop=stop,
            ),
        )
    else:
        op.output("gather_bars", bars, BarSpoolSink(folder, plan.partitions))
    return flow
