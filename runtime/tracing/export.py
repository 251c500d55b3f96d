"""Spans by OpenTelemetry's SDK, in batches over OTLP/HTTP: imported only where a collector is set.

A thread sends what ended; when it can't, spans are dropped and counted, and whoever made them never notices.
``tapeflow_trace_spans_total`` says what became of each. A thread doesn't outlive a fork, so each process makes its own
OtlpRecorder.
"""

import logging
import os
import re
import socket
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from prometheus_client import Counter

from runtime.tracing.names import ERROR_TYPE, SERVICE_INSTANCE, SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_VERSION
from schemas.traces import LINKS_MAX, Part, Value

__all__ = ["OtlpRecorder", "OtlpSpan"]

NAME: Final = "tapeflow"
WAITING_MAX: Final = 2048
"""Spans that wait to be sent, some 4 MB; more are dropped."""
EXPORT_S: Final = 5.0
_SPANS = Counter(
    "tapeflow_trace_spans",
    "Spans: sent to the collector, refused by it or not taken in time, dropped as too many waited, passed over",
    ["outcome"],
)
_PASSED_OVER = _SPANS.labels("passed_over")
_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_VERSION: Final = "ff"
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_ids = RandomIdGenerator()
_log = structlog.get_logger(__name__)


class _Counted(SpanExporter):
    """Says what became of each span, and in the log when that changes."""

    def __init__(self, inner: SpanExporter, where: str) -> None:
        self._inner, self._where = inner, where
        self._lock = threading.Lock()
        self._waiting = 0
        self._refused = False

    def has_room(self) -> bool:
        with self._lock:
            if self._waiting >= WAITING_MAX:
                _SPANS.labels("dropped").inc()
                return False
            self._waiting += 1
            return True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self._lock:
            self._waiting -= len(spans)
        result = self._inner.export(spans)
        refused = result is not SpanExportResult.SUCCESS
        _SPANS.labels("refused" if refused else "sent").inc(len(spans))
        if refused != self._refused:
            self._refused = refused
            if refused:
                _log.warning("traces_refused", where=self._where, mend="start the collector or set TAPEFLOW_TRACE_URL")
            else:
                _log.info("traces_accepted", where=self._where)
        return result

    def shutdown(self) -> None:
        self._inner.shutdown()


class _Bounded(BatchSpanProcessor):
    """The SDK's own drops what is too many without a number that could be asked for."""

    def __init__(self, exporter: _Counted) -> None:
        super().__init__(exporter, max_queue_size=WAITING_MAX, schedule_delay_millis=1000)
        self._counted = exporter

    def on_end(self, span: ReadableSpan) -> None:
        if self._counted.has_room():
            super().on_end(span)


class OtlpSpan:
    """runtime.tracing.tracer.LiveSpan, recorded."""

    def __init__(self, recorder: "OtlpRecorder", span: Span) -> None:
        self._recorder, self._span = recorder, span
        context = span.get_span_context()
        self.ids = {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
        self.traceparent = f"00-{self.ids['trace_id']}-{self.ids['span_id']}-{context.trace_flags:02x}"

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def fail(self, why: str) -> None:
        self._span.set_attribute(ERROR_TYPE, why)
        self._span.set_status(Status(StatusCode.ERROR))

    def part(self, part: Part) -> None:
        """A child that began and ended."""
        self._recorder.record(part, self._span.get_span_context())

    def end(self, at_ns: int | None = None) -> None:
        self._span.end(at_ns)


class OtlpRecorder:
    """Sends to ``url`` with ``headers``. service: name of the process's kind, such as tapeflow-live."""

    def __init__(self, url: str, headers: Mapping[str, str], service: str) -> None:
        logging.getLogger("opentelemetry").setLevel(
            logging.CRITICAL
        )  # each failure, again and again; ours says it once
        resource = Resource.create(
            {
                SERVICE_NAMESPACE: NAME,
                SERVICE_NAME: f"{NAME}-{service}",
                SERVICE_VERSION: version(NAME),
                SERVICE_INSTANCE: f"{socket.gethostname()}:{os.getpid()}",
            }
        )
        provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False, span_limits=SpanLimits(max_links=LINKS_MAX)
        )
        exporter = OTLPSpanExporter(endpoint=url, headers=dict(headers), timeout=EXPORT_S)
        self._processor = _Bounded(_Counted(exporter, url))
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer(NAME, version(NAME))
        self._resource, self._scope = resource, InstrumentationScope(NAME, version(NAME))
        for outcome in ("sent", "refused", "dropped"):
            _SPANS.labels(outcome)

    def sampled(self, parents: Sequence[str]) -> Sequence[str]:
        """Those of ``parents`` that are contexts whose flags say sampled, each once."""
        return [each for each in dict.fromkeys(parents) if (parts := _parts(each)) and int(parts[4], 16) & 1]

    def pass_over(self) -> None:
        _PASSED_OVER.inc()

    def begin(
        self, name: str, kind: int, began_ns: int, parents: Sequence[str], attributes: Mapping[str, Value]
    ) -> OtlpSpan:
        """In the trace of the first parent, with links to the others."""
        read = (_parts(each) for each in parents[: LINKS_MAX + 1])
        contexts = [
            SpanContext(int(parts[2], 16), int(parts[3], 16), True, TraceFlags(int(parts[4], 16)))
            for parts in read
            if parts
        ]
        within = set_span_in_context(NonRecordingSpan(contexts[0])) if contexts else None
        links = [Link(context) for context in contexts[1:]]
        span = self._tracer.start_span(
            name, within, SpanKind(kind), attributes=attributes, links=links, start_time=began_ns
        )
        return OtlpSpan(self, span)

    def record(self, part: Part, of: SpanContext) -> None:
        """A child that began and ended, of the span with that context.

        What has ended needs none of what the SDK's own does for a span that runs, which is four times as much work.
        """
        name, began_ns, ended_ns = part
        context = SpanContext(of.trace_id, _ids.generate_span_id(), False, of.trace_flags)
        self._processor.on_end(
            ReadableSpan(
                name, context, of, self._resource, start_time=began_ns, end_time=ended_ns,
                instrumentation_scope=self._scope,
            )
        )  # fmt: skip

    def stop(self, within_s: float) -> None:
        """Send what is left; gives up after ``within_s``."""
        ending = threading.Thread(target=self._processor.shutdown, name="traces-end", daemon=True)
        ending.start()
        ending.join(within_s)


def _parts(traceparent: str) -> re.Match[str] | None:
    """Version, trace, span and flags in groups 1 to 4, as https://www.w3.org/TR/trace-context/ has them; None for none.

    Our own, as a full batch names a hundred and OpenTelemetry's takes 12 µs for each.
    """
    parts = _PARENT.fullmatch(traceparent)
    if parts is None or parts[1] == _NO_VERSION or parts[2] == _NO_TRACE or parts[3] == _NO_SPAN:
        return None
    return None if parts[1] == "00" and parts[5] else parts
