"""The demo's market: where it begins, how it comes to our time, and that its clock never passes ours."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from demo.tape import LAST_US, DemoPlan, market_start_us, synthetic_tape


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def test_market_begins_shortly_before_a_monday() -> None:
    monday = micros("2026-01-05 00:00")
    assert market_start_us(micros("2026-01-07 12:00")) == monday - 2 * 60_000_000
    assert market_start_us(micros("2026-01-05 01:30")) == monday - 2 * 60_000_000
    assert market_start_us(micros("2026-01-05 00:30")) == monday - 2 * 60_000_000 - 7 * 86_400_000_000


WEEK_US, ORIGIN_US = 7 * 86_400_000_000, 4 * 86_400_000_000
SLICE_US = 200_000


def newest(monkeypatch, now: str, slices: int, rate: float = 1_000) -> list[int]:
    """The newest time of each slice, from a demo that begins at ``now`` and sends a slice in its time."""
    clock = {"us": micros(now)}
    monkeypatch.setattr("demo.tape.time.time_ns", lambda: clock["us"] * 1000)
    tape = synthetic_tape(DemoPlan(symbols=3), rate)
    times = []
    for _ in range(slices):
        times.append(int(next(tape).rows["event_time_us"].max()))
        clock["us"] += SLICE_US
    return times


def test_every_interval_ends_within_seconds(monkeypatch) -> None:
    times = newest(monkeypatch, "2026-01-10 12:00", 15)
    assert (times[0] - ORIGIN_US) // WEEK_US < (times[-1] - ORIGIN_US) // WEEK_US
    assert times[-1] % 86_400_000_000 > 5_000_000, "and so far that what comes out of order is over"


@pytest.mark.parametrize("now", ["2026-01-05 01:00", "2026-01-05 00:10", "2026-01-07 12:00", "2026-01-11 23:59:58"])
def test_the_market_reaches_our_time_within_twelve_seconds_and_stays(monkeypatch, now: str) -> None:
    times = newest(monkeypatch, now, 150)
    ours = [micros(now) + SLICE_US * slices for slices in range(150)]
    assert all(market <= our for market, our in zip(times, ours, strict=True)), "never ahead"
    assert all(our - market < 1_000_000 for market, our in zip(times[60:], ours[60:], strict=True))
    assert ours[30] - times[30] < LAST_US, "after six seconds it is in the last minutes"


def test_a_pause_is_made_up_for(monkeypatch) -> None:
    now_us = micros("2026-01-07 12:00")
    monkeypatch.setattr("demo.tape.time.time_ns", lambda: now_us * 1000)
    tape = synthetic_tape(DemoPlan(symbols=2), rate=10)
    for batch in islice(tape, 400):
        assert batch.rows["event_time_us"].max() <= now_us
    now_us += 3 * 86_400_000_000
    times = [int(batch.rows["event_time_us"].max()) for batch in islice(tape, 400)]
    assert now_us - times[-1] < 1_000_000
