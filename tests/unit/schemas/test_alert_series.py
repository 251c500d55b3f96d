"""What each series may say, and that its windows are whole."""

from typing import get_args

import pytest

from schemas.alert_rules import CONDITIONS
from schemas.alert_series import DAY_WINDOW, SERIES, SPANS, USABLE, WINDOWS, Series, series_fault
from schemas.intervals import INTERVALS


def test_every_series_has_its_words() -> None:
    assert tuple(SERIES) == get_args(Series)
    for words in SERIES.values():
        assert set(words.conditions) <= set(CONDITIONS)
        assert set(words.windows) <= set(WINDOWS)


def test_windows_are_as_long_as_their_names_say() -> None:
    lengths_us = {each.name: each.slices * each.slice_us for each in SPANS}
    for interval in INTERVALS:
        assert lengths_us.get(interval.name, interval.length_us) == interval.length_us
    assert lengths_us["day"] == lengths_us["1D"]
    assert SPANS[DAY_WINDOW].name == "day"
    assert lengths_us["52w"] - SPANS[-1].slice_us == 52 * 7 * lengths_us["day"]


@pytest.mark.parametrize(
    ("series", "window", "condition", "field"),
    [
        ("price", "", "rises_by", ""),
        ("price", "1h", "above", "window must be empty"),
        ("close", "1W", "crosses_below", ""),
        ("close", "day", "above", "window of"),
        ("rise", "1h", "crosses_above", ""),
        ("rise", "1h", "below", "condition of"),
        ("low", "52w", "below", ""),
        ("low", "52w", "above", "condition of"),
        ("vwap", "1h", "above", "window of"),
        ("silence", "", "above", ""),
    ],
)
def test_series_window_and_condition_go_together(series: str, window: str, condition: str, field: str) -> None:
    assert ((series, window, condition) in USABLE) == (not field)
    if field:
        assert series_fault(series, window).startswith(field)
