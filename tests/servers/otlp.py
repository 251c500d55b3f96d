"""A collector of spans: OTLP over HTTP as the protocol's own messages say it, kept in memory."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["Collector", "SpanSeen", "collector"]


@dataclass(frozen=True)
class SpanSeen:
    """One span as it came over the wire; ids in hex."""

    service: str
    name: str
    kind: int
    trace: str
    span: str
    parent: str
    links: tuple[str, ...]
    attributes: dict[str, Any]
    failed: bool
    began_ns: int
    took_ns: int

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace}-{self.span}-01"


class Collector:
    """``answer``: the status that exports get. ``requests``: the headers of each."""

    def __init__(self) -> None:
        self.spans: list[SpanSeen] = []
        self.requests: list[dict[str, str]] = []
        self.answer = 200
        self.hold = threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.requests.append(dict(self.headers))
                outer.hold.wait(30)
                if outer.answer == 200:
                    packed = self.headers.get("content-encoding") == "gzip"
                    outer.spans += seen(gzip.decompress(body) if packed else body)
                self.send_response(outer.answer)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def named(self, name: str) -> list[SpanSeen]:
        return [each for each in self.spans if each.name == name]

    def until(self, is_there: Callable[[], object], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not is_there():
            assert time.monotonic() < deadline, [(each.service, each.name) for each in self.spans]
            threading.Event().wait(0.02)

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


def seen(body: bytes) -> Iterator[SpanSeen]:
    for group in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = {each.key: each.value.string_value for each in group.resource.attributes}["service.name"]
        for span in (span for scope in group.scope_spans for span in scope.spans):
            yield SpanSeen(
                service,
                span.name,
                span.kind,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                tuple(f"00-{link.trace_id.hex()}-{link.span_id.hex()}-01" for link in span.links),
                {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes},
                span.status.code == 2,
                span.start_time_unix_nano,
                span.end_time_unix_nano - span.start_time_unix_nano,
            )


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.close()
