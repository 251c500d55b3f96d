"""Where one stands in a market's trades."""

import pytest

from feeds.frame import EMPTY
from feeds.marks import Mark, is_behind, mark_of, time_us_of
from feeds.rows import Trade


def trade(trade_id: str, event_time: int | str) -> Trade:
    return Trade("A/B", "AB", EMPTY, EMPTY, "BUY", trade_id, event_time)


@pytest.mark.parametrize(
    ("event_time", "time_us"),
    [
        (1_700_000_000_123_456, 1_700_000_000_123_456),
        ("2023-11-14T22:13:20.123456Z", 1_700_000_000_123_456),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000_000_000),
        ("2023-11-14T23:13:20", 0),
        ("soon", 0),
    ],
)
def test_times_of_all_forms(event_time: int | str, time_us: int) -> None:
    assert time_us_of(event_time) == time_us
    assert mark_of(trade("7", event_time)) == Mark(time_us, "7")


def test_behind_a_mark_by_id_or_by_time() -> None:
    mark = Mark(50, "9")
    assert is_behind(trade("10", 40), mark, by_id=True)
    assert not is_behind(trade("9", 60), mark, by_id=True)
    assert not is_behind(trade("10", 40), mark, by_id=False)
    assert is_behind(trade("8", 50), mark, by_id=False), "another one of the same moment may come after it"
    assert not is_behind(trade("9", 50), mark, by_id=False)
    assert is_behind(trade("8", 51), Mark(50), by_id=True), "a mere moment has no id"
