"""The stateful step of the analytics flow: one desk of core.analytics per partition, its clock, its recovery state.

Bytewax hands in DeskBatches of one partition; what comes out goes to sinks by way of DeskUpdates. State moves by
records alone. The clock announces windows that ended while nothing came, when the flow has read all there is and
``idle_close_ms`` have passed (docs/adr/0005-wall-clock-publishes.md); a replay never does.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from bytewax.operators import StatefulBatchLogic

from core.analytics.output import DeskOutput
from flows.analytics_metrics import DeskMetrics
from flows.batch_spans import applying
from flows.shard_step import microseconds, utc_now
from schemas.columns import TradeBatch
from schemas.desk import DeskBatch
from schemas.errors import StateIncompatible

__all__ = ["Batch", "Desk", "DeskStep", "DeskUpdate"]

Batch = DeskBatch | TradeBatch


class Desk(Protocol):
    """Such as RoutingDesk, of batches of its own kind."""

    next_offset: int

    def apply(self, batch: Any) -> DeskOutput[Any]: ...

    def announce(self, until_us: int) -> DeskOutput[Any]: ...

    def next_end_us(self) -> int | None: ...


class DeskUpdate(NamedTuple):
    """batch: what was read, None when only the clock spoke. output: what came of it."""

    batch: Batch | None
    output: DeskOutput[Any]


class DeskStep(StatefulBatchLogic[Batch, DeskUpdate, bytes]):
    """``keep`` makes bytes of the desk. ``clock`` gives an aware UTC time."""

    def __init__(
        self,
        desk: Desk,
        keep: Callable[[Any], bytes],
        idle_close_ms: int,
        metrics: DeskMetrics,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.desk = desk
        self._keep = keep
        self._metrics = metrics
        self._clock = clock
        self._idle_close = timedelta(milliseconds=idle_close_ms)
        self._last_batch_at: datetime | None = None

    def on_batch(self, values: list[Batch]) -> tuple[Iterable[DeskUpdate], bool]:
        out: list[DeskUpdate] = []
        for batch in values:
            self._check_order(batch)
            with applying(batch):
                output = self.desk.apply(batch)
                self._metrics.count_batch(batch, output.late)
            out.append(DeskUpdate(batch, output))
        self._last_batch_at = self._clock() if values[-1].caught_up else None
        return out, self.RETAIN

    def on_notify(self) -> tuple[Iterable[DeskUpdate], bool]:
        now, due_at = self._clock(), self._due_at()
        if due_at is None or now < due_at:
            return (), self.RETAIN
        return [DeskUpdate(None, self.desk.announce(microseconds(now - self._idle_close)))], self.RETAIN

    def notify_at(self) -> datetime | None:
        return self._due_at()

    def snapshot(self) -> bytes:
        return self._keep(self.desk)

    def _due_at(self) -> datetime | None:
        """When the next window of a quiet partition is to be announced."""
        end_us = self.desk.next_end_us()
        if self._last_batch_at is None or end_us is None:
            return None
        return max(datetime.fromtimestamp(end_us / 1_000_000, UTC), self._last_batch_at) + self._idle_close

    def _check_order(self, batch: Batch) -> None:
        # Source and desk are kept in one epoch. If they ever disagree, a second count would be silent: stop instead.
        if len(batch) and int(batch.rows["offset"][0]) < self.desk.next_offset:
            raise StateIncompatible(
                f"the recovery state of {batch.topic}[{batch.partition}] has applied offsets below"
                f" {self.desk.next_offset} and its source starts at {int(batch.rows['offset'][0])}",
                where="TAPEFLOW_RECOVERY_DIR",
                mend="move the folder away and start again; the state is rebuilt from Kafka",
            )
