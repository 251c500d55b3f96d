"""The settings of a vendor that is asked again and again over HTTP: where, what stands where, how often.

A part of runtime.settings.whole; everything said there of values and sources holds. `tapeflow ingest http-poll:SYMBOLS`
reads them.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import json_pointer, poll_address, setting

__all__ = ["PollSettings"]


class PollSettings(BaseSettings):
    """What `http-poll` asks by."""

    poll_url: Annotated[str, AfterValidator(poll_address)] = setting(
        "",
        "What http-poll asks for, with {symbol} in it, and {key} where the vendor wants one; empty: it isn't used",
        secret=True,
    )
    poll_key: str = setting("", "Takes the place of {key} in TAPEFLOW_POLL_URL", secret=True)
    poll_price: Annotated[str, AfterValidator(json_pointer)] = setting(
        "/price", "Where the price stands in an answer, as a JSON pointer such as /Global Quote/05. price"
    )
    poll_size: Annotated[str, AfterValidator(json_pointer)] = setting(
        "", "Where a size stands; empty: sizes are 0, as a day's volume is no trade's"
    )
    poll_time: Annotated[str, AfterValidator(json_pointer)] = setting(
        "", "Where the time stands, a number or ISO 8601 with a zone; empty: the time of arrival"
    )
    poll_time_unit: Literal["s", "ms", "us"] = setting("s", "Unit of times that are numbers")
    poll_exchange: str = setting(
        "HTTP-POLL", "Exchange that its trades carry, such as the vendor's name", min_length=1, max_length=32
    )
    poll_interval_ms: int = setting(
        2_000, "How often a symbol is asked for that somebody watches", unit="ms", ge=10, le=86_400_000
    )
    poll_idle_ms: int = setting(
        30_000,
        "With --on-demand: how often a symbol is asked for that the command names and nobody watches",
        unit="ms",
        ge=10,
        le=86_400_000,
    )
    poll_per_minute: int = setting(
        5, "Questions a minute at most, evenly spaced; 5 suits vendors' free plans", ge=1, le=60_000
    )
    poll_stale_ms: int = setting(
        120_000,
        "A symbol without a usable answer for so long is told as stale, once, and counted until one comes",
        unit="ms",
        ge=10,
        le=86_400_000,
    )
