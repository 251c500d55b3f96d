"""The step of quotes: at once and then conflated, what a start publishes again, and the order that it insists on."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from core.quotes.book import QuoteRules
from flows.quotes_metrics import QuotesMetrics
from flows.quotes_step import QuotesStep, QuotesUpdate
from oracle.quotes import OracleQuote
from schemas.errors import StateIncompatible
from schemas.traces import BatchTrace
from tests.property.quote_records import START_US, quote, quote_batch
from tests.unit.runtime.tracing.keeper import Keeper


class Clock:
    def __init__(self) -> None:
        self.now = datetime.fromtimestamp(START_US / 1_000_000, UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, ms: float) -> None:
        self.now += timedelta(milliseconds=ms)


class Step(QuotesStep):
    def __init__(self, clock: Clock, state: bytes | None = None, intervals: tuple[int, ...] = ()) -> None:
        self.behind = False
        metrics = QuotesMetrics("quotes", CollectorRegistry())
        super().__init__(
            state, QuoteRules(intervals=intervals), 20, 500, metrics, is_behind=lambda: self.behind, clock=clock
        )

    def takes(self, *quotes: OracleQuote, caught_up: bool = True) -> list[list[int]]:
        return sequences(self.on_batch([quote_batch(quotes, self.book.next_offset, caught_up=caught_up)])[0])


def sequences(updates: Iterable[QuotesUpdate]) -> list[list[int]]:
    return [each.states.rows["sequence"].tolist() for each in updates if each.states is not None]


def test_the_span_of_a_batch_ends_with_its_step(keeper: Keeper) -> None:
    batch = quote_batch([quote(0, "A")], 0, caught_up=True)
    batch.trace = BatchTrace(1)  # slow, as it began in 1970
    Step(Clock()).on_batch([batch])
    assert [(span.name, span.ended) for span in keeper.spans] == [(f"process {batch.topic}", 1)]


def test_the_first_change_goes_out_at_once_and_the_next_after_its_time() -> None:
    clock = Clock()
    step = Step(clock)
    assert step.notify_at() is None
    assert step.takes(quote(0, "A"), quote(1, "B"), quote(2, "A")) == [[2, 1]]
    clock.passes(5)
    assert step.takes(quote(3, "A", after_us=1)) == []
    assert step.takes(quote(4, "A", after_us=2)) == []
    assert step.notify_at() == clock.now + timedelta(milliseconds=15)
    assert step.on_notify() == ([], step.RETAIN)
    clock.passes(15)
    step.behind = True
    assert step.on_notify() == ([], step.RETAIN)
    assert step.notify_at() == clock.now + timedelta(milliseconds=2)
    step.behind = False
    assert sequences(step.on_notify()[0]) == [[4]]
    assert step.notify_at() is None
    clock.passes(25)
    assert step.takes(quote(5, "A")) == [], "an outdated one changes nothing"


def test_a_clock_that_goes_back_holds_nothing_up() -> None:
    clock = Clock()
    step = Step(clock)
    step.takes(quote(0))
    clock.passes(-60_000)
    assert step.takes(quote(1)) == [[1]]


def test_the_past_goes_out_once_in_five_seconds() -> None:
    clock = Clock()
    clock.passes(60_000)
    step = Step(clock)
    assert step.takes(quote(0), caught_up=False) == [[0]]
    clock.passes(4_999)
    assert step.takes(quote(1), caught_up=False) == []
    clock.passes(1)
    assert step.takes(quote(2), caught_up=False) == [[2]]
    clock.passes(20)
    assert step.takes(quote(3), caught_up=True) == [[3]]
    assert step.takes(quote(4)) == []
    assert sequences(step.on_eof()[0]) == [[4]]


def test_a_start_publishes_again_what_it_knows() -> None:
    step = Step(Clock())
    step.takes(quote(0, "A"), quote(1, "B"))
    again = Step(Clock(), step.snapshot())
    first, second = (each.states for each in again.on_batch([quote_batch([quote(2, "A")])])[0])
    assert first is not None
    assert second is not None
    assert (first.again, first.rows["sequence"].tolist()) == (True, [0, 1])
    assert (second.again, second.rows["sequence"].tolist()) == (False, [2])
    assert sequences(Step(Clock(), Step(Clock()).snapshot()).on_batch([quote_batch([])])[0]) == []
    with pytest.raises(StateIncompatible, match="offsets below 3 and its source starts at 1"):
        again.takes(quote(1, "A"))


def test_bars_go_out_when_they_end_by_the_log_or_by_the_clock() -> None:
    clock = Clock()
    step = Step(clock, intervals=(0,))
    step.takes(quote(0, "A"), quote(1, "B", after_us=1_000_000))
    assert step.on_notify() == ([], step.RETAIN)
    (closed,), _ = step.on_batch([quote_batch([quote(2, "A", after_us=61_000_000)], caught_up=True)])
    assert (closed.states, [(bar.symbol, bar.version) for bar in closed.bars]) == (None, [("A", 0)])
    clock.passes(30)
    step.on_notify()
    assert step.notify_at() == datetime.fromtimestamp(START_US / 1_000_000 + 60.5, UTC)
    clock.passes(60_400)
    assert step.on_notify() == ([], step.RETAIN)
    clock.passes(100)
    (update,), _ = step.on_notify()
    assert (update.states, [(bar.symbol, bar.start_us, bar.version) for bar in update.bars]) == (
        None, [("B", START_US, 1)],
    )  # fmt: skip
    (update,), _ = step.on_batch([quote_batch([quote(3, "A", after_us=125_000_000)])])
    assert update.states is not None
    assert [(bar.symbol, bar.start_us, bar.version) for bar in update.bars] == [("A", START_US + 60_000_000, 2)]
    assert step.notify_at() is None, "it has more to read"
