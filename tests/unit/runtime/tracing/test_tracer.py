"""What is chosen to be a span, by a recorder that keeps what it is told; and that nothing is imported for none."""

import subprocess
import sys

import pytest
import structlog

from runtime.settings.whole import Settings
from runtime.tracing.tracer import FEW, INTERNAL, Tracer, start_tracing, tracer, within
from schemas.errors import SettingError
from schemas.traces import LINKS_MAX
from tests.unit.runtime.tracing.keeper import Keeper


def test_while_traces_are_off_nothing_is_recorded_whatever_happens() -> None:
    off = Tracer(one_in=1, slow_ms=1)
    assert not off.is_on
    with off.span("work", INTERNAL, ["parent"]) as span:
        span.set("a", 1)
        span.fail("b")
    assert span.traceparent == ""
    assert off.begin("work", INTERNAL, 1, ["parent"], {}) is None
    assert off.begin_root("work", INTERNAL, 1, {}) is None
    assert not off.is_worth_it(0, 10**12)
    off.stop()


def test_a_sampled_parent_makes_a_span_that_log_lines_name() -> None:
    keeper = Keeper()
    on = Tracer(keeper)
    with on.span("work", INTERNAL, ["no", "yes"], {"a": 1}) as span:
        assert structlog.contextvars.get_contextvars() == {"trace_id": "t", "span_id": "work"}
        span.set("b", 2)
        assert span.traceparent == "of work"
    assert structlog.contextvars.get_contextvars() == {}
    (work,) = keeper.spans
    assert (work.parents, work.attributes, work.ended) == (["yes"], {"a": 1, "b": 2}, 1)
    with on.span("quick", INTERNAL, ["no"]):
        pass
    assert len(keeper.spans) == 1


def test_one_in_so_many_is_recorded_though_nobody_asks() -> None:
    keeper = Keeper()
    on = Tracer(keeper, one_in=3)
    for number in range(9):
        with on.span(str(number), INTERNAL):
            pass
    assert [each.name for each in keeper.spans] == ["2", "5", "8"]


def test_what_enters_is_passed_over_when_too_much_came_and_what_follows_never_is() -> None:
    keeper, now = Keeper(), [100.0]
    on = Tracer(keeper, one_in=1, per_s=2, clock=lambda: now[0])

    def begun(*, enters: bool = True) -> bool:
        return on.begin("batch", INTERNAL, 1, ["yes"], {}, enters=enters) is not None

    assert [begun(), begun(), begun()] == [True, True, False]
    assert on.begin_root("send", INTERNAL, 1, {}, enters=True) is None
    assert keeper.passed_over == 2
    assert begun(enters=False)
    with on.span("own turn", INTERNAL, enters=True):
        pass
    assert (keeper.passed_over, keeper.spans[-1].name) == (3, "batch")
    now[0] += 0.5
    assert [begun(), begun()] == [True, False]
    now[0] += 60
    assert [begun(), begun(), begun()] == [True, True, False]
    assert keeper.passed_over == 5


def test_few_records_are_always_looked_through_and_many_so_often_a_second_for_one_context() -> None:
    keeper, now = Keeper(), [100.0]
    on = Tracer(keeper, per_s=1, clock=lambda: now[0])
    wanted = [on.contexts_wanted(each) for each in (FEW + 1, FEW + 1, FEW, FEW, FEW + 1)]
    assert wanted == [1, 0, LINKS_MAX, LINKS_MAX, 0]
    assert keeper.passed_over == 2
    now[0] += 1
    assert on.contexts_wanted(FEW + 1) == 1
    assert on.begin("batch", INTERNAL, 1, ["yes"], {}, enters=True) is not None
    assert all(Tracer(keeper).contexts_wanted(FEW + 1) == 1 for _ in range(3))
    on.stop()
    assert on.contexts_wanted(1) == 0


def test_what_failed_or_was_slow_is_recorded_afterwards() -> None:
    keeper = Keeper()
    on = Tracer(keeper, slow_ms=1_000_000)
    broken = on.span("broken", INTERNAL, (), {"a": 1})
    broken.__enter__().set("b", 2)
    assert not keeper.spans
    assert not broken.__exit__(KeyError, KeyError(), None)
    with on.span("refused", INTERNAL) as span:
        span.fail("503")
    assert [(each.name, each.failures, each.ended) for each in keeper.spans] == [
        ("broken", ["KeyError"], 1),
        ("refused", ["503"], 1),
    ]
    assert keeper.spans[0].attributes == {"a": 1, "b": 2}
    eager = Tracer(keeper, slow_ms=0)
    with eager.span("slow", INTERNAL):
        pass
    with eager.span("session", INTERNAL, if_slow=False):
        pass
    assert keeper.spans[-1].name == "slow"


def test_a_span_that_fails_says_of_what() -> None:
    keeper = Keeper()
    with pytest.raises(KeyError), Tracer(keeper).span("work", INTERNAL, ["yes"]):
        raise KeyError
    assert (keeper.spans[0].failures, keeper.spans[0].ended) == (["KeyError"], 1)


def test_nothing_is_recorded_after_the_end() -> None:
    keeper = Keeper()
    on = Tracer(keeper, one_in=1)
    on.stop()
    on.stop()
    with on.span("late", INTERNAL), within(None):
        pass
    assert (keeper.spans, len(keeper.stopped)) == ([], 1)


def test_without_an_address_opentelemetry_is_not_imported() -> None:
    asked = (
        "import sys; from runtime.tracing.tracer import start_tracing, tracer;"
        "from runtime.settings.whole import Settings; start_tracing(Settings(), 'live');"
        "print(tracer().is_on, [name for name in sys.modules if 'opentelemetry' in name or 'tracing.export' in name])"
    )
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False []"


def test_an_address_without_the_packages_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "runtime.tracing.export", None)
    with pytest.raises(SettingError, match="traces need OpenTelemetry"):
        start_tracing(Settings(trace_url="http://127.0.0.1:4318/v1/traces"), "live")
    assert not tracer().is_on
