from schemas.traces import BatchTrace
from tests.unit.runtime.tracing.keeper import Kept


def test_a_batch_names_its_span_once_it_has_one() -> None:
    trace = BatchTrace(1)
    assert trace.traceparents == ()
    trace.span = Kept("work", ())
    assert trace.traceparents == ("of work",)
