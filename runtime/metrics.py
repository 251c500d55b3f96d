"""Serves a process's Prometheus metrics, and says which version and machine they come from.

Flows, connectors, sinks and the gateway declare their own metrics in prometheus_client's default registry, beside the
code that counts; the command calls ``serve_metrics`` once. Every name starts with ``tapeflow_`` and stands in
docs/metrics.md, which a test compares with the source. Process N of a cluster serves on port + N, so that one setting
is enough for all.
"""

import platform
from importlib.metadata import version
from threading import Thread
from typing import Final, NamedTuple

from prometheus_client import REGISTRY, CollectorRegistry, Info, make_wsgi_app

from runtime.bounded_server import BoundedServer
from schemas.errors import SettingError

__all__ = ["SERVED_PORTS", "MetricsServer", "serve_metrics"]

SERVED_PORTS: Final[list[int]] = []
"""Where this process serves its metrics, for the line that a flow logs at its start."""


class MetricsServer(NamedTuple):
    """A running endpoint; ``close`` frees its port."""

    port: int
    server: BoundedServer
    thread: Thread

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        SERVED_PORTS.remove(self.port)


def serve_metrics(
    metrics_port: int,
    process: int = 0,
    address: str = "127.0.0.1",
    registry: CollectorRegistry = REGISTRY,
) -> MetricsServer | None:
    """Serve ``registry`` at ``/metrics`` on ``metrics_port + process``; None when the port is 0 (off).

    Raises SettingError when the port can't be had.
    """
    if not metrics_port:
        return None
    port = metrics_port + process
    if "tapeflow_build" not in {metric.name for metric in registry.collect()}:
        info = Info("tapeflow_build", "Version of tapeflow and of Python", registry=registry)
        info.info({"version": version("tapeflow"), "python": platform.python_version()})
    try:
        server = BoundedServer(address, port, make_wsgi_app(registry))
    except (OSError, OverflowError) as error:
        raise SettingError(
            f"can't serve metrics: {error}",
            where=f"TAPEFLOW_METRICS_PORT={metrics_port}, {address}:{port}",
            mend="choose a free port, or 0 for none, and an address of this host in TAPEFLOW_METRICS_HOST",
        ) from error
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    SERVED_PORTS.append(port)
    return MetricsServer(port, server, thread)
