"""The demo's market: where it begins, and that its clock never passes ours."""

from datetime import UTC, datetime
from itertools import islice

from demo.tape import DemoPlan, market_start_us, synthetic_tape


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def test_market_begins_shortly_before_a_monday() -> None:
    monday = micros("2026-01-05 00:00")
    assert market_start_us(micros("2026-01-07 12:00")) == monday - 5 * 60_000_000
    assert market_start_us(micros("2026-01-05 01:30")) == monday - 5 * 60_000_000
    assert market_start_us(micros("2026-01-05 00:30")) == monday - 5 * 60_000_000 - 7 * 86_400_000_000


def test_every_interval_ends_within_seconds() -> None:
    batches = list(islice(synthetic_tape(DemoPlan(symbols=3), rate=1_000), 40))
    first, last = batches[0].rows["event_time_us"].max(), batches[-1].rows["event_time_us"].max()
    week_us = 7 * 86_400_000_000
    origin_us = 4 * 86_400_000_000
    assert (first - origin_us) // week_us < (last - origin_us) // week_us


def test_market_slows_down_when_it_has_caught_up(monkeypatch) -> None:
    now_us = micros("2026-01-05 01:00:00")
    monkeypatch.setattr("demo.tape.time.time_ns", lambda: now_us * 1000)
    tape = synthetic_tape(DemoPlan(symbols=2), rate=10)
    times = [int(batch.rows["event_time_us"].max()) for batch in islice(tape, 400)]
    assert max(times) <= now_us + 400 * 200_000
    assert times[-1] - times[-2] < 1_000_000
