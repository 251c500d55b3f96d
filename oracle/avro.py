"""Reads one Avro value by the book, in plain Python, for the oracle.

oracle.records hands in a writer schema and bytes and gets a dictionary. It is strict: a record is corrupt here exactly
when the specification says so. It shares no code with connectors. fastavro is not used, because it takes negative
lengths, branches and symbols for Python's negative indices and reads on.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.avro import WriterSchema

__all__ = ["AvroReader", "CorruptValue", "Fixed", "OfDay", "Single", "Symbol", "Timed", "Unscaled"]

PRIMITIVES: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
UNITS: Final = {"millis": "ms", "micros": "us", "nanos": "ns"}
TIMES_OF_DAY: Final = {"time-millis": "ms", "time-micros": "us"}
VARINT_BYTES_MAX: Final = 10


class CorruptValue(ValueError):
    """The bytes are not a value of the schema."""


class Single(float):
    """A single-precision float, which has a shorter text than the double of the same value."""


class Fixed(bytes):
    """Bytes of a length that the schema knows: a text or a side perhaps, but no number."""


class Timed(NamedTuple):
    """A long that the schema calls a time, and its unit: s, ms, us, ns or days."""

    number: int
    unit: str


class Symbol(str):
    """A symbol of an enum: a text or a side perhaps, but no number."""

    __slots__ = ()


class OfDay(int):
    """A long that the schema calls a time of day, and its unit: ms or us."""

    unit: str


class Unscaled(NamedTuple):
    """A decimal as it is written: value = number * 10**-scale."""

    number: int
    scale: int


class AvroReader:
    """Reads values of one writer schema. Raises ValueError when it isn't an Avro schema."""

    def __init__(self, writer: WriterSchema) -> None:
        self._named: dict[str, tuple[Any, str]] = {}
        for schema in (*writer.references, writer.schema):
            self._collect(schema, "")
        self._schema = writer.schema

    def read(self, body: bytes) -> Any:
        """Records become dictionaries, maps lists of pairs; raises CorruptValue."""
        cursor = _Cursor(body)
        try:
            value = self._value(self._schema, "", cursor)
        except RecursionError:
            raise CorruptValue("nests too deep") from None
        if cursor.at != len(body):
            raise CorruptValue("bytes are left")
        return value

    def has(self, path: Sequence[str]) -> bool:
        """Whether the schema has a field of that dotted path, in whichever branch of a union."""
        return self._has(self._schema, "", list(path))

    def _has(self, schema: Any, space: str, path: list[str]) -> bool:
        if not path:
            return True
        if isinstance(schema, list):
            return any(self._has(branch, space, path) for branch in schema)
        if isinstance(schema, str):
            named = None if schema in PRIMITIVES else self._named.get(f"{space}.{schema}") or self._named.get(schema)
            return named is not None and self._has(*named, path)
        if schema["type"] in ("record", "error"):
            _, inside = _full_name(schema, space)
            return any(
                self._has(field["type"], inside, path[1:]) for field in schema["fields"] if field["name"] == path[0]
            )
        return isinstance(schema["type"], dict | list) and self._has(schema["type"], space, path)

    def _collect(self, schema: Any, space: str) -> None:
        if isinstance(schema, list):
            for branch in schema:
                self._collect(branch, space)
        elif isinstance(schema, dict):
            if "name" in schema:
                name, space = _full_name(schema, space)
                self._named[name] = (schema, space)
            for part in [
                schema.get("items"),
                schema.get("values"),
                *(each["type"] for each in schema.get("fields", ())),
            ]:
                self._collect(part, space)
            if isinstance(schema["type"], dict | list):
                self._collect(schema["type"], space)

    def _value(self, schema: Any, space: str, cursor: "_Cursor") -> Any:
        if isinstance(schema, list):
            return self._value(schema[cursor.index(len(schema))], space, cursor)
        if isinstance(schema, str):
            if schema in PRIMITIVES:
                return _primitive(schema, {}, cursor)
            named = self._named.get(f"{space}.{schema}") or self._named[schema]
            return self._value(*named, cursor)
        kind = schema["type"]
        if kind in PRIMITIVES:
            return _primitive(kind, schema, cursor)
        if kind in ("record", "error"):
            _, inside = _full_name(schema, space)
            return {field["name"]: self._value(field["type"], inside, cursor) for field in schema["fields"]}
        if kind == "enum":
            return Symbol(schema["symbols"][cursor.index(len(schema["symbols"]))])
        if kind == "fixed":
            return _bytes(Fixed(cursor.take(int(schema["size"]))), schema)
        if kind == "array":
            return [self._value(schema["items"], space, cursor) for _ in cursor.items()]
        if kind == "map":
            return [(cursor.text(), self._value(schema["values"], space, cursor)) for _ in cursor.items()]
        return self._value(kind, space, cursor)


class _Cursor:
    """A place in the bytes that only moves forward, and never past the end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self._body):
            raise CorruptValue("a length is negative or runs past the end")
        self.at += count
        return self._body[self.at - count : self.at]

    def long(self) -> int:
        number = shift = 0
        for byte in self._body[self.at : self.at + VARINT_BYTES_MAX]:
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                self.at += shift // 7
                if number < 2**64:
                    return (number >> 1) ^ -(number & 1)
                break
        raise CorruptValue("a number that doesn't end, or of more than 64 bits")

    def index(self, count: int) -> int:
        index = self.long()
        if not 0 <= index < count:
            raise CorruptValue("a branch or symbol that isn't there")
        return index

    def text(self) -> str:
        return self.take(self.long()).decode("utf-8", "surrogateescape")

    def items(self) -> Any:
        """Yields once for each item of an array or map, whose blocks come with their counts."""
        while count := self.long():
            if count < 0:
                self.long()  # the block's size, for readers who skip it
            yield from range(abs(count))


def _primitive(kind: str, schema: Mapping[str, Any], cursor: _Cursor) -> Any:
    if kind == "string":
        return cursor.text()
    if kind in ("int", "long"):
        logical = str(schema.get("logicalType", ""))
        unit = "days" if logical == "date" else UNITS.get(logical.rpartition("timestamp-")[2])
        number = cursor.long()
        if logical in TIMES_OF_DAY:
            of_day = OfDay(number)
            of_day.unit = TIMES_OF_DAY[logical]
            return of_day
        return Timed(number, unit) if unit else number
    if kind == "bytes":
        return _bytes(cursor.take(cursor.long()), schema)
    if kind == "double":
        return struct.unpack("<d", cursor.take(8))[0]
    if kind == "float":
        return Single(struct.unpack("<f", cursor.take(4))[0])
    return cursor.take(1) != b"\0" if kind == "boolean" else None


def _bytes(value: bytes, schema: Mapping[str, Any]) -> Any:
    if schema.get("logicalType") == "decimal":
        return Unscaled(int.from_bytes(value, "big", signed=True), int(schema.get("scale", 0)))
    return value


def _full_name(schema: Mapping[str, Any], space: str) -> tuple[str, str]:
    """The full name of a named type, and the namespace inside it."""
    name = str(schema["name"])
    space = name.rpartition(".")[0] if "." in name else str(schema.get("namespace", space))
    name = name.rpartition(".")[2]
    return (f"{space}.{name}" if space else name), space
