"""The stateful step of the quotes flow: one QuoteBook per partition, its conflation, its recovery state.

Bytewax hands in QuoteBatches of one partition; QuoteStates and bars go out to sinks. Of each symbol the newest quote
goes out, the first change at once and then at most once per ``conflation_ms``; while the flow catches up with the log,
once in 5 s. Bars go out when they end; the clock announces those of a quiet partition when the flow has read all there
is and ``idle_close_ms`` have passed. State moves by records alone, the clock decides only when something is published.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bytewax.operators import StatefulBatchLogic

from core.quotes.book import QuoteBook, QuoteRules
from core.quotes.book_state import restore_book, snapshot_book
from flows.batch_spans import applying
from flows.live import CATCH_UP_CONFLATION, CATCHING_UP_MS, LOOK_AGAIN
from flows.quotes_metrics import QuotesMetrics
from flows.shard_step import microseconds, utc_now
from schemas.errors import StateIncompatible
from schemas.quotes import QuoteBar, QuoteBatch, QuoteStates

__all__ = ["QuotesStep", "QuotesUpdate"]


class QuotesUpdate(NamedTuple):
    """What goes to Redis, and the bars that go to ClickHouse."""

    states: QuoteStates | None
    bars: list[QuoteBar]


class QuotesStep(StatefulBatchLogic[QuoteBatch, QuotesUpdate, bytes]):
    """``state``: what a snapshot gave, None at the first start. ``clock`` gives an aware UTC time.

    is_behind: whether updates wait for Redis; then they are kept back longer, as a later one replaces them anyway.
    """

    def __init__(
        self,
        state: bytes | None,
        rules: QuoteRules,
        conflation_ms: int,
        idle_close_ms: int,
        metrics: QuotesMetrics,
        *,
        is_behind: Callable[[], bool] = lambda: False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.book = QuoteBook(rules) if state is None else restore_book(state, rules)
        self._metrics = metrics
        self._conflation = timedelta(milliseconds=conflation_ms)
        self._idle_close = timedelta(milliseconds=idle_close_ms)
        self._is_behind = is_behind
        self._clock = clock
        self._published_at: datetime | None = None
        self._last_batch_at: datetime | None = None
        self._catching_up = False
        self._again = state is not None

    def on_batch(self, values: list[QuoteBatch]) -> tuple[Iterable[QuotesUpdate], bool]:
        states = list(self._published_before())
        for batch in values:
            self._check_order(batch)
            with applying(batch):
                self._metrics.count_batch(batch, self.book.apply(batch))
        newest = values[-1]
        self._catching_up = not newest.caught_up and self._is_past(newest)
        self._last_batch_at = self._clock() if newest.caught_up else None
        if self._is_due():
            states += self._flush()
        return _updates(states, self.book.take_bars()), self.RETAIN

    def on_notify(self) -> tuple[Iterable[QuotesUpdate], bool]:
        now, bars_at = self._clock(), self._bars_at()
        bars = []
        if bars_at is not None and now >= bars_at:
            bars = self.book.take_bars(microseconds(now - self._idle_close))
        return _updates(self._flush() if self._is_due() else [], bars), self.RETAIN

    def on_eof(self) -> tuple[Iterable[QuotesUpdate], bool]:
        return _updates(self._flush(), []), self.RETAIN

    def notify_at(self) -> datetime | None:
        times = [time for time in (self._states_at(), self._bars_at()) if time is not None]
        return min(times, default=None)

    def _states_at(self) -> datetime | None:
        if not self.book.changed:
            return None
        now = self._clock()
        due_at = now if self._published_at is None else self._published_at + self._span
        return due_at if due_at > now else now + LOOK_AGAIN

    def _bars_at(self) -> datetime | None:
        """When the next bar of a quiet partition is to be announced."""
        end_us = self.book.next_end_us()
        if self._last_batch_at is None or end_us is None:
            return None
        return max(datetime.fromtimestamp(end_us / 1_000_000, UTC), self._last_batch_at) + self._idle_close

    def snapshot(self) -> bytes:
        return snapshot_book(self.book)

    @property
    def _span(self) -> timedelta:
        return CATCH_UP_CONFLATION if self._catching_up else self._conflation

    def _published_before(self) -> Iterable[QuoteStates]:
        """After a start: what was held back at the last snapshot, and what Redis may have lost since."""
        if self._again:
            self._again = False
            self.book.touch_all()
            states = self.book.take_changed()
            if len(states):
                yield replace(states, again=True)

    def _is_past(self, batch: QuoteBatch) -> bool:
        newest_ms = int(batch.rows["timestamp_ms"][-1]) if len(batch) else -1
        return 0 <= newest_ms < self._clock().timestamp() * 1000 - CATCHING_UP_MS

    def _is_due(self) -> bool:
        if self._published_at is None:
            return True
        # A clock that was set back must not hold output up for as long as it jumped.
        passed = not self._published_at <= self._clock() < self._published_at + self._span
        return passed and not self._is_behind()

    def _flush(self) -> list[QuoteStates]:
        if not self.book.changed:
            return []
        self._published_at = self._clock()
        return [self.book.take_changed()]

    def _check_order(self, batch: QuoteBatch) -> None:
        # Source and book are kept in one epoch. If they ever disagree, a second count would be silent: stop instead.
        if len(batch) and int(batch.rows["offset"][0]) < self.book.next_offset:
            raise StateIncompatible(
                f"the recovery state of {batch.topic}[{batch.partition}] has applied offsets below"
                f" {self.book.next_offset} and its source starts at {int(batch.rows['offset'][0])}",
                where="TAPEFLOW_RECOVERY_DIR",
                mend="move the folder away and start again; the state is rebuilt from Kafka",
            )


def _updates(states: list[QuoteStates], bars: list[QuoteBar]) -> list[QuotesUpdate]:
    """One for each of ``states``; the bars go with the last."""
    if not states:
        return [QuotesUpdate(None, bars)] if bars else []
    return [*(QuotesUpdate(each, []) for each in states[:-1]), QuotesUpdate(states[-1], bars)]
