"""What operators see of REST and SSE on ``/metrics``.

Handlers count here, health.py renders. One registry per application, so two in one process (tests) do not clash; with
PROMETHEUS_MULTIPROC_DIR set, the figures of all processes are added up as the Prometheus client does it. No label takes
a value from a client; paths are the templates.
"""

import os
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["RestMetrics"]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class RestMetrics:
    """Counters, histograms and gauges; ``watch`` adds a gauge that is read when asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tapeflow_rest_requests", "REST answers by status", ["operation", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "tapeflow_rest_seconds",
            "Time from request to answer",
            ["operation"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.sse_clients = Gauge(
            "tapeflow_sse_clients", "SSE clients now", multiprocess_mode="livesum", registry=self.registry
        )
        self.sse_events = Counter("tapeflow_sse_events", "Events put before SSE clients", registry=self.registry)
        self.sse_bytes = Counter("tapeflow_sse_bytes", "Bytes sent to SSE clients", registry=self.registry)
        self.sse_slow_closes = Counter(
            "tapeflow_sse_slow_closes", "SSE clients closed as too slow", registry=self.registry
        )
        self.sse_gaps = Counter("tapeflow_sse_gaps", "Gap events sent", registry=self.registry)
        self._gauges: dict[str, Gauge] = {}
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self._children: dict[tuple[str, int], Callable[[float], None]] = {}

    def count(self, operation: str, status: int, seconds: float) -> None:
        """One answered request; keeps the labelled children, as looking them up costs more than counting."""
        child = self._children.get((operation, status))
        if child is None:
            counter, histogram = self.requests.labels(operation, str(status)), self.seconds.labels(operation)

            def child(seconds: float) -> None:
                counter.inc()
                histogram.observe(seconds)

            self._children[operation, status] = child
        child(seconds)

    def watch(self, name: str, description: str, read: Callable[[], float], **labels: str) -> None:
        """A gauge ``tapeflow_<name>`` whose value is asked for at each scrape."""
        full = f"tapeflow_{name}"
        gauge = self._gauges.get(full)
        if gauge is None:
            gauge = Gauge(full, description, sorted(labels), multiprocess_mode="livesum", registry=self.registry)
            self._gauges[full] = gauge
        self._watched.append((gauge.labels(**labels) if labels else gauge, read))

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        for gauge, read in self._watched:
            gauge.set(read())
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)
