from schemas.traces import BatchTrace, is_sampled, trace_id
from tests.unit.runtime.tracing.keeper import Kept


def test_a_batch_names_its_span_once_it_has_one() -> None:
    trace = BatchTrace(1)
    assert trace.traceparents == ()
    trace.span = Kept("work", ())
    assert trace.traceparents == ("of work",)


def test_a_context_names_its_trace() -> None:
    assert trace_id(f"00-{'4b' * 16}-{'00' * 7}01-01") == "4b" * 16


def test_the_last_bit_of_the_flags_says_whether_it_is_sampled() -> None:
    head = b"00-" + b"a" * 32 + b"-" + b"b" * 16
    assert [flags for flags in range(256) if is_sampled(head + b"-%02x" % flags)] == list(range(1, 256, 2))
    assert not is_sampled(head)
