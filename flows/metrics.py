"""What a flow counts and shows: Prometheus metrics, each named once.

The stateful step reports what each batch did. Law: per partition, read = applied + duplicate + late + rejected, in
these counters as in the data. The surprise: lag and positions are asked of the source only when somebody scrapes.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from schemas.columns import BarBatch, TradeBatch
from schemas.intervals import INTERVALS

__all__ = ["FlowMetrics"]


class FlowMetrics:
    """Metrics of one flow in this process. Cheap per batch; nothing here is called per trade."""

    def __init__(self, flow: str, registry: CollectorRegistry = REGISTRY) -> None:
        self.flow = flow
        self.read = Counter("tapeflow_records_read", "Records read", ["flow", "partition"], registry=registry)
        self.trades = Counter(
            "tapeflow_trades",
            "Records by outcome: applied, duplicate, late, rejected",
            ["flow", "partition", "outcome"],
            registry=registry,
        )
        self.rejects = Counter("tapeflow_rejects", "Refused records by reason", ["flow", "reason"], registry=registry)
        self.late = Counter("tapeflow_late", "Trades that an interval refused", ["flow", "interval"], registry=registry)
        self.bars_final = Counter(
            "tapeflow_bars_final", "Final and revised bars published", ["flow", "interval"], registry=registry
        )
        self._registry = registry

    def count_batch(self, batch: TradeBatch, applied: int, duplicate: int, late: int) -> None:
        partition = str(batch.partition)
        self.read.labels(self.flow, partition).inc(batch.read)
        for outcome, count in (
            ("applied", applied), ("duplicate", duplicate), ("late", late), ("rejected", len(batch.rejects)),
        ):  # fmt: skip
            self.trades.labels(self.flow, partition, outcome).inc(count)
        for reject in batch.rejects:
            self.rejects.labels(self.flow, reject.reason.label).inc()

    def count_late(self, refused: Iterable[int]) -> None:
        """refused: trades that each interval refused, in the order of INTERVALS."""
        for interval, count in zip(INTERVALS, refused, strict=True):
            if count:
                self.late.labels(self.flow, interval.name).inc(count)

    def count_finals(self, bars: BarBatch) -> None:
        if len(bars):
            for interval, count in enumerate(np.bincount(bars.rows["interval"], minlength=len(INTERVALS)).tolist()):
                self.bars_final.labels(self.flow, INTERVALS[interval].name).inc(count)

    def watch(self, positions: Callable[[], Iterable[Any]], symbols: Callable[[], int]) -> None:
        """Show lag and position from ``positions`` (objects with partition, next_offset, lag) and the symbol count."""
        self._registry.register(PositionCollector(self.flow, positions, symbols))


class PositionCollector(Collector):
    """Asks the source for its positions only when somebody scrapes."""

    def __init__(self, flow: str, positions: Callable[[], Iterable[Any]], symbols: Callable[[], int]) -> None:
        self._flow, self._positions, self._symbols = flow, positions, symbols

    def collect(self) -> Iterable[GaugeMetricFamily]:
        lag = GaugeMetricFamily("tapeflow_lag_records", "Records not yet read", labels=["flow", "partition"])
        position = GaugeMetricFamily("tapeflow_position_offset", "Next offset to read", labels=["flow", "partition"])
        for each in self._positions():
            lag.add_metric([self._flow, str(each.partition)], each.lag)
            position.add_metric([self._flow, str(each.partition)], each.next_offset)
        symbols = GaugeMetricFamily("tapeflow_symbols", "Symbols in state", labels=["flow"])
        symbols.add_metric([self._flow], self._symbols())
        return [lag, position, symbols]
