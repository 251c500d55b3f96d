"""The least time of two windows, whatever sign it has."""

from jobs.ingest.clock_offset import WINDOW_US, ClockOffset


def test_the_least_of_this_window_and_the_one_before_counts() -> None:
    offset, start_us = ClockOffset(), 10 * WINDOW_US
    assert offset.observe(start_us, start_us - 30_000) == 30
    assert offset.observe(start_us + 1, start_us + 1 - 12_500) == 12.5
    assert offset.observe(start_us + 2, start_us - 80_000) == 12.5
    assert offset.observe(start_us + WINDOW_US, start_us + WINDOW_US - 20_000) == 12.5
    assert offset.observe(start_us + 2 * WINDOW_US, start_us + 2 * WINDOW_US - 25_000) == 20
    assert offset.observe(start_us + 4 * WINDOW_US, start_us + 4 * WINDOW_US - 90_000) == 90, "nothing came for long"


def test_a_clock_that_is_behind_the_venues_is_below_zero() -> None:
    assert ClockOffset().observe(WINDOW_US, WINDOW_US + 700_000) == -700
