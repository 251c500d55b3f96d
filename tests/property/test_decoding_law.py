"""The law of decoding: connectors and core make of any bytes what the oracle's plain Python makes of them.

Half of the records are damaged by flipped, missing and added bytes; good and damaged ones lie side by side in one
batch, so that a damaged record that cost its neighbour anything would show.
"""

from collections.abc import Iterator

import fastavro
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.avro.decoder import AvroDecoder
from core.bars.validation import validate
from oracle.records import OracleReader
from oracle.truth import OracleReject, OracleTrade
from schemas.avro import TRADE_SCHEMA_ID, load_schema
from schemas.columns import RawBatch
from schemas.rejects import Reason
from tests.property.trade_batches import trade_lists, trade_of

FRAME = b"\0" + TRADE_SCHEMA_ID.to_bytes(4, "big")
SCHEMA = fastavro.parse_schema(load_schema("Trade"))
FUTURE_US = 60_000_000


class _Bytes:
    """What fastavro needs of a file to write into."""

    def __init__(self) -> None:
        self.held = bytearray()

    def write(self, data: bytes) -> None:
        self.held += data


def value_of(trade: OracleTrade) -> bytes:
    out = _Bytes()
    record = {
        name: getattr(trade, name) for name in ("symbol", "price", "size", "side", "trade_id", "exchange", "bid", "ask")
    }
    fastavro.schemaless_writer(out, SCHEMA, {**record, "event_time": trade.event_time_us})
    return FRAME + bytes(out.held)


@st.composite
def damaged(draw: st.DrawFn, value: bytes) -> bytes:
    kind = draw(st.sampled_from(["whole", "whole", "flipped", "flipped", "cut", "longer"]))
    if kind == "cut":
        return value[: draw(st.integers(0, len(value)))]
    if kind == "longer":
        return value + draw(st.binary(min_size=1, max_size=4))
    held = bytearray(value)
    for _ in range(draw(st.integers(1, 3)) if kind == "flipped" else 0):
        held[draw(st.integers(0, len(held) - 1))] = draw(st.integers(0, 255))
    return bytes(held)


@st.composite
def records(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """(timestamp_ms, value) of records, some of them damaged."""
    trades = draw(trade_lists(max_size=20))
    drift_ms = st.sampled_from([0, 0, -61_000, 5])
    return [(trade.timestamp_ms + draw(drift_ms), draw(damaged(value_of(trade)))) for trade in trades]


def seen_by_flows(items: list[tuple[int, bytes]]) -> Iterator[OracleTrade | Reason]:
    values = [value for _, value in items]
    raw = RawBatch(
        topic="trades",
        partition=0,
        data=b"".join(values),
        ends=np.cumsum([len(value) for value in values]),
        offsets=np.arange(len(values)),
        timestamps_ms=np.array([timestamp_ms for timestamp_ms, _ in items]),
        keys=[None] * len(values),
    )
    rows, text = AvroDecoder().decode_rows(raw)
    validate(rows, text, FUTURE_US)
    for row in rows:
        yield Reason(int(row["reason"])) if row["reason"] else trade_of(row, text)


@settings(max_examples=200)
@given(records())
def test_flows_and_oracle_read_the_same_in_any_bytes(items: list[tuple[int, bytes]]) -> None:
    reader = OracleReader(future_us=FUTURE_US)
    expected = [reader.read(0, offset, timestamp_ms, value) for offset, (timestamp_ms, value) in enumerate(items)]
    assert list(seen_by_flows(items)) == [each.reason if isinstance(each, OracleReject) else each for each in expected]
