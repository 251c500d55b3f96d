"""The series that users' rules look at: their names, windows and the conditions that each knows.

A rule is a series of a symbol, a direction and a bound. The gateway checks rules by these words, the alerts flow makes
its tables from them, and docs/contract.md says what each value is. A window is so many slices of equal length, aligned
to the epoch, of which the newest is open: so what it holds is a function of the log, in bounded memory.
"""

from typing import Final, Literal, NamedTuple, get_args

from schemas.intervals import INTERVALS

__all__ = [
    "DAY_WINDOW",
    "SERIES",
    "SPANS",
    "USABLE",
    "WINDOWS",
    "AlertWindow",
    "Series",
    "SeriesWords",
    "Window",
    "series_fault",
]

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
TWELVE: Final = 12
"""A window has as many slices: its beginning moves on by a twelfth of its length."""
FOUR_WEEKS: Final = 14
"""The year has so many slices of four weeks: never less than 52 weeks, never more than 56."""

Series = Literal["price", "close", "vwap", "rise", "fall", "high", "low", "volume", "trades", "silence"]
Window = Literal["", "1m", "5m", "15m", "1h", "4h", "1D", "1W", "day", "52w"]
WINDOWS: Final[tuple[str, ...]] = get_args(Window)


class AlertWindow(NamedTuple):
    """``slices`` of ``slice_us`` each."""

    name: str
    slices: int
    slice_us: int


SPANS: Final = (
    *(AlertWindow(each.name, TWELVE, each.length_us // TWELVE) for each in INTERVALS if each.name != "1W"),
    AlertWindow("day", 1, DAY_US),
    AlertWindow("52w", FOUR_WEEKS, 28 * DAY_US),
)
"""What is kept of each symbol. ``day`` is the UTC day; DAY_WINDOW its place here."""
DAY_WINDOW: Final = [each.name for each in SPANS].index("day")


class SeriesWords(NamedTuple):
    """What a rule on a series may say. may_be_zero: whether its threshold may be 0."""

    conditions: tuple[str, ...]
    windows: tuple[str, ...] = ("",)
    may_be_zero: bool = False


LEVELS: Final = ("crosses_above", "crosses_below", "above", "below")
UPWARD: Final = ("above", "crosses_above")
ROLLING: Final = tuple(each.name for each in SPANS if each.slices == TWELVE)
ALL_SPANS: Final = tuple(each.name for each in SPANS)
SERIES: Final[dict[str, SeriesWords]] = {
    "price": SeriesWords((*LEVELS, "rises_by", "falls_by")),
    "close": SeriesWords(LEVELS, tuple(each.name for each in INTERVALS)),
    "vwap": SeriesWords(LEVELS, ("day",), may_be_zero=True),
    "rise": SeriesWords(UPWARD, ROLLING),
    "fall": SeriesWords(UPWARD, ROLLING),
    "high": SeriesWords(("above",), ALL_SPANS, may_be_zero=True),
    "low": SeriesWords(("below",), ALL_SPANS, may_be_zero=True),
    "volume": SeriesWords(UPWARD, ROLLING),
    "trades": SeriesWords(UPWARD, ROLLING),
    "silence": SeriesWords(("above",)),
}
"""By name, in the order of Series."""
USABLE: Final = frozenset(
    (series, window, condition)
    for series, words in SERIES.items()
    for window in words.windows
    for condition in words.conditions
)
"""(series, window, condition) of a rule that has no fault there."""


def series_fault(series: str, window: str) -> str:
    """What makes the three unusable together, which aren't in USABLE. Begins with the name of the field."""
    words = SERIES[series]
    if window not in words.windows:
        if words.windows == ("",):
            return f"window must be empty for the series {series}"
        return f"window of the series {series} must be one of {', '.join(words.windows)}"
    return f"condition of the series {series} must be one of {', '.join(words.conditions)}"
