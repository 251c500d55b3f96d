"""The settings of time: when a bar closes, until when it takes late trades, and what a duplicate is.

A part of runtime.settings.whole; everything said there of values and sources holds. They decide which bars come out,
so the oracle goes by them too.
"""

from typing import Annotated, Final

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import YEAR_MS, Names, candle_rules, lateness_by_interval, setting

__all__ = ["TimeSettings"]

HOUR_MS: Final = 3_600_000


class TimeSettings(BaseSettings):
    """The rules that decide what a bar holds."""

    out_of_order_ms: int = setting(
        5_000, "How far behind the newest a trade may arrive before bars close without it", unit="ms", ge=0, le=HOUR_MS
    )
    lateness_ms: int = setting(
        60_000, "How long after its close a bar still takes late trades, as a revision", unit="ms", ge=0, le=YEAR_MS
    )
    lateness_ms_by_interval: Annotated[dict[str, int], AfterValidator(lateness_by_interval)] = setting(
        {}, 'Lateness of single intervals, e.g. {"1D": 3600000}; JSON; the others take lateness_ms', unit="ms"
    )
    future_ms: int = setting(
        60_000,
        "A trade stamped further ahead of its Kafka record is refused, as it would close every bar",
        unit="ms",
        ge=0,
        le=YEAR_MS,
    )
    dedupe: bool = setting(
        False,
        "Drop a trade whose id was seen before for its symbol and exchange; off, as not every venue has ids",
    )
    dedupe_window: int = setting(
        100_000,
        "How many ids a partition remembers: 48 bytes each, which a snapshot writes; what was forgotten is unjudged",
        unit="ids",
        ge=1,
        le=20_000_000,
    )
    dedupe_span_ms: int = setting(
        HOUR_MS,
        "From which distance in event time on an id seen before is another trade's, as where ids begin anew each day",
        unit="ms",
        ge=1,
        le=YEAR_MS,
    )
    candle_open: Annotated[Names, AfterValidator(candle_rules)] = setting(
        ("first-trade",),
        "At what a bar opens: first-trade, its own; previous-close, the close of the bar before it; behind that other"
        " rules of single exchanges, such as BITGET=previous-close (docs/adr/0043-at-what-a-bar-opens.md)",
    )
    source_epoch: int = setting(
        0, "Raise by one when the topic was created anew, so that sequences keep rising", ge=0, le=511
    )
    idle_close_ms: int = setting(
        10_000, "A caught-up partition without trades publishes ended bars as final after this", unit="ms", ge=100
    )
