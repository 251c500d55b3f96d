"""Prometheus figures of the WebSocket half: what the hub, the reader and the sockets count.

Counts live where things happen, as plain integers; ``refresh`` copies them every few seconds, so the hot path pays
nothing. With PROMETHEUS_MULTIPROC_DIR set, as ``tapeflow gateway`` does for its processes, they are added up with those
of the others, and ``/metrics`` of REST shows all.
"""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["WsMetrics"]

Together = Literal["livesum", "livemax", "livemin"]
GAUGES: Final[dict[str, Together]] = {  # how those of several processes become one
    "connections": "livesum",
    "clients": "livesum",
    "subscriptions": "livesum",
    "rooms": "livesum",
    "symbolsKnown": "livemax",
    "slowClients": "livesum",
    "backlog": "livesum",
    "historyBytes": "livesum",
    "inputConnected": "livemin",
    "lastBroadcast": "livemax",
    "paused": "livemax",
}
BUCKETS_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)


class WsMetrics:
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
        self._gauges: dict[str, Gauge] = {}
        self._counters: dict[str, Counter] = {}
        self._counted: dict[str, float] = {}

    def refresh(self) -> None:
        for key, value in self._stats().items():
            if isinstance(value, int | float):
                if key in GAUGES:
                    self._gauge(key).set(value)
                else:
                    self._counter(key).inc(value - self._counted.get(key, 0))
                    self._counted[key] = value

    def render(self) -> bytes:
        """The text that Prometheus scrapes, of this process alone."""
        self.refresh()
        return generate_latest(self.registry)

    def _gauge(self, key: str) -> Gauge:
        if key not in self._gauges:
            mode = GAUGES[key]
            self._gauges[key] = Gauge(
                f"tapeflow_ws_{_words(key)}", f"{key}, now", multiprocess_mode=mode, registry=self.registry
            )
        return self._gauges[key]

    def _counter(self, key: str) -> Counter:
        if key not in self._counters:
            self._counters[key] = Counter(
                f"tapeflow_ws_{_words(key)}", f"{key} since the start", registry=self.registry
            )
        return self._counters[key]


def _words(key: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
