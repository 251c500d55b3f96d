"""Bars as framed Avro: exact, and read back by the shipped schema."""

import io
from decimal import Decimal
from struct import unpack

import fastavro

from schemas.avro import load_schema
from sinks.kafka.avro_bars import bar_records
from tests.unit.sinks.rows import START_US, bars

BIG = "123456789012345678901234567890123456789.00000000000000000001"


def test_bars_read_back_exactly() -> None:
    batch = bars(
        {
            "symbol": "A",
            "close": "999999999999999999.9999999999",
            "quote_volume": BIG,
            "version": 9,
        },
        {"symbol": "B", "interval": "1D", "vwap": None, "revision": 4, "final": 1, "stddev": "0.0000000001"},
    )
    (key, value), (other_key, other) = bar_records(batch, schema_id=77)
    assert (key, other_key) == (f"A|1m|{START_US // 1000}".encode(), f"B|1D|{START_US // 1000}".encode())
    assert unpack(">bI", value[:5]) == (0, 77)
    first, second = (
        fastavro.schemaless_reader(io.BytesIO(framed[5:]), load_schema("Bar"), None) for framed in (value, other)
    )
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert (first["close"], first["quote_volume"]) == (Decimal("999999999999999999.9999999999"), Decimal(BIG))
    assert (first["version"], first["final"], first["vwap"]) == (9, False, Decimal("1.5"))
    assert (second["vwap"], second["revision"], second["final"], second["stddev"]) == (None, 4, True, Decimal("1E-10"))
    assert second["start"].timestamp() * 1e6 == START_US
