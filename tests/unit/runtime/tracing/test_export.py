"""Spans over the wire, to a collector that reads the protocol's own messages."""

import time

import pytest
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from runtime.tracing import export
from runtime.tracing.export import OtlpRecorder
from runtime.tracing.tracer import CONSUMER, PRODUCER, Tracer
from schemas.traces import LINKS_MAX
from tests.servers.otlp import Collector


def count(outcome: str) -> float:
    return REGISTRY.get_sample_value("tapeflow_trace_spans_total", {"outcome": outcome}) or 0.0


def test_a_span_follows_its_first_parent_and_links_to_the_others(collector: Collector) -> None:
    recorder = OtlpRecorder(collector.url, {"authorization": "Bearer me"}, "live")
    on = Tracer(recorder)
    sent = []
    for _ in range(LINKS_MAX + 10):
        span = on.begin_root("send", PRODUCER, time.time_ns(), {"a": "b", "n": 3, "yes": True})
        assert span is not None
        span.end()
        sent.append(span.traceparent)
    unsampled, random_too = sent[0][:-2] + "00", sent[0][:-2] + "03"
    assert recorder.sampled([unsampled, "nonsense", "", random_too, *sent[1:], sent[1]]) == [random_too, *sent[1:]]
    with on.span("process", CONSUMER, [unsampled, *sent]) as process:
        began_ns = time.time_ns()
    child = on.begin("write", CONSUMER, began_ns, [process.traceparent], {})
    assert child is not None
    child.part(("half", began_ns, began_ns + 5))
    child.fail("KeyError")
    child.end(began_ns + 7)
    before = count("sent")
    on.stop()
    assert count("sent") - before == len(collector.spans) == len(sent) + 3
    producers = collector.named("send")
    assert producers[0].attributes == {"a": "b", "n": 3, "yes": True}
    assert (producers[0].kind, producers[0].service, producers[0].parent) == (4, "tapeflow-live", "")
    (process_seen,) = collector.named("process")
    assert (process_seen.trace, process_seen.parent) == (producers[0].trace, producers[0].span)
    assert process_seen.links == tuple(each.traceparent for each in producers[1 : LINKS_MAX + 1])
    (write,) = collector.named("write")
    assert (write.trace, write.parent, write.failed, write.took_ns) == (process_seen.trace, process_seen.span, True, 7)
    assert write.attributes == {"error.type": "KeyError"}
    (half,) = collector.named("half")
    assert (half.parent, half.took_ns) == (write.span, 5)
    assert collector.requests[0]["authorization"] == "Bearer me"


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    "text",
    [
        f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-03", f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-02",
        f"01-{TRACE}-{SPAN}-01", f"01-{TRACE}-{SPAN}-01-more", f"00-{TRACE}-{SPAN}-01-more", f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1", f"00-{TRACE}-{SPAN}", f"00-{TRACE[1:]}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01x", "é", "",
    ],
)  # fmt: skip
def test_a_context_is_read_as_opentelemetry_reads_it(collector: Collector, text: str) -> None:
    theirs = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": text})).get_span_context()
    recorder = OtlpRecorder(collector.url, {}, "live")
    assert list(recorder.sampled([text])) == ([text] if theirs.is_valid and theirs.trace_flags.sampled else [])
    recorder.begin("work", CONSUMER, 1, [text], {}).end(2)
    recorder.stop(2)
    (work,) = collector.spans
    assert work.parent == (f"{theirs.span_id:016x}" if theirs.is_valid else "")
    assert not theirs.is_valid or work.trace == f"{theirs.trace_id:032x}"


def test_a_collector_that_holds_on_costs_spans_and_two_seconds_at_most(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "WAITING_MAX", 512)
    collector.hold.clear()
    recorder = OtlpRecorder(collector.url, {}, "live")
    dropped = count("dropped")
    for _ in range(3000):
        recorder.begin("work", CONSUMER, 1, (), {}).end(2)
    assert count("dropped") - dropped >= 3000 - 2 * 512
    began = time.monotonic()
    recorder.stop(0.2)
    assert time.monotonic() - began < 1


def test_a_refusal_is_counted_and_said_once(collector: Collector) -> None:
    collector.answer = 400
    recorder = OtlpRecorder(collector.url, {}, "live")
    refused = count("refused")
    with capture_logs() as told:
        recorder.begin("work", CONSUMER, 1, (), {}).end(2)
        collector.until(lambda: count("refused") - refused == 1)
        recorder.stop(2)
    assert [each["event"] for each in told] == ["traces_refused"]
