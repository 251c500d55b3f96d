"""The settings of quotes: which topic has them, how its records are written, which bars are made of them.

A part of runtime.settings.whole; everything said there of values and sources holds. Times (future, conflation) and
words of numbers and times are those of trades.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import Names, interval_names, quote_fields, setting
from schemas.names import QUOTES_TOPIC

__all__ = ["QuoteSettings"]


class QuoteSettings(BaseSettings):
    """What `tapeflow run quotes` reads."""

    quotes_topic: str = setting(
        QUOTES_TOPIC, "Topic of quotes: best bids and asks, keyed by symbol", pattern=r"^[A-Za-z0-9._-]{1,249}$"
    )
    quotes_format: Literal["confluent", "avro", "json"] = setting(
        "confluent", "How its record values are written: Avro with Confluent's 5-byte frame, plain Avro, or JSON"
    )
    quotes_field_map: Annotated[dict[str, str], AfterValidator(quote_fields)] = setting(
        {},
        'Our quote field → the name in your records, e.g. {"bid": "b", "ask": "a"}; JSON; empty: the same names',
    )
    quote_intervals: Annotated[Names, AfterValidator(interval_names)] = setting(
        (), "Intervals of bars of quotes, kept in ClickHouse: 1m,1h; with commas; none keeps quotes in Redis alone"
    )
