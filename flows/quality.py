"""Quality figures of a flow as metrics: what core.bars.quality counts, shown when somebody scrapes.

The history flow hands in every batch behind its shard. Nothing is counted twice over the label sets of one metric: with
``symbols`` each symbol of each partition has its own, with ``partitions`` the symbol label is left empty. Figures begin
anew with the process, like all counters, and aren't part of recovery state. A symbol seen in two partitions is noticed
within one process, and over several by ``tapeflow quality``.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from core.bars.quality import Quality, SymbolFigures
from core.bars.shard import Shard
from core.bars.shard_kernel import NEVER
from schemas.columns import TradeBatch

__all__ = ["QualityMetrics", "Watched", "in_two_partitions"]

LABELS: Final = ["flow", "partition", "symbol"]


class Watched:
    """Figures of one partition and the names that they belong to."""

    def __init__(self, shard: Shard) -> None:
        self.quality = Quality()
        self.shard = shard

    def observe(self, batch: TradeBatch) -> None:
        """After ``shard`` has applied the batch, and before it applies another."""
        shard = self.shard
        self.quality.observe(batch, shard.arrived, shard.arrived_exchanges, len(shard.symbols))

    def by_symbol(self) -> Iterator[tuple[str, SymbolFigures]]:
        """Of every symbol seen here since the process began."""
        for index, name in enumerate(self.shard.symbols.names[: len(self.quality.rows)]):
            figures = self.quality.figures(index)
            if figures.trades:
                yield name, figures


def in_two_partitions(watched: Mapping[int, Watched]) -> dict[str, list[int]]:
    """Symbols with trades in more than one partition, and which: the topic isn't keyed by symbol, or was re-keyed."""
    found: dict[str, list[int]] = {}
    for partition, each in sorted(watched.items()):
        for name, _ in each.by_symbol():
            found.setdefault(name, []).append(partition)
    return {name: partitions for name, partitions in found.items() if len(partitions) > 1}


class QualityMetrics(Collector):
    """The figures of one flow in this process."""

    def __init__(
        self,
        flow: str,
        detail: Literal["partitions", "symbols"],
        registry: CollectorRegistry = REGISTRY,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._flow, self._by_symbol, self._now_s = flow, detail == "symbols", now_s
        self._watched: dict[int, Watched] = {}
        registry.register(self)

    def observe(self, batch: TradeBatch, shard: Shard) -> None:
        """Count a batch that ``shard`` has applied."""
        watched = self._watched.get(batch.partition)
        if watched is None or watched.shard is not shard:
            watched = self._watched[batch.partition] = Watched(shard)
        watched.observe(batch)

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        counters: dict[str, CounterMetricFamily] = {
            "out_of_order": CounterMetricFamily(
                "tapeflow_quality_out_of_order", "Trades older than the newest", labels=LABELS
            ),
            "late": CounterMetricFamily("tapeflow_quality_late", "Trades that an interval refused", labels=LABELS),
            "duplicates": CounterMetricFamily(
                "tapeflow_quality_duplicates", "Trades with an id seen before", labels=LABELS
            ),
            "future": CounterMetricFamily("tapeflow_quality_future", "Trades ahead of their record", labels=LABELS),
        }
        gauges: dict[str, GaugeMetricFamily] = {
            "missing_ids": GaugeMetricFamily(
                "tapeflow_quality_missing_ids", "Ids skipped and not seen since", labels=LABELS
            ),
            "out_of_order_max_ms": GaugeMetricFamily(
                "tapeflow_quality_out_of_order_max_ms", "Furthest that a trade came behind the newest", labels=LABELS
            ),
            "out_of_order_p99_ms": GaugeMetricFamily(
                "tapeflow_quality_out_of_order_p99_ms", "99 % of trades came less behind", labels=LABELS
            ),
            "future_max_ms": GaugeMetricFamily(
                "tapeflow_quality_future_max_ms", "Furthest that a trade was ahead of its record", labels=LABELS
            ),
        }
        age = GaugeMetricFamily("tapeflow_quality_age_seconds", "Since the newest trade's event time", labels=LABELS)
        for partition, symbol, figures in self._figures():
            labels = [self._flow, str(partition), symbol]
            for name, counter in counters.items():
                counter.add_metric(labels, getattr(figures, name))
            for name, gauge in gauges.items():
                gauge.add_metric(labels, getattr(figures, name))
            if figures.newest_us != NEVER:
                age.add_metric(labels, self._now_s() - figures.newest_us / 1e6)
        twice = GaugeMetricFamily(
            "tapeflow_quality_symbols_in_two_partitions", "Symbols with trades in several partitions", labels=["flow"]
        )
        twice.add_metric([self._flow], len(in_two_partitions(self._watched.copy())))
        return [*counters.values(), *gauges.values(), age, twice]

    def _figures(self) -> Iterator[tuple[int, str, SymbolFigures]]:
        for partition, watched in sorted(self._watched.copy().items()):
            if self._by_symbol:
                for name, figures in watched.by_symbol():
                    yield partition, name, figures
            else:
                yield partition, "", watched.quality.total()
