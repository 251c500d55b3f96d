"""The oracle's Avro reader against fastavro where both must agree, and against broken bytes where only it is strict."""

import io
from typing import Any

import fastavro
import pytest

from oracle.avro import AvroReader, CorruptValue, Single, Timed, Unscaled
from schemas.avro import WriterSchema

EVERYTHING: Any = {
    "type": "record",
    "name": "space.Everything",
    "fields": [
        {"name": "nothing", "type": "null"},
        {"name": "flag", "type": "boolean"},
        {"name": "whole", "type": ["null", "int"]},
        {"name": "big", "type": "long"},
        {"name": "real", "type": "double"},
        {"name": "word", "type": {"type": "string"}},
        {"name": "raw", "type": "bytes"},
        {"name": "suit", "type": {"type": "enum", "name": "Suit", "symbols": ["HEART", "SPADE"]}},
        {"name": "again", "type": "Suit"},
        {"name": "code", "type": {"type": "fixed", "name": "Code", "size": 3}},
        {"name": "list", "type": {"type": "array", "items": "space.Suit"}},
        {"name": "table", "type": {"type": "map", "values": "long"}},
        {"name": "tree", "type": {"type": "record", "name": "Node", "fields": [
            {"name": "value", "type": "int"},
            {"name": "next", "type": ["null", "Node"]},
        ]}},
    ],
}  # fmt: skip
VALUE: dict[str, Any] = {
    "nothing": None,
    "flag": True,
    "whole": -7,
    "big": -(2**63),
    "real": 0.1,
    "word": "ä",
    "raw": b"\0\xff",
    "suit": "SPADE",
    "again": "HEART",
    "code": b"abc",
    "list": ["SPADE", "HEART"],
    "table": {"a": 1, "b": 2**62},
    "tree": {"value": 1, "next": {"value": 2, "next": None}},
}


def written(value: Any, schema: Any) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def read(body: bytes, schema: Any) -> Any:
    return AvroReader(WriterSchema(schema)).read(body)


def test_every_type_reads_back() -> None:
    assert read(written(VALUE, EVERYTHING), EVERYTHING) == {**VALUE, "table": list(VALUE["table"].items())}


def test_every_cut_of_a_value_is_corrupt() -> None:
    body = written(VALUE, EVERYTHING)
    reader = AvroReader(WriterSchema(EVERYTHING))
    for length in range(len(body)):
        with pytest.raises(CorruptValue):
            reader.read(body[:length])
    with pytest.raises(CorruptValue, match="left"):
        reader.read(body + b"\0")


def test_logical_types_keep_what_they_say() -> None:
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
    assert read(b"\x04\xff\x00", decimal) == Unscaled(-256, 2)
    assert read(b"\x02", {"type": "long", "logicalType": "timestamp-millis"}) == Timed(1, "ms")
    assert read(b"\x02", {"type": "long", "logicalType": "local-timestamp-nanos"}) == Timed(1, "ns")
    assert read(b"\x02", {"type": "int", "logicalType": "date"}) == Timed(1, "days")
    assert read(b"\x02", {"type": "long", "logicalType": "unheard-of"}) == 1
    assert isinstance(read(b"\xcd\xcc\xcc\x3d", "float"), Single)


def test_types_of_references_are_known() -> None:
    side = {"type": "enum", "name": "Side", "symbols": ["BUY"]}
    assert AvroReader(WriterSchema("Side", (side,))).read(b"\0") == "BUY"


@pytest.mark.parametrize(
    ("body", "schema"),
    [
        (b"\x01", ["null", "long"]),  # branch -1
        (b"\x04", ["null", "long"]),
        (b"\x01", {"type": "enum", "name": "E", "symbols": ["A"]}),  # symbol -1
        (b"\x02", {"type": "enum", "name": "E", "symbols": ["A"]}),
        (b"\x01", "string"),  # length -1
        (b"\x80" * 11, "long"),
        (b"\xff" * 9 + b"\x02", "long"),  # 65 bits
    ],
)
def test_what_python_would_forgive_is_corrupt(body: bytes, schema: Any) -> None:
    with pytest.raises(CorruptValue):
        read(body, schema)


def test_blocks_may_be_written_with_their_size() -> None:
    assert read(b"\x03\x04\x02\x04\x02\x06\x00", {"type": "array", "items": "long"}) == [1, 2, 3]
    assert read(b"\x01\x02\x02\x00", {"type": "array", "items": "long"}) == [1]
