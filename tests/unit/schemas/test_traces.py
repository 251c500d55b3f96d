from schemas.traces import BatchTrace, trace_id
from tests.unit.runtime.tracing.keeper import Kept


def test_a_batch_names_its_span_once_it_has_one() -> None:
    trace = BatchTrace(1)
    assert trace.traceparents == ()
    trace.span = Kept("work", ())
    assert trace.traceparents == ("of work",)


def test_a_context_names_its_trace() -> None:
    assert trace_id(f"00-{'4b' * 16}-{'00' * 7}01-01") == "4b" * 16
