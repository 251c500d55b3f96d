"""When the live step lets tickers and open bars go out."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from connectors.kafka.source import empty_trades
from connectors.synthetic import SyntheticMarket, symbol_names
from core.bars.rules import Rules
from flows.latency import LatencyHistogram
from flows.live import LOOK_AGAIN, LiveStep, measure
from flows.metrics import FlowMetrics
from schemas.columns import TRADE, TradeBatch
from schemas.intervals import INTERVALS
from sinks.redis.sink import LiveUpdate

CONFLATION = timedelta(milliseconds=20)


class Scene:
    """A step, its clock, and a Redis that is behind or not."""

    def __init__(self, bars_conflation_ms: int = 0, state: bytes | None = None) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.behind = False
        self.past_rests = False
        self.market = SyntheticMarket(symbol_names(3))
        self.step = LiveStep(
            Rules(), 10_000, FlowMetrics("live", CollectorRegistry()), state, lambda: self.now,
            conflation_ms=20, bars_conflation_ms=bars_conflation_ms, is_behind=lambda: self.behind,
            past_rests=lambda: self.past_rests,
        )  # fmt: skip

    def trades(self) -> TradeBatch:
        return self.market.take(10, 1_000)

    def published(self) -> int:
        return self.sent(self.trades())

    def sent(self, batch: TradeBatch) -> int:
        updates, _ = self.step.on_batch([batch])
        return len(list(updates))


def intervals_of(update: LiveUpdate) -> set[int]:
    return set(update.live_bars.rows["interval"].tolist())


def test_the_first_change_goes_out_at_once_and_the_next_after_the_conflation() -> None:
    scene = Scene()
    assert scene.published() == 1
    assert scene.published() == 0
    due = scene.step.notify_at()
    assert due == scene.now + CONFLATION
    scene.now = due
    updates, _ = scene.step.on_notify()
    assert len(list(updates)) == 1
    assert scene.step.notify_at() is None


def test_the_source_is_told_how_long_it_may_wait() -> None:
    scene = Scene()
    assert scene.step.until_due_s() == math.inf
    scene.published()
    assert scene.step.until_due_s() == math.inf, "all is out"
    scene.published()
    assert scene.step.until_due_s() == CONFLATION.total_seconds()
    scene.now += CONFLATION
    assert scene.step.until_due_s() == 0.0
    scene.behind = True
    assert scene.step.until_due_s() == LOOK_AGAIN.total_seconds(), "or it would be asked again and again"


def stamped(batch: TradeBatch) -> TradeBatch:
    batch.rows["timestamp_ms"] = 1_000
    return batch


def latency_count(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("tapeflow_latency_ms_count", {"flow": "live"})


def test_what_is_published_again_after_a_start_is_not_measured() -> None:
    first, registry = Scene(), CollectorRegistry()
    first.sent(stamped(first.trades()))
    state, latency = first.step.snapshot(), LatencyHistogram("live", registry=registry)

    quiet = Scene(state=state)
    [update] = quiet.step.on_batch([empty_trades("trades", 0, first.step.shard.next_offset)])[0]
    assert len(update.tickers) == 3
    measure(latency, [update], 2_000)
    assert latency_count(registry) == 0

    busy = Scene(state=state)
    assert busy.sent(stamped(first.market.take(1, 1_000))) == 0, "the past waits, also for the first time"
    busy.now += timedelta(seconds=6)
    [update] = busy.step.on_batch([empty_trades("trades", 0, busy.step.shard.next_offset)])[0]
    assert len(update.tickers) == 3
    measure(latency, [update], 2_000)
    assert latency_count(registry) == 1, "the one that is new"
    busy.now += timedelta(seconds=6)
    [update] = busy.step.on_batch([stamped(first.market.take(1, 1_000))])[0]
    measure(latency, [update], 2_000)
    assert latency_count(registry) == 2


def test_while_redis_is_behind_changes_are_kept_back_and_looked_at_again_soon() -> None:
    scene = Scene()
    assert scene.published() == 1
    scene.behind = True
    scene.now += 5 * CONFLATION
    assert scene.published() == 0
    updates, _ = scene.step.on_notify()
    assert not list(updates)
    again = scene.step.notify_at()
    assert again is not None
    assert scene.now < again <= scene.now + timedelta(milliseconds=5)
    scene.behind, scene.now = False, again
    updates, _ = scene.step.on_notify()
    assert len(list(updates)) == 1


def test_the_past_goes_out_as_often_as_a_tenth_of_the_time_allows_and_the_present_at_once() -> None:
    scene = Scene()
    past_ms = int(scene.now.timestamp() * 1000) - 60_000
    batches = [scene.trades() for _ in range(4)]
    for batch in batches[:3]:
        batch.rows["timestamp_ms"], batch.caught_up = past_ms, False
    assert scene.sent(batches[0]) == 0
    scene.past_rests = True
    scene.now += timedelta(seconds=30)
    assert scene.sent(batches[1]) == 0
    scene.past_rests = False
    assert scene.sent(batches[2]) == 1
    scene.past_rests = True
    scene.now += CONFLATION
    assert scene.sent(batches[3]) == 1


def test_while_it_catches_up_updates_go_out_rarely_and_at_once_when_it_has() -> None:
    scene = Scene()
    past_ms = int(scene.now.timestamp() * 1000) - 60_000
    batches = [scene.trades() for _ in range(4)]
    for batch in batches:
        batch.rows["timestamp_ms"] = past_ms
        batch.caught_up = False
    assert scene.sent(batches[0]) == 0
    scene.now += timedelta(seconds=1)
    assert scene.sent(batches[1]) == 0
    assert scene.step.notify_at() == scene.now + timedelta(seconds=4)
    scene.now += timedelta(seconds=4)
    assert scene.sent(batches[2]) == 1
    scene.now += CONFLATION
    batches[3].caught_up = True
    assert scene.sent(batches[3]) == 1
    scene.now += CONFLATION
    late = scene.trades()
    late.rows["timestamp_ms"], late.caught_up = int(scene.now.timestamp() * 1000) - 9_000, False
    assert scene.sent(late) == 1, "a few seconds of lag are no past"


def test_the_end_of_input_publishes_what_was_kept_back() -> None:
    scene = Scene()
    assert scene.published() == 1
    scene.behind = True
    assert scene.published() == 0
    updates, _ = scene.step.on_eof()
    assert len(list(updates)) == 1


def test_open_bars_go_out_more_rarely_each_interval_at_its_own_moment_and_are_never_forgotten() -> None:
    scene = Scene(bars_conflation_ms=20 * len(INTERVALS))
    first, _ = scene.step.on_batch([scene.trades()])
    assert [intervals_of(update) for update in first] == [set(range(len(INTERVALS)))]
    for _ in INTERVALS:
        scene.now += timedelta(milliseconds=20)
        updates, _ = scene.step.on_batch([scene.trades()])
        assert [(len(update.tickers) > 0, len(intervals_of(update))) for update in updates] == [(True, 1)]
    went_out = []
    while (due := scene.step.notify_at()) and due < datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC):
        assert due > scene.now
        scene.now = due
        updates, _ = scene.step.on_notify()
        went_out += [each for update in updates for each in intervals_of(update)]
        assert all(len(update.tickers) == 0 for update in updates)
    assert len(set(went_out)) == len(went_out) == len(INTERVALS) - 1, (
        "all but the one that went out with the last trades"
    )
    assert scene.step.wake_at() is None


def test_open_bars_that_were_held_back_go_out_at_the_end() -> None:
    scene = Scene(bars_conflation_ms=1_000)
    scene.published()
    scene.now += timedelta(milliseconds=20)
    scene.published()
    last, _ = scene.step.on_eof()
    assert [len(update.live_bars) > 0 for update in last] == [True]


def test_an_update_of_many_symbols_has_some_intervals_and_the_others_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    monkeypatch.setattr("flows.live.LIVE_BARS_MAX", 2 * 3)
    updates, _ = scene.step.on_batch([scene.trades()])
    went_out = [intervals_of(update) for update in updates]
    while due := scene.step.notify_at():
        scene.now = max(due, scene.now + CONFLATION)
        updates, _ = scene.step.on_notify()
        went_out += [intervals_of(update) for update in updates]
    assert [len(each) for each in went_out] == [2, 2, 2, 1]
    assert set().union(*went_out) == set(range(len(INTERVALS)))
    scene.published()
    last, _ = scene.step.on_eof()
    assert [len(intervals_of(update)) for update in last] == [2, 2, 2, 1]
    assert [len(update.tickers) > 0 for update in last] == [True, False, False, False]


def test_after_a_resume_everything_in_state_goes_out_with_the_first_batch_even_an_empty_one() -> None:
    scene = Scene()
    scene.published()
    scene.published()  # held back, and then the process dies
    again = Scene(state=scene.step.snapshot())
    assert again.step.notify_at() is None, "not before the source says which partition it is"
    updates, _ = again.step.on_batch([TradeBatch("trades", 2, np.empty(0, TRADE), b"", 0, 20, caught_up=True)])
    [update] = updates
    assert update.shard == 2
    assert len(update.tickers) == len(scene.step.shard.symbols)
    assert len(update.live_bars) >= 7
    again.market = scene.market
    assert again.published() == 0, "only once: the next one waits for the conflation"


def test_final_bars_in_state_go_out_again_after_a_resume() -> None:
    scene = Scene()
    scene.published()
    scene.market.now_us += 70_000_000
    scene.published()
    again = Scene(state=scene.step.snapshot())
    updates, _ = again.step.on_batch([TradeBatch("trades", 0, np.empty(0, TRADE), b"", 0, 20, caught_up=True)])
    assert [len(update.final_bars) > 0 for update in updates] == [True]


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    scene = Scene()
    assert scene.published() == 1
    scene.now -= timedelta(hours=1)
    assert scene.published() == 1
