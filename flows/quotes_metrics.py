"""What the quotes flow counts and shows: lag and position of its topic, and what became of its records.

The step reports what each batch did: per partition, read = applied + crossed + outdated + rejected. The account of the
same comes from recovery state and counts each record once.
"""

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter

from connectors.kafka.source import PartitionPosition
from core.quotes.book import QuoteOutcomes
from flows.metrics import FlowMetrics
from schemas.quotes import QuoteBatch

__all__ = ["QuotesMetrics"]

OUTCOMES: Final = (*QuoteOutcomes._fields, "rejected")


class QuotesMetrics:
    """Of the flow in this process."""

    def __init__(self, flow: str, registry: CollectorRegistry = REGISTRY, worker: int = 0) -> None:
        self._flow = flow
        self._metrics = FlowMetrics(flow, registry, worker)
        self._quotes = Counter(
            "tapeflow_quotes",
            "Quotes by outcome: applied, crossed, outdated, rejected",
            ["flow", "partition", "outcome"],
            registry=registry,
        )

    def count_batch(self, batch: QuoteBatch, outcomes: QuoteOutcomes) -> None:
        partition = str(batch.partition)
        self._metrics.read.labels(self._flow, partition).inc(batch.read)
        for outcome, count in zip(OUTCOMES, (*outcomes, len(batch.rejects)), strict=True):
            self._quotes.labels(self._flow, partition, outcome).inc(count)
        for reject in batch.rejects:
            self._metrics.rejects.labels(self._flow, reject.reason.label).inc()

    def watch(self, positions: Callable[[], Iterable[PartitionPosition]], servers: Iterable[str]) -> None:
        """Show lag and position from ``positions``, and which of the ``servers`` is awaited."""
        self._metrics.watch(positions, list, servers)
