"""The Avro schemas that tapeflow ships: Trade, Quote and Bar, their fixed ids, and the test of compatibility.

Decoders, encoders and ``produce`` take schemas from here. A published schema keeps its id and its meaning. Its
successor must be compatible in both directions: old readers read new records, and new readers read old ones. The ids
stand in Confluent framing only where no Schema Registry is configured; with one, its ids rule.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = [
    "BAR_SCHEMA_ID",
    "QUOTE_SCHEMA_ID",
    "TRADE_SCHEMA_ID",
    "WriterSchema",
    "incompatibilities",
    "load_schema",
    "schema_text",
    "shipped_schema",
]

TRADE_SCHEMA_ID: Final = 1
QUOTE_SCHEMA_ID: Final = 2
BAR_SCHEMA_ID: Final = 3
_NAMES: Final = {TRADE_SCHEMA_ID: "Trade", QUOTE_SCHEMA_ID: "Quote", BAR_SCHEMA_ID: "Bar"}
_FOLDER: Final = Path(__file__).with_name("avro")
_PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_PROMOTIONS: Final = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


class WriterSchema(NamedTuple):
    """What a record was written with: the parsed JSON of its schema, and of the named types it refers to."""

    schema: Any
    references: tuple[Any, ...] = ()


@cache
def schema_text(name: str) -> str:
    """The shipped schema ``Trade``, ``Quote`` or ``Bar`` as compact JSON, as it is registered."""
    return json.dumps(json.loads((_FOLDER / f"{name.lower()}.avsc").read_text("utf-8")), separators=(",", ":"))


def load_schema(name: str) -> dict[str, Any]:
    """The shipped schema as a fresh dictionary."""
    schema: dict[str, Any] = json.loads(schema_text(name))
    return schema


def shipped_schema(schema_id: int) -> WriterSchema | None:
    """The shipped schema with that id in Confluent framing, None where there is none. A resolver for decoders."""
    name = _NAMES.get(schema_id)
    return WriterSchema(load_schema(name)) if name else None


def incompatibilities(reader: Any, writer: Any) -> list[str]:
    """Why ``reader`` could not read what ``writer`` wrote, one line each; empty when it can (Avro's resolution rules).

    Compatible in both directions: ``incompatibilities(new, old) + incompatibilities(old, new) == []``.
    Stricter than Avro in one point: a timestamp must keep its unit, which readers would not notice.
    """
    return list(_Comparison(reader, writer).compare(reader, writer, "", "", "value"))


class _Comparison:
    """One comparison: the named types of both sides and the pairs under way, so that recursive types end."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self._readers: dict[str, Any] = {}
        self._writers: dict[str, Any] = {}
        _collect(reader, "", self._readers)
        _collect(writer, "", self._writers)
        self._under_way: set[tuple[str, str]] = set()

    def compare(self, reader: Any, writer: Any, reader_space: str, writer_space: str, path: str) -> Iterator[str]:
        reader, reader_space = _resolve(reader, reader_space, self._readers)
        writer, writer_space = _resolve(writer, writer_space, self._writers)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.compare(reader, branch, reader_space, writer_space, path)
            return
        if isinstance(reader, list):
            if all(any(self.compare(branch, writer, reader_space, writer_space, path)) for branch in reader):
                yield f"{path}: no branch of the reader's union takes {_kind(writer)}"
            return
        read, written = _kind(reader), _kind(writer)
        if read != written:
            if read not in _PROMOTIONS.get(written, ()):
                yield f"{path}: {written} can't be read as {read}"
                return
        elif read in {"record", "error"}:
            yield from self._records(reader, writer, reader_space, writer_space, path)
        elif read == "enum":
            unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
            if unknown and "default" not in reader:
                yield f"{path}: enum symbols unknown to the reader, which has no default: {', '.join(unknown)}"
        elif read == "fixed" and reader["size"] != writer["size"]:
            yield f"{path}: fixed of {writer['size']} bytes can't be read as {reader['size']}"
        elif read == "array":
            yield from self.compare(reader["items"], writer["items"], reader_space, writer_space, f"{path}[]")
        elif read == "map":
            yield from self.compare(reader["values"], writer["values"], reader_space, writer_space, f"{path}{{}}")
        if _logical(reader) != _logical(writer):
            yield f"{path}: {_logical(writer)} can't be read as {_logical(reader)}"

    def _records(self, reader: Any, writer: Any, reader_space: str, writer_space: str, path: str) -> Iterator[str]:
        pair = (_full_name(reader, reader_space), _full_name(writer, writer_space))
        if pair in self._under_way:
            return
        self._under_way.add(pair)
        reader_space, writer_space = _space(reader, reader_space), _space(writer, writer_space)
        written = {field["name"]: field["type"] for field in writer["fields"]}
        for field in reader["fields"]:
            where = f"{path}.{field['name']}" if path != "value" else str(field["name"])
            names = [name for name in (field["name"], *field.get("aliases", ())) if name in written]
            if names:
                yield from self.compare(field["type"], written[names[0]], reader_space, writer_space, where)
            elif "default" not in field:
                yield f"{where}: the writer lacks it and the reader has no default"
        self._under_way.discard(pair)


def _kind(schema: Any) -> str:
    return str(schema["type"] if isinstance(schema, dict) else schema)


def _logical(schema: Any) -> str:
    """What a reader takes the bytes for: the decimal's precision and scale, or the unit of a time."""
    if not isinstance(schema, dict) or "logicalType" not in schema:
        return "no logical type"
    if schema["logicalType"] == "decimal":
        return f"decimal({schema.get('precision')},{schema.get('scale', 0)})"
    return str(schema["logicalType"])


def _space(schema: Any, space: str) -> str:
    """The namespace that names inside ``schema`` are relative to."""
    name = str(schema["name"])
    return name.rpartition(".")[0] if "." in name else str(schema.get("namespace", space))


def _full_name(schema: Any, space: str) -> str:
    space = _space(schema, space)
    name = str(schema["name"]).rpartition(".")[2]
    return f"{space}.{name}" if space else name


def _collect(schema: Any, space: str, into: dict[str, Any]) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, space, into)
    elif isinstance(schema, dict):
        if "name" in schema:
            into[_full_name(schema, space)] = (schema, space)
            space = _space(schema, space)
        for part in ("items", "values"):
            _collect(schema.get(part), space, into)
        if isinstance(schema["type"], dict | list):
            _collect(schema["type"], space, into)
        for field in schema.get("fields", ()):
            _collect(field["type"], space, into)


def _resolve(schema: Any, space: str, named: dict[str, Any]) -> tuple[Any, str]:
    """The definition behind a name, and the namespace around that definition."""
    while isinstance(schema, dict) and isinstance(schema["type"], dict | list):
        schema = schema["type"]
    if isinstance(schema, dict) and "name" not in schema and str(schema["type"]) not in _PRIMITIVES:
        name = str(schema["type"])
        return (schema, space) if name in {"array", "map"} else _resolve(name, space, named)
    if isinstance(schema, str) and schema not in _PRIMITIVES:
        found = named.get(f"{space}.{schema}") or named.get(schema)
        if found is None:
            raise ValueError(f"the Avro schema names a type that it doesn't define: {schema}")
        definition, around = found
        return definition, around
    return schema, space
