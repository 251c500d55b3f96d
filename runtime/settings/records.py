"""The settings of what a record looks like: its format, its fields, its words for times and sides.

A part of runtime.settings.whole; everything said there of values and sources holds. Decoders are made from it, and
the oracle reads by it.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import own_fields, setting, side_words, zoned_time

__all__ = ["RecordSettings"]


class RecordSettings(BaseSettings):
    """How a trade is written in a record."""

    value_format: Literal["confluent", "avro", "json"] = setting(
        "confluent", "How record values are written: Avro with Confluent's 5-byte frame, plain Avro, or JSON"
    )
    field_map: Annotated[dict[str, str], AfterValidator(own_fields)] = setting(
        {},
        'Our trade field → the name in your records, e.g. {"size": "qty"}; JSON; empty means the same names; with a ?'
        " behind it some records may lack the field, with [] every item of an array is a trade (docs/values.md)",
    )
    time_unit: Literal["auto", "s", "ms", "us", "ns"] = setting(
        "auto", "Unit of event times given as plain numbers; auto takes it from the size of the number"
    )
    time_origin: Annotated[str, AfterValidator(zoned_time)] = setting(
        "",
        "Moment that event times given as plain numbers count from, e.g. 2026-01-31T00:00:00-05:00 where they are"
        " seconds after midnight; empty means 1970",
    )
    side_map: Annotated[dict[str, str], AfterValidator(side_words)] = setting(
        {},
        'Your word for a side → BUY, SELL or UNKNOWN, e.g. {"1": "BUY", "2": "SELL"}; JSON; buy, b, bid, sell, s, ask,'
        " a and the like need none",
    )
    side_of: Literal["taker", "maker"] = setting(
        "taker", "Whose side the words name; maker turns them round, and takes true for: the buyer is the maker"
    )
    signed_size: bool = setting(False, "A size below zero is a sell of that size, one above zero a buy")
    price_scale: int = setting(
        0, "Decimal places of prices sent as whole numbers: a price of 2238200 with 4 is 223.82", ge=0, le=38
    )
    size_scale: int = setting(0, "Decimal places of sizes sent as whole numbers, as of prices", ge=0, le=38)
    round_numbers: bool = setting(
        False, "Round numbers of more than 10 decimal places half-even, and count them; off, so that none is changed"
    )
    batch_records_max: int = setting(
        10_000, "Most records in one batch; larger only costs latency and memory", unit="records", ge=1, le=1_000_000
    )
    value_bytes_max: int = setting(
        1_000_000, "A larger record value is refused; Kafka's own default limit", unit="bytes", ge=100, le=100_000_000
    )
