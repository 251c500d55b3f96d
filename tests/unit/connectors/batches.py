"""Batches of record values for tests of decoders, and rows back as plain Python."""

import io
from collections.abc import Sequence
from typing import Any

import fastavro
import numpy as np

from kernels.decimal_text import from_pair
from schemas.columns import ID_DIGITS, LONG_ID, RawBatch, TradeBatch, TradeRow
from schemas.rejects import Reason

TIMESTAMP_MS = 1_800_000_000_000


def raw_batch(values: Sequence[bytes | None], first_offset: int = 100) -> RawBatch:
    count = len(values)
    return RawBatch(
        topic="trades",
        partition=3,
        data=b"".join(value or b"" for value in values),
        ends=np.cumsum([len(value or b"") for value in values], dtype=np.int64),
        offsets=np.arange(first_offset, first_offset + count),
        timestamps_ms=np.full(count, TIMESTAMP_MS),
        keys=[b"key-%d" % index for index in range(count)],
        nulls=[index for index, value in enumerate(values) if value is None],
    )


def avro_value(schema: Any, record: Any) -> bytes:
    """``record`` as fastavro writes it, without framing."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), record)
    return stream.getvalue()


def framed(schema_id: int, body: bytes) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big") + body


def trade_of(row: TradeRow, text: bytes) -> dict[str, Any]:
    """One TRADE row as a dictionary: texts as bytes, numbers in units of 10**-10."""

    def cut(name: str) -> bytes:
        at = int(row[f"{name}_at"])
        return text[at : at + int(row[f"{name}_len"])]

    def number(name: str) -> int:
        return from_pair(int(row[f"{name}_hi"]), int(row[f"{name}_lo"]))

    return {
        "symbol": cut("symbol"),
        "trade_id": cut("trade_id"),
        "exchange": cut("exchange"),
        "price": number("price"),
        "size": number("size"),
        "bid": number("bid") if row["has_bid"] else None,
        "ask": number("ask") if row["has_ask"] else None,
        "event_time": int(row["event_time_us"]),
        "side": int(row["side"]),
        "trade_id_number": id_number(row, cut("trade_id")),
    }


def id_number(row: Any, text: bytes) -> int:
    """What the row says of its id, as one number; NO_ID where it is none."""
    upper, number = int(row["trade_id_upper"]), int(row["trade_id_number"])
    if upper != LONG_ID:
        return upper * 10**ID_DIGITS + number
    assert number == 0
    return int(text.strip(b" \t").partition(b".")[0])


def trades_of(batch: TradeBatch) -> list[dict[str, Any]]:
    return [trade_of(row, batch.text) for row in batch.rows]


def reasons_of(batch: TradeBatch) -> list[Reason]:
    return [reject.reason for reject in batch.rejects]


def record_of(**types: Any) -> dict[str, Any]:
    """A writer schema with these fields, the required ones filled up."""
    usual = {"symbol": "string", "price": "double", "size": "double", "event_time": "long"}
    return {
        "type": "record",
        "name": "R",
        "fields": [{"name": name, "type": kind} for name, kind in (usual | types).items() if kind],
    }
