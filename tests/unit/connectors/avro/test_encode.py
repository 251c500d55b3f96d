"""The encoder writes what fastavro writes: every field, both ends of every range, with and without framing."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from connectors.avro.decoder import AvroDecoder
from connectors.avro.encode import encode_trades, split_values
from kernels.decimal_text import to_pair
from schemas.avro import load_schema
from schemas.columns import TRADE, TradeRows
from tests.unit.connectors.batches import avro_value, framed, raw_batch

SCHEMA = load_schema("Trade")
USUAL = {
    "symbol": "BTC/USDT",
    "price": 1,
    "size": 0,
    "side": "UNKNOWN",
    "trade_id": "",
    "event_time": 0,
    "exchange": "",
    "bid": None,
    "ask": None,
}
SIDES = ("BUY", "SELL", "UNKNOWN")


def rows_of(records: list[dict[str, Any]]) -> tuple[TradeRows, bytes]:
    rows: TradeRows = np.zeros(len(records), TRADE)
    text = b"?"
    for row, record in zip(rows, records, strict=True):
        for name in ("symbol", "trade_id", "exchange"):
            value = record[name].encode()
            row[f"{name}_at"], row[f"{name}_len"] = len(text), len(value)
            text += value
        for name in ("price", "size", "bid", "ask"):
            row[f"{name}_hi"], row[f"{name}_lo"] = to_pair(record[name] or 0)
            if name in ("bid", "ask"):
                row[f"has_{name}"] = record[name] is not None
        row["event_time_us"], row["side"] = record["event_time"], SIDES.index(record["side"])
    return rows, text


def by_fastavro(record: dict[str, Any]) -> bytes:
    numbers = {
        name: None if record[name] is None else Decimal(record[name]).scaleb(-10)
        for name in ("price", "size", "bid", "ask")
    }
    return avro_value(SCHEMA, record | numbers)


EDGES = [0, 1, 127, 128, 255, 256, 2**15 - 1, 2**15, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**71, 10**28 - 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "X" * 64, "trade_id": "1" * 200, "exchange": "\u00e9" * 100},
        *[{"side": side} for side in SIDES],
        *[{"price": each, "size": -each, "bid": each, "ask": -each} for each in EDGES],
        *[{"event_time": each} for each in (-1, 63, 64, -64, -65, 2**62, 2**63 - 1, -(2**63), 1_700_000_000_000_000)],
    ],
)
def test_bytes_are_those_of_fastavro(changes: dict[str, Any]) -> None:
    record = USUAL | changes
    rows, text = rows_of([record])
    expected = by_fastavro(record)
    assert encode_trades(rows, text, None)[0] == expected
    assert encode_trades(rows, text)[0] == framed(1, expected)
    assert encode_trades(rows, text, 2**31 - 1)[0] == framed(2**31 - 1, expected)


def test_many_trades_are_cut_at_their_ends() -> None:
    records = [USUAL | {"symbol": f"S{index}", "trade_id": "x" * (index % 40)} for index in range(500)]
    rows, text = rows_of(records)
    data, ends = encode_trades(rows, text)
    values = split_values(data, ends)
    assert values == [framed(1, by_fastavro(record)) for record in records]
    assert all(start < end for start, end in pairwise(ends.tolist()))
    assert len(AvroDecoder().decode(raw_batch(values))) == 500


def test_no_trades_are_no_bytes() -> None:
    data, ends = encode_trades(np.zeros(0, TRADE), b"")
    assert (data, len(ends), split_values(data, ends)) == (b"", 0, [])
