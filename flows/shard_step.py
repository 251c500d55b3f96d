"""The stateful step of live and history: one Shard per partition, its clock for quiet markets, its recovery state.

Bytewax hands in TradeBatches of one partition; subclasses say what goes downstream. State moves by records alone; the
wall clock decides only when something is published. A bar is announced by the clock when the flow has read all there
is, nothing came for ``idle_close_ms``, and the bar's end is that long ago (docs/adr/0005-wall-clock-publishes.md). A
bar that the beginning of the log cut is never published as final (docs/adr/0009-final-means-whole.md); it is counted,
and logged once per partition. End of input publishes what changed but closes nothing, since a stop is not the end of a
bar.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import numpy as np
import structlog
from bytewax.operators import StatefulBatchLogic

from core.bars.rules import Rules
from core.bars.shard import Shard
from core.bars.shard_kernel import NEVER, OPEN_END, UNJUDGED
from core.bars.snapshot import restore, snapshot
from flows.batch_spans import applying
from flows.metrics import Account, FlowMetrics
from schemas.columns import BarBatch, TradeBatch
from schemas.errors import StateIncompatible

__all__ = ["Clock", "ShardStep", "utc_now"]

_log = structlog.get_logger()

CUT_AMID: Final = (
    "this read began amid the log",
    "read from earliest (TAPEFLOW_KAFKA_START, new recovery folder), or run `tapeflow replay`",
)
CUT_ANEW: Final = ("TAPEFLOW_SOURCE_EPOCH says that the log began anew", "none is needed: stores keep what they hold")

W = TypeVar("W")
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class ShardStep(StatefulBatchLogic[TradeBatch, W, bytes]):
    """Applies batches to a shard. ``clock`` gives an aware UTC time."""

    def __init__(
        self, rules: Rules, idle_close_ms: int, metrics: FlowMetrics, state: bytes | None, clock: Clock = utc_now
    ) -> None:
        self.shard = Shard(rules) if state is None else restore(state, rules)
        self.partition = -1
        self.metrics = metrics
        self.clock = clock
        self.resumed = state is not None
        self._idle_close = timedelta(milliseconds=idle_close_ms)
        self._last_batch_at: datetime | None = None
        self._end_us: int | None = None
        self._cut_said = False
        self._placed = 0

    @abstractmethod
    def publish(self, batch: TradeBatch | None, finals: BarBatch) -> Iterable[W]:
        """What goes downstream after ``batch`` (None: the clock alone) closed or revised ``finals``."""

    def wake_at(self) -> datetime | None:
        """When this step wants on_notify for its own sake."""
        return None

    def on_wake(self) -> Iterable[W]:
        """What goes downstream when the time of wake_at has come."""
        return ()

    def on_batch(self, values: list[TradeBatch]) -> tuple[Iterable[W], bool]:
        out: list[W] = []
        for batch in values:
            with applying(batch):
                out.extend(self._apply(batch))
        self._end_us = None
        self._last_batch_at = self.clock() if values[-1].caught_up else None
        return out, self.RETAIN

    def _apply(self, batch: TradeBatch) -> Iterable[W]:
        self.partition = batch.partition
        self._check_order(batch)
        done = self.shard.apply(batch)
        self._place_new_symbols()
        self.metrics.count_batch(batch, done.applied, done.duplicate, done.late)
        if done.unjudged:
            self.metrics.count_unjudged(batch.partition, done.unjudged)
        if done.late:
            self.metrics.count_late(done.refused)
        return self.publish(batch, self._counted(self.shard.take_final()))

    def on_notify(self) -> tuple[Iterable[W], bool]:
        now = self.clock()
        out = list(self.on_wake())
        if self._end_us is None and self._last_batch_at is not None and now >= self._last_batch_at + self._idle_close:
            self._end_us = self.shard.next_end_us()
        close_at = self._close_at()
        if close_at is not None and now >= close_at:
            announced = self._counted(self.shard.announce(microseconds(now - self._idle_close)))
            self._end_us = self.shard.next_end_us()
            if len(announced):
                out.extend(self.publish(None, announced))
        return out, self.RETAIN

    def notify_at(self) -> datetime | None:
        times = [time for time in (self.wake_at(), self._close_at()) if time is not None]
        return min(times, default=None)

    def snapshot(self) -> bytes:
        return snapshot(self.shard)

    def whole(self, bars: BarBatch) -> BarBatch:
        """Without those that a log which began later may have cut: stores may hold them whole.

        Why: docs/adr/0009-final-means-whole.md.
        """
        if self.shard.left_edge_us == NEVER or not len(bars):
            return bars
        return replace(bars, rows=bars.rows[bars.rows["from_us"] > self.shard.left_edge_us])

    def account(self) -> Account:
        shard = self.shard
        applied, duplicate, late = shard.counts[:3].tolist()
        return Account(
            self.partition, len(shard.symbols), shard.read, applied, duplicate, late, shard.rejected,
            int(shard.counts[UNJUDGED]),
        )  # fmt: skip

    def _place_new_symbols(self) -> None:
        names = self.shard.symbols.names
        if len(names) > self._placed:
            self.metrics.place_symbols(self.partition, names[self._placed :])
            self._placed = len(names)

    def _counted(self, bars: BarBatch) -> BarBatch:
        """The bars that are whole, counted as published; bars that the log's beginning cut are counted and logged."""
        if not len(bars):
            return bars
        finals = self.whole(replace(bars, partition=self.partition))
        self.metrics.count_finals(finals)
        if cut := len(bars) - len(finals):
            self.metrics.count_cut(self.partition, cut)
            if not self._cut_said:
                self._cut_said = True
                why, mend = CUT_AMID if self.shard.first_offset > 0 else CUT_ANEW
                _log.warning(
                    "bars_cut",
                    why=f"{why}, and they may lack trades before it: they are not published",
                    flow=self.metrics.flow,
                    partition=self.partition,
                    bars_that_start_up_to=time_text(self.shard.left_edge_us),
                    mend=mend,
                )
        return finals

    def _check_order(self, batch: TradeBatch) -> None:
        # Source and shard are kept in one epoch. If they ever disagree, a second count would be silent: stop instead.
        if len(batch) and int(batch.rows["offset"][0]) < self.shard.next_offset:
            raise StateIncompatible(
                f"the recovery state of partition {batch.partition} has applied offsets below {self.shard.next_offset}"
                f" and its source starts at {int(batch.rows['offset'][0])}",
                where="TAPEFLOW_RECOVERY_DIR",
                mend="move the folder away and start again; the state is rebuilt from Kafka",
            )

    def _close_at(self) -> datetime | None:
        """When the next open bar of a quiet partition is to be announced, or looked for: most batches have another
        behind them before that, and looking costs more than they do."""
        if self._last_batch_at is None or self._end_us == OPEN_END:
            return None
        if self._end_us is None:
            return self._last_batch_at + self._idle_close
        end = datetime.fromtimestamp(self._end_us // 1_000_000, UTC)
        return max(end, self._last_batch_at) + self._idle_close


def time_text(time_us: int) -> str:
    """ISO 8601 in UTC, also of a time past the year 9999, which a record's timestamp in a wrong unit gives."""
    return f"{np.datetime64(time_us, 'us')}Z"


def microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)
