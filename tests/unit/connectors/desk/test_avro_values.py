"""Framed values: read with the writer's schema, refused where nobody knows it or the bytes don't fit."""

from decimal import Decimal

import pytest

from connectors.desk.avro_values import AvroValues, framed_writer
from connectors.desk.values import RecordRefused
from schemas.avro import WriterSchema
from schemas.rejects import Reason
from tests.unit.connectors.batches import avro_value, framed

INNER = {"type": "record", "name": "Inner", "fields": [{"name": "x", "type": "long"}]}
OUTER = {"type": "record", "name": "Outer", "fields": [{"name": "inner", "type": "Inner"}]}
WHOLE = {"type": "record", "name": "Outer", "fields": [{"name": "inner", "type": INNER}]}


def test_a_schema_may_refer_to_others_and_is_asked_for_once() -> None:
    asked: list[int] = []

    def resolve(schema_id: int) -> WriterSchema:
        asked.append(schema_id)
        return WriterSchema(OUTER, (INNER,))

    values = AvroValues(resolve)
    value = framed(7, avro_value(WHOLE, {"inner": {"x": 5}}))
    assert [values.read(value), values.read(value)] == [{"inner": {"x": 5}}] * 2
    assert asked == [7]


@pytest.mark.parametrize(
    ("schema", "body", "reason"),
    [
        (None, b"", Reason.UNKNOWN_SCHEMA),
        (WriterSchema({"type": "nothing"}), b"", Reason.UNKNOWN_SCHEMA),
        (WriterSchema("long"), b"\2", Reason.CORRUPT),
        (WriterSchema(INNER), b"", Reason.CORRUPT),
        (WriterSchema(INNER), b"\2\2", Reason.CORRUPT),
    ],
)
def test_what_cant_be_read(schema: WriterSchema | None, body: bytes, reason: Reason) -> None:
    with pytest.raises(RecordRefused) as refused:
        AvroValues(lambda _id: schema).read(framed(7, body))
    assert refused.value.reason is reason


def test_what_is_written_is_read() -> None:
    quote = {
        "symbol": "A", "bid": Decimal(1), "ask": Decimal("2.5"), "bid_size": Decimal(0), "ask_size": Decimal(0),
        "event_time": 5, "exchange": "",
    }  # fmt: skip
    value = framed_writer("Quote", 2)(quote)
    assert value[:5] == b"\0\0\0\0\2"
    assert AvroValues(None).read(value)["ask"] == Decimal("2.5")
