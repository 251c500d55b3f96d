"""A desk's topic once more, as the flow reads it, into figures of minutes: to compare with ClickHouse, or to repair it.

``tapeflow replay --kind`` calls it. Only figures come out, and decisions one by one: no message goes to a channel, and
no alert to anybody, whatever the records say. Rows have the versions that the flow gave them, so that writing them
again changes nothing where they were right.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from connectors.kafka.range import OffsetRange, read_range
from core.analytics.exposure import ExposureDesk
from core.analytics.lp import LpDesk
from core.analytics.routing import RoutingDesk
from flows.analytics_reading import desk_decoding, desk_rules
from flows.reading import read_options
from runtime.settings.whole import Settings
from schemas.desk import DeskBatch, DeskKind
from schemas.names import ROUTING_TABLE
from sinks.clickhouse.desk_block import decision_block
from sinks.clickhouse.desk_sink import FIGURES
from sinks.clickhouse.sink import Inserter

__all__ = ["DeskAccount", "replay_desk"]

ROWS_AT_ONCE: Final = 10_000
DESKS: Final[dict[DeskKind, Callable[[Any], Any]]] = {"routing": RoutingDesk, "lp": LpDesk, "exposure": ExposureDesk}
Progress = Callable[[int, int], None]
"""(records done, records in all)."""


@dataclass(slots=True)
class DeskAccount:
    """read = applied + late + rejected. rows: versions of minutes; alerts: those that nobody was told of again."""

    read: int = 0
    applied: int = 0
    late: int = 0
    rejected: int = 0
    rows: int = 0
    alerts: int = 0

    def __str__(self) -> str:
        return (
            f"{self.read} read = {self.applied} applied + {self.late} late + {self.rejected} rejected;"
            f" {self.rows} versions of minutes, {self.alerts} alerts that nobody is told of"
        )


class _Writer(NamedTuple):
    """Rows into the table of a kind, decisions into theirs."""

    kind: DeskKind
    figures: Inserter
    decisions: Inserter | None
    source_epoch: int

    def write(self, rows: list[Any], batches: list[DeskBatch]) -> None:
        if rows:
            self.figures.insert(FIGURES[self.kind][1]([rows]))
        if self.decisions is not None and (full := [batch for batch in batches if len(batch)]):
            self.decisions.insert(decision_block(full, self.source_epoch))

    def close(self) -> None:
        self.figures.close()
        if self.decisions is not None:
            self.decisions.close()


def replay_desk(
    settings: Settings, kind: DeskKind, ranges: dict[int, OffsetRange], progress: Progress, *, writes: bool
) -> DeskAccount:
    """``settings``: those of the kind's topic; ``ranges``: from its first record on. ``writes``: else it is dry."""
    account, done, total = DeskAccount(), 0, sum(end - start for start, end in ranges.values())
    writer = _open_writer(settings, kind) if writes else None
    rows: list[Any] = []
    batches: list[DeskBatch] = []
    try:
        for batch, output in _outputs(settings, kind, ranges):
            account.read += batch.read
            account.applied += len(batch) - output.late
            account.late += output.late
            account.rejected += len(batch.rejects)
            account.rows += len(output.rows)
            account.alerts += sum(alert.state == "open" for alert in output.alerts)
            rows += output.rows
            batches.append(batch)
            done += batch.read
            progress(done, total)
            if writer is not None and len(rows) + sum(map(len, batches)) >= ROWS_AT_ONCE:
                writer.write(rows, batches)
                rows, batches = [], []
        if writer is not None:
            writer.write(rows, batches)
    finally:
        if writer is not None:
            writer.close()
    progress(total, total)
    return account


def _outputs(settings: Settings, kind: DeskKind, ranges: dict[int, OffsetRange]) -> Iterator[tuple[DeskBatch, Any]]:
    """What the flow's own desk makes of each batch; what no record ends stays open."""
    decode, rules = desk_decoding(settings, kind), desk_rules(settings)
    desks = {partition: DESKS[kind](rules) for partition in ranges}
    for raw in read_range(read_options(settings), ranges):
        batch = decode(raw)
        yield batch, desks[raw.partition].apply(batch)


def _open_writer(settings: Settings, kind: DeskKind) -> _Writer:
    where = (settings.clickhouse_dsn, settings.clickhouse_database)
    decisions = Inserter(*where, ROUTING_TABLE) if kind == "routing" else None
    return _Writer(kind, Inserter(*where, FIGURES[kind][0]), decisions, settings.source_epoch)
