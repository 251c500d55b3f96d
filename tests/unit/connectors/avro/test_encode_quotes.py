"""Quotes as Avro: a stock library reads back what was written, in the order of the shipped schema."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import fastavro

from connectors.avro.encode_quotes import encode_quotes
from oracle.quotes import OracleQuote
from schemas.avro import QUOTE_SCHEMA_ID, load_schema
from tests.property.quote_records import START_US, quote_batch

QUOTES = [
    OracleQuote(0, 0, START_US + 1, "A", Decimal("1.5"), Decimal("999999999999999999.9999999999")),
    OracleQuote(0, 1, 0, "Ü/B", Decimal("0.0000000001"), Decimal(2), Decimal(0), Decimal("12.25")),
]


def test_a_library_reads_them() -> None:
    framed = encode_quotes(quote_batch(QUOTES))
    plain = encode_quotes(quote_batch(QUOTES), None)
    assert framed == [b"\0" + QUOTE_SCHEMA_ID.to_bytes(4, "big") + value for value in plain]
    for value, quote in zip(plain, QUOTES, strict=True):
        read: Any = fastavro.schemaless_reader(io.BytesIO(value), load_schema("Quote"), None)
        assert read == {
            "symbol": quote.symbol, "bid": quote.bid, "ask": quote.ask, "bid_size": quote.bid_size,
            "ask_size": quote.ask_size, "exchange": "XNAS",
            "event_time": datetime.fromtimestamp(0, UTC) + timedelta(microseconds=quote.event_time_us),
        }  # fmt: skip
