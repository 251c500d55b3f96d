"""The interpreter: a record is read inside its own bytes, to its last one, and costs no neighbour."""

from typing import Any

import pytest

from connectors.avro.decoder import AvroDecoder
from schemas.avro import WriterSchema
from schemas.rejects import Reason
from tests.unit.connectors.batches import avro_value, framed, raw_batch, reasons_of, record_of, trades_of

SCHEMA = record_of(tags={"type": "array", "items": "string"}, more=["null", {"type": "map", "values": "long"}])
TRADE = {"symbol": "A", "price": 1.5, "size": 2.0, "event_time": 1_700_000_000, "tags": ["x", "yy"], "more": {"k": 1}}
GOOD = avro_value(SCHEMA, TRADE)


def decode(*values: bytes, schema: Any = SCHEMA) -> tuple[list[bytes], list[Reason]]:
    batch = AvroDecoder("none", schema=WriterSchema(schema)).decode(raw_batch(list(values)))
    return [trade["symbol"] for trade in trades_of(batch)], reasons_of(batch)


def test_arrays_maps_and_unions_are_passed_over() -> None:
    assert decode(GOOD, avro_value(SCHEMA, {**TRADE, "tags": [], "more": None})) == ([b"A", b"A"], [])


@pytest.mark.parametrize("bad", [GOOD[:-1], GOOD + b"\0", GOOD[:3], b"\x01", b"\xff" * 20])
def test_a_corrupt_record_costs_no_neighbour(bad: bytes) -> None:
    symbols, reasons = decode(GOOD, bad, GOOD)
    assert symbols == [b"A", b"A"]
    assert reasons == [Reason.CORRUPT]


def test_every_shorter_record_is_corrupt_or_empty() -> None:
    symbols, reasons = decode(*(GOOD[:length] for length in range(len(GOOD))))
    assert symbols == []
    assert reasons == [Reason.EMPTY_VALUE] + [Reason.CORRUPT] * (len(GOOD) - 1)


def test_an_array_may_not_claim_more_than_is_there_nor_cost_time_where_items_are_nothing() -> None:
    head = avro_value(record_of(), {each: TRADE[each] for each in ("symbol", "price", "size", "event_time")})
    endless = head + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"  # a block of 2**63 - 1 items
    assert decode(endless + b"\0", schema=record_of(tags={"type": "array", "items": "long"}))[1] == [Reason.CORRUPT]
    assert decode(endless + b"\0", schema=record_of(tags={"type": "array", "items": "null"}))[0] == [b"A"]


def test_schemas_beyond_the_depth_of_the_stack_are_corrupt() -> None:
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    schema = record_of(chain=node)
    head = avro_value(record_of(), {each: TRADE[each] for each in ("symbol", "price", "size", "event_time")})
    assert decode(head + b"\x02" * 100 + b"\0", schema=schema)[0] == [b"A"]
    assert decode(head + b"\x02" * 10_000 + b"\0", schema=schema)[1] == [Reason.CORRUPT]


def test_frames_name_their_schema() -> None:
    decoder = AvroDecoder(resolver=lambda schema_id: WriterSchema(SCHEMA) if schema_id == 7 else None)
    values = [framed(7, GOOD), GOOD, framed(8, GOOD), b"\0\0", framed(7, GOOD)]
    batch = decoder.decode(raw_batch(values))
    assert len(batch) == 2
    assert reasons_of(batch) == [Reason.BAD_FRAME, Reason.UNKNOWN_SCHEMA, Reason.BAD_FRAME]
