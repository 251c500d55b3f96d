"""The table of intervals, in words of its own, and what holds for any table."""

import pytest

from schemas.columns import LENGTHS_US, ORIGINS_US
from schemas.intervals import DAY, INTERVALS, WEEK, parse_interval, parse_intervals

MINUTE_US = 60_000_000
THURSDAY_NOON_US = 12 * 60 * MINUTE_US


def test_the_seven_of_the_contract() -> None:
    minutes = {"1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1D": 1440, "1W": 10_080}
    assert {interval.name: interval.length_us // MINUTE_US for interval in INTERVALS} == minutes
    assert (INTERVALS[DAY].name, INTERVALS[WEEK].name) == ("1D", "1W")


@pytest.mark.parametrize("interval", INTERVALS, ids=lambda interval: interval.name)
def test_a_bar_holds_its_start_and_not_its_end(interval) -> None:
    start_us = interval.start_us(THURSDAY_NOON_US)
    assert start_us <= THURSDAY_NOON_US < start_us + interval.length_us
    assert interval.start_us(start_us) == interval.start_us(start_us + interval.length_us - 1) == start_us
    assert interval.start_us(start_us + interval.length_us) == start_us + interval.length_us
    assert start_us == (-3 * 1440 * MINUTE_US if interval.name == "1W" else 0) or interval.name not in ("1D", "1W")


def test_columns_are_in_the_tables_order() -> None:
    assert list(zip(LENGTHS_US.tolist(), ORIGINS_US.tolist(), strict=True)) == [each[1:] for each in INTERVALS]


def test_names_as_users_write_them() -> None:
    for index, interval in enumerate(INTERVALS):
        assert parse_interval(interval.name) == index
    assert (parse_interval("1d"), parse_interval("1w")) == (DAY, WEEK)
    assert parse_intervals(" 1W, 1m,,1m") == (0, WEEK)
    with pytest.raises(ValueError, match=r"Invalid interval: 2m\. Valid: 1m, 5m, 15m, 1h, 4h, 1D, 1W"):
        parse_interval("2m")
