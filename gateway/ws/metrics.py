"""Prometheus figures of the WebSocket half: what the hub, the reader and the sockets count.

Counts live where things happen, as plain integers; they are read when a scrape asks, so the hot path pays nothing.
"""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["WsMetrics"]

GAUGES = frozenset({"connections", "clients", "subscriptions", "rooms", "symbolsKnown", "slowClients", "backlog"}) | {
    "historyBytes",
    "inputConnected",
    "lastBroadcast",
    "paused",
}
BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)


class WsMetrics(Collector):
    """``stats`` answers with numbers by camelCase name; others are left out."""

    def __init__(self, stats: Callable[[], Mapping[str, object]]) -> None:
        self._stats = stats
        self.registry = CollectorRegistry()
        self.delivery_seconds = Histogram(
            "tapeflow_ws_delivery_seconds",
            "From the flow's time of a room's oldest message to the writes to its clients",
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.registry.register(self)

    def collect(self) -> Iterable[Metric]:
        for key, value in self._stats().items():
            if isinstance(value, int | float):
                name = "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
                if key in GAUGES:
                    yield GaugeMetricFamily(f"tapeflow_ws_{name}", f"{key}, now", value)
                else:
                    yield CounterMetricFamily(f"tapeflow_ws_{name}", f"{key} since the start", value)
