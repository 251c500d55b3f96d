"""Whether a reader's Avro schema can read what a writer's wrote, by the specification's rules of schema resolution.

Tests hold our shipped schemas to it, each against the one before, in both directions.
"""

from collections.abc import Iterator
from typing import Any, Final

__all__ = ["incompatibilities"]

_PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_PROMOTIONS: Final = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


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
