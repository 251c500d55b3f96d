"""Any writer's trades are read exactly, and no corruption of one record reaches another."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.avro.decoder import AvroDecoder
from connectors.avro.encode import encode_trades
from schemas.avro import TRADE_SCHEMA_ID, WriterSchema, load_schema
from schemas.rejects import Reason
from tests.property.avro_writers import Written, encode_all, writers
from tests.property.trade_batches import trade_lists
from tests.unit.connectors.batches import framed, raw_batch, reasons_of, trade_of, trades_of

TRADE = load_schema("Trade")


@given(writers())
@settings(max_examples=150)
def test_any_writer_is_read_to_the_digit(written: Written) -> None:
    decoder = AvroDecoder("none", schema=WriterSchema(written.schema))
    rows, text = decoder.decode_rows(raw_batch(written.bodies))
    decoded: list[Any] = [Reason(int(row["reason"])) if row["reason"] else trade_of(row, text) for row in rows]
    assert decoded == written.expected
    assert not rows["outcome"].any()


@given(st.lists(writers(count=2), min_size=2, max_size=3), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_batch_of_many_schemas_is_read_as_each_alone(written: list[Written], order: Any) -> None:
    schemas = {index + 7: WriterSchema(each.schema) for index, each in enumerate(written)}
    values = [
        (framed(index + 7, body), expected)
        for index, each in enumerate(written)
        for body, expected in zip(each.bodies, each.expected, strict=True)
    ]
    order.shuffle(values)
    batch = AvroDecoder(resolver=schemas.get).decode(raw_batch([value for value, _ in values]))
    assert trades_of(batch) == [each for _, each in values if not isinstance(each, Reason)]
    assert reasons_of(batch) == [each for _, each in values if isinstance(each, Reason)]


@st.composite
def corruptions(draw: st.DrawFn, body: bytes, other: bytes) -> bytes:
    kind = draw(st.sampled_from(["cut", "extend", "flip", "splice", "noise", "insert"]))
    at = draw(st.integers(0, len(body)))
    if kind == "cut":
        return body[:at]
    if kind == "extend":
        return body + draw(st.binary(min_size=1, max_size=20))
    if kind == "flip":
        changed = bytearray(body)
        for _ in range(draw(st.integers(1, 4))):
            if changed:
                changed[draw(st.integers(0, len(changed) - 1))] ^= 1 << draw(st.integers(0, 7))
        return bytes(changed)
    if kind == "splice":
        return body[:at] + other[draw(st.integers(0, len(other))) :]
    if kind == "insert":
        return body[:at] + draw(st.binary(min_size=1, max_size=10)) + body[at:]
    return draw(st.binary(max_size=60))


@given(writers(count=4), st.data())
@settings(max_examples=150)
def test_corruption_stays_where_it_is(written: Written, data: st.DataObject) -> None:
    decoder = AvroDecoder("none", schema=WriterSchema(written.schema))
    whole, whole_text = decoder.decode_rows(raw_batch(written.bodies))
    broken = data.draw(st.sets(st.integers(0, 3), min_size=1, max_size=2))
    bodies = [
        data.draw(corruptions(body, written.bodies[index - 1])) if index in broken else body
        for index, body in enumerate(written.bodies)
    ]
    raw = raw_batch(bodies)
    rows, text = decoder.decode_rows(raw)
    for index, body in enumerate(bodies):
        if index in broken:
            alone, alone_text = decoder.decode_rows(raw_batch([body]))
            assert rows[index]["reason"] == alone[0]["reason"]
            assert trade_of(rows[index], text) == trade_of(alone[0], alone_text)
        else:
            assert rows[index]["reason"] == whole[index]["reason"]
            assert trade_of(rows[index], text) == trade_of(whole[index], whole_text)
    batch = decoder.finish(raw, rows, text)
    assert all(reject.detail for reject in batch.rejects)
    assert len(batch) + len(batch.rejects) == batch.read


@given(st.lists(st.binary(max_size=80), max_size=6))
@settings(max_examples=200)
def test_noise_is_refused_and_never_crashes(values: list[bytes]) -> None:
    batch = AvroDecoder().decode(raw_batch([b"\0\0\0\0\1" + value for value in values]))
    assert len(batch) + len(batch.rejects) == len(values)


@given(trade_lists())
@settings(max_examples=100)
def test_what_is_encoded_is_what_fastavro_writes_and_reads_back_the_same(trades: list[Any]) -> None:
    records = [
        {
            "symbol": trade.symbol,
            "price": (units := int(trade.price.scaleb(10))).to_bytes((units.bit_length() + 8) // 8, "big", signed=True),
            "size": (units := int(trade.size.scaleb(10))).to_bytes((units.bit_length() + 8) // 8, "big", signed=True),
            "side": trade.side,
            "trade_id": trade.trade_id,
            "event_time": trade.event_time_us,
            "exchange": trade.exchange,
            "bid": None,
            "ask": b"\0\x80",
        }
        for trade in trades
    ]
    values = [framed(TRADE_SCHEMA_ID, body) for body in encode_all(TRADE, records)]
    raw = raw_batch(values)
    rows, text = AvroDecoder().decode_rows(raw)
    assert not rows["reason"].any()
    data, ends = encode_trades(rows, text)
    assert data == raw.data
    assert np.array_equal(ends, raw.ends)
