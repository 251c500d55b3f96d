"""A latency histogram that takes whole columns: Prometheus' own takes one value a call.

The Redis sink's writer thread reports the tickers it wrote; the metrics endpoint reads. Each written ticker counts
once, from its record's Kafka timestamp to the moment Redis had it. Not counted are records without a timestamp, and
what a start publishes again (flows.live). A traced update leaves its trace as the exemplar of its bucket, which
Prometheus reads where it scrapes OpenMetrics.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from schemas.columns import Longs

__all__ = ["LatencyHistogram"]

BUCKETS_MS: Final = (1, 2, 5, 10, 15, 20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1000, 2000, 5000, 30000)


class LatencyHistogram(Collector):
    """``tapeflow_latency_ms`` of one flow."""

    def __init__(
        self, flow: str, buckets_ms: Sequence[int] = BUCKETS_MS, registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._flow = flow
        self._bounds = np.array(buckets_ms, np.int64)
        self._counts = np.zeros(len(buckets_ms) + 1, np.int64)
        self._sum_ms = 0
        self._exemplars: dict[int, Exemplar] = {}
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, now_ms: int, timestamps_ms: Longs, trace_id: str = "") -> None:
        """timestamps_ms: int64[n], negative where a record has none. trace_id: an example of the slowest of them."""
        latencies = np.maximum(now_ms - timestamps_ms[timestamps_ms >= 0], 0)
        if not len(latencies):
            return
        slots = np.searchsorted(self._bounds, latencies, side="left")
        with self._lock:
            self._counts += np.bincount(slots, minlength=len(self._counts))
            self._sum_ms += int(latencies.sum())
            if trace_id:
                slowest = Exemplar({"trace_id": trace_id}, float(latencies.max()), now_ms / 1000)
                self._exemplars[int(slots.max())] = slowest

    def collect(self) -> Iterable[HistogramMetricFamily]:
        with self._lock:
            totals, sum_ms = np.cumsum(self._counts).tolist(), self._sum_ms
            exemplars = dict(self._exemplars)
        family = HistogramMetricFamily(
            "tapeflow_latency_ms",
            "From the Kafka timestamp of a symbol's last trade to its ticker in Redis",
            labels=["flow"],
        )
        bounds = [str(float(bound)) for bound in self._bounds] + ["+Inf"]
        buckets = [
            (bound, total, exemplars[slot]) if slot in exemplars else (bound, total)
            for slot, (bound, total) in enumerate(zip(bounds, totals, strict=True))
        ]
        family.add_metric([self._flow], buckets, sum_ms)
        return [family]
