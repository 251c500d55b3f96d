"""Avro values of a desk's topics in Confluent framing: read by the id in the frame, and written.

connectors.desk.decoder hands over values whose first byte is the frame's. Records of a desk come at thousands a second,
so fastavro reads them one by one; trades have a decoder of their own (connectors.avro). A schema that nobody knows, or
bytes that don't fit it, is a RecordRefused.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any, Final

import fastavro

from connectors.desk.values import RecordRefused
from schemas.avro import WriterSchema, load_schema, shipped_schema
from schemas.rejects import Reason

__all__ = ["FRAME", "AvroValues", "framed_writer"]

FRAME: Final = 0
"""The first byte of a frame; no JSON begins with it."""
HEAD_BYTES: Final = 5


class AvroValues:
    """``resolver`` gives the writer schema of an id, None where there is none; without one the shipped ids rule."""

    def __init__(self, resolver: Callable[[int], WriterSchema | None] | None) -> None:
        self._resolver = resolver or shipped_schema
        self._parsed: dict[int, Any] = {}

    def read(self, value: bytes) -> dict[str, Any]:
        """Raises RecordRefused, and what the resolver raises."""
        if len(value) < HEAD_BYTES:
            raise RecordRefused(Reason.BAD_FRAME, f"{len(value)} bytes are no frame")
        schema_id = int.from_bytes(value[1:HEAD_BYTES], "big")
        schema = self._schema(schema_id)
        stream = io.BytesIO(value)
        stream.seek(HEAD_BYTES)
        try:
            record = fastavro.schemaless_reader(stream, schema, None)
        except Exception as error:  # noqa: BLE001 - foreign bytes make fastavro raise almost anything
            raise RecordRefused(Reason.CORRUPT, f"not a value of schema {schema_id}: {error!r}"[:500]) from None
        if stream.tell() != len(value):
            raise RecordRefused(Reason.CORRUPT, f"{len(value) - stream.tell()} bytes behind the record")
        if not isinstance(record, Mapping):
            raise RecordRefused(Reason.CORRUPT, f"schema {schema_id} is of no record")
        return dict(record)

    def _schema(self, schema_id: int) -> Any:
        if schema_id not in self._parsed:
            writer = self._resolver(schema_id)
            if writer is None:
                raise RecordRefused(Reason.UNKNOWN_SCHEMA, f"nobody knows schema {schema_id}")
            named: dict[str, Any] = {}
            try:
                for reference in writer.references:
                    fastavro.parse_schema(reference, named)
                self._parsed[schema_id] = fastavro.parse_schema(writer.schema, named)
            except Exception as error:  # noqa: BLE001 - likewise of a schema that is none
                raise RecordRefused(Reason.UNKNOWN_SCHEMA, f"schema {schema_id} can't be read: {error!r}") from None
        return self._parsed[schema_id]


def framed_writer(name: str, schema_id: int) -> Callable[[Mapping[str, Any]], bytes]:
    """What makes values of the shipped schema of that name, with the id in the frame."""
    schema = fastavro.parse_schema(load_schema(name))
    frame = bytes([FRAME]) + schema_id.to_bytes(HEAD_BYTES - 1, "big")

    def write(record: Mapping[str, Any]) -> bytes:
        stream = io.BytesIO()
        stream.write(frame)
        fastavro.schemaless_writer(stream, schema, record)
        return stream.getvalue()

    return write
