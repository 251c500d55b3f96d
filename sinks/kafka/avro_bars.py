"""Turns final bars into Avro records in Confluent framing, with the key that the compacted topic needs.

For sinks.kafka.sink. Decimals are written exactly, at the scales of the shipped Bar schema. The key names the bar
(``symbol|interval|start ms``), so that compaction keeps its newest revision.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from struct import pack
from typing import Any, Final

import fastavro

from kernels.decimal_text import QUOTE_SCALE, from_limbs, from_pairs, to_decimal
from schemas.avro import BAR_SCHEMA_ID, load_schema
from schemas.columns import BarBatch, BarRow
from schemas.intervals import INTERVALS

__all__ = ["bar_records"]

_BEFORE_1970: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DECIMALS: Final = ("open", "high", "low", "close", "volume", "buy_volume", "vwap", "stddev")
_SCHEMA: Final = fastavro.parse_schema(load_schema("Bar"))


def bar_records(batch: BarBatch, schema_id: int = BAR_SCHEMA_ID) -> Iterator[tuple[bytes, bytes]]:
    """(key, framed value) of each row; ``schema_id`` is the registry's where there is one."""
    head = pack(">bI", 0, schema_id)
    rows = batch.rows
    columns = {name: from_pairs(rows[name + "_hi"], rows[name + "_lo"]) for name in _DECIMALS}
    for index, row in enumerate(rows):
        record = _record(batch.symbols[row["symbol"]], row)
        record.update((name, to_decimal(values[index])) for name, values in columns.items())
        if not row["has_vwap"]:
            record["vwap"] = None
        out = BytesIO()
        out.write(head)
        fastavro.schemaless_writer(out, _SCHEMA, record)
        key = f"{record['symbol']}|{record['interval']}|{int(row['start_us']) // 1000}"
        yield key.encode(), out.getvalue()


def _record(symbol: str, row: BarRow) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "interval": INTERVALS[int(row["interval"])].name,
        "start": _BEFORE_1970 + timedelta(microseconds=int(row["start_us"])),
        "quote_volume": to_decimal(from_limbs(row["quote_volume"]), QUOTE_SCALE),
        "trade_count": int(row["trade_count"]),
        "version": int(row["version"]),
        "revision": int(row["revision"]),
        "final": bool(row["final"]),
    }
