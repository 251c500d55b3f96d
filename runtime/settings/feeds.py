"""The settings of sessions with venues: where they are, how long a silence, a gap, a pause and a grace may last.

A part of runtime.settings.whole; everything said there of values and sources holds. Defaults suit every venue; what a
venue asks for by itself, such as its pings, stands in its file of feeds/.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import Names, setting, venue_addresses

__all__ = ["FeedSettings"]


class FeedSettings(BaseSettings):
    """What `tapeflow ingest` asks venues by."""

    feed_addresses: Annotated[Names, AfterValidator(venue_addresses)] = setting(
        (),
        "Where venues are instead of their usual places, such as bitget=wss://host:port for the WebSocket and "
        "bitget=https://host:port for REST, with commas; the path stays",
    )
    feed_series: Literal["symbol", "venue"] = setting(
        "symbol",
        "Whether venues share a symbol and its bars, such as BTC/USDT, or each has its own, such as BTC/USDT@BITGET",
    )
    feed_silence_ms: int = setting(
        45_000,
        "A connection that brought nothing for so long is opened anew; longer than any venue is silent in health",
        unit="ms",
        ge=100,
        le=3_600_000,
    )
    feed_pause_ms: int = setting(
        1_000,
        "First pause before a venue is asked again; it doubles up to thirty times as long, and varies by half",
        unit="ms",
        ge=1,
        le=60_000,
    )
    feed_fill_ms: int = setting(
        30_000,
        "How long a market's trades wait while REST doesn't give what a gap lacks; then the gap is told and left",
        unit="ms",
        ge=1,
        le=3_600_000,
    )
    feed_check_ms: int = setting(
        60_000,
        "How often each market's trades are held against the venue's REST, to find those that its socket dropped",
        unit="ms",
        ge=100,
        le=86_400_000,
    )
    feed_listing_ms: int = setting(
        300_000,
        "With --all-usdt and --on-demand: how often a venue is asked for the list of its markets",
        unit="ms",
        ge=100,
        le=86_400_000,
    )
    feed_grace_ms: int = setting(
        30_000,
        "With --on-demand: how long a symbol is followed when nobody watches it any more; pages that are loaded again "
        "then cost the venue nothing",
        unit="ms",
        ge=0,
        le=86_400_000,
    )
