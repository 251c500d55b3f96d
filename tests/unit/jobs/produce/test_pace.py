"""What is due when: rates, recorded speed, and tapes cut accordingly."""

import itertools

import numpy as np

from jobs.produce.pace import AtOnce, AtRate, AtSpeed, sliced
from schemas.columns import TRADE, TradeBatch


def batch(*event_times_s: float) -> TradeBatch:
    rows = np.zeros(len(event_times_s), TRADE)
    rows["event_time_us"] = np.array(event_times_s) * 1_000_000
    return TradeBatch("t", 0, rows, b"", len(rows), len(rows))


class Clock:
    """Moves only when somebody waits; ``ends_at_s`` ends the tape."""

    def __init__(self, ends_at_s: float = 1e9) -> None:
        self.now_s = 100.0
        self._ends_at_s = 100.0 + ends_at_s

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        self.now_s += seconds
        return self.now_s >= self._ends_at_s


def sent_by(clock: Clock, batches: list[TradeBatch], pace: AtOnce | AtRate | AtSpeed) -> list[tuple[float, int]]:
    """(seconds, trades so far) after each part."""
    parts = ((round(clock.now_s - 100, 2), len(part)) for part in sliced(batches, pace, clock, clock.wait))
    times, sizes = zip(*parts, strict=True)
    return list(zip(times, itertools.accumulate(sizes), strict=True))


def test_rate_is_kept_over_batches() -> None:
    sent = sent_by(Clock(), [batch(*[0] * 30), batch(*[0] * 30)], AtRate(100))
    assert sent[-1] == (0.6, 60)
    assert all(abs(count - 100 * time) <= 1 for time, count in sent)


def test_at_once_cuts_nothing() -> None:
    assert sent_by(Clock(), [batch(1, 2), batch(3)], AtOnce()) == [(0.0, 2), (0.0, 3)]


def test_recorded_speed_is_divided() -> None:
    assert sent_by(Clock(), [batch(50, 52), batch(54)], AtSpeed(10)) == [(0.0, 1), (0.2, 2), (0.4, 3)]


def test_trade_behind_its_time_comes_with_the_one_before() -> None:
    assert sent_by(Clock(), [batch(50, 52, 51), batch(50, 53)], AtSpeed(10)) == [(0.0, 1), (0.2, 3), (0.2, 4), (0.3, 5)]


def test_waiting_may_end_the_tape() -> None:
    assert sent_by(Clock(ends_at_s=0.05), [batch(*[0] * 1000)], AtRate(100))[-1][1] <= 5


def test_a_gap_in_the_recording_does_not_outlast_the_seconds() -> None:
    clock = Clock()
    parts = list(sliced([batch(0, 3600)], AtSpeed(1), clock, clock.wait, 2.0))
    assert [len(part) for part in parts] == [1]
    assert clock.now_s - 100 <= 2.0 + 0.02


def test_what_is_due_within_the_seconds_is_sent_and_no_more() -> None:
    clock = Clock()
    parts = sliced([batch(*[0] * 30)] * 9, AtRate(100), clock, clock.wait, 0.505)
    assert sum(len(part) for part in parts) == 50


def test_a_tape_without_end_or_waiting_ends_with_the_seconds() -> None:
    clock = Clock()
    for sent, _ in enumerate(sliced(itertools.repeat(batch(0)), AtOnce(), clock, clock.wait, 1.0)):
        assert sent <= 4, "those begun within the time, and one last"
        clock.now_s += 0.25


def test_parts_keep_text_and_order() -> None:
    whole = batch(*range(100))
    clock = Clock()
    parts = list(sliced([whole], AtRate(1000), clock, clock.wait))
    assert np.concatenate([part.rows for part in parts]).tobytes() == whole.rows.tobytes()
    assert all(part.read == len(part) for part in parts)
