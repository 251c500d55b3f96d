"""What the analytics flow counts and shows: lag and position of each topic, and what became of its records.

The step reports what each batch did. Partitions of several topics stand beside each other, so here the label
``partition`` is topic and number.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter

from connectors.kafka.source import PartitionPosition
from flows.metrics import FlowMetrics
from schemas.columns import TradeBatch
from schemas.desk import DeskBatch

__all__ = ["DeskMetrics"]

OUTCOMES: Final = ("applied", "late", "rejected")


@dataclass(frozen=True, slots=True)
class Place:
    """A position as FlowMetrics shows it."""

    partition: str
    next_offset: int
    lag: int
    hidden: int


class DeskMetrics:
    """Of the flow in this process."""

    def __init__(self, flow: str, registry: CollectorRegistry = REGISTRY, worker: int = 0) -> None:
        self._flow = flow
        self._metrics = FlowMetrics(flow, registry, worker)
        self._records = Counter(
            "tapeflow_desk_records",
            "Records of a desk by outcome: applied, late, rejected",
            ["flow", "partition", "outcome"],
            registry=registry,
        )

    def count_batch(self, batch: DeskBatch | TradeBatch, late: int) -> None:
        """late: records that no window took; their decisions went out all the same."""
        partition = f"{batch.topic}/{batch.partition}"
        self._metrics.read.labels(self._flow, partition).inc(batch.read)
        for outcome, count in zip(OUTCOMES, (len(batch) - late, late, len(batch.rejects)), strict=True):
            self._records.labels(self._flow, partition, outcome).inc(count)
        for reject in batch.rejects:
            self._metrics.rejects.labels(self._flow, reject.reason.label).inc()

    def watch(self, positions: Callable[[], Iterable[PartitionPosition]], servers: Iterable[str]) -> None:
        """Show lag and position from ``positions``, and which of the ``servers`` is awaited."""

        def places() -> list[Place]:
            return [
                Place(f"{each.topic}/{each.partition}", each.next_offset, each.lag, each.hidden)
                for each in positions()
            ]  # fmt: skip

        self._metrics.watch(places, list, servers)
