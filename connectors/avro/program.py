"""Compiles Avro writer schemas to small programs of integers, which connectors.avro.kernel runs once per record.

AvroDecoder adds each writer schema it meets; all programs share one table, so that a batch may mix schemas. A program
reads exactly what the schema says: wanted fields go into the row, everything else is skipped. A type that can't hold
its field is skipped too and makes the record BAD_VALUE. Records nested on the way to a wanted field are compiled in
line. Named types that are skipped become routines, so recursive schemas work and programs stay small.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final, NamedTuple

import numpy as np

from connectors.values.fields import TIME_UNITS, Field, Wanted
from connectors.values.read import Values
from connectors.values.times import DAYS, NO_ORIGIN
from connectors.values.words import NOTHING, word_of
from schemas.avro import WriterSchema
from schemas.columns import Longs

__all__ = ["Op", "ProgramTable", "SchemaError", "Tables"]

SCALE_MAX: Final = 200
"""Nothing that is read has more decimal digits, so that any greater scale leaves it out of range just as this one."""
_TEXTS: Final = (Field.SYMBOL, Field.TRADE_ID, Field.EXCHANGE)
_LOGICAL_UNITS: Final = {
    "timestamp-millis": TIME_UNITS["ms"],
    "timestamp-micros": TIME_UNITS["us"],
    "timestamp-nanos": TIME_UNITS["ns"],
    "local-timestamp-millis": TIME_UNITS["ms"],
    "local-timestamp-micros": TIME_UNITS["us"],
    "local-timestamp-nanos": TIME_UNITS["ns"],
    "date": DAYS,
}
_FIXED_SIZES: Final = {"boolean": 1, "float": 4, "double": 8}
_TIMES_OF_DAY: Final = {"time-millis": TIME_UNITS["ms"], "time-micros": TIME_UNITS["us"]}


class SchemaError(ValueError):
    """The text isn't an Avro schema."""


class Op(IntEnum):
    """Columns of an op: code, field, a, b. ``pc`` = index of an op, ``const`` = index into the constants."""

    # Skips, up to EMPTY_BLOCKS; flow, up to UNUSABLE; the rest reads a field. The kernels test these ranges.
    SKIP_LONG = 0
    SKIP_BYTES = 1  # a: how many
    SKIP_TEXT = 2
    SKIP_ENUM = 3  # a: symbols
    EMPTY_BLOCKS = 4  # an array of items of no bytes
    END = 5
    UNION = 6  # a: branches; b: const of their pcs
    JUMP = 7  # a: pc
    BLOCKS = 8  # a: pc after the array or map
    NEXT_ITEM = 9  # a: pc of its BLOCKS
    CALL = 10  # a: pc
    RETURN = 11
    LACKING = 12  # the schema has no field that the field map names
    UNUSABLE = 13  # the value that follows (skipped by the next ops) can't fill the field
    TEXT = 14
    TEXT_FIXED = 15  # a: size
    TEXT_LONG = 16  # a: 0, or the size of a float that must be whole
    TEXT_ENUM = 17  # a: symbols; b: const of (at, length) pairs in the texts
    NUMBER_DECIMAL = 18  # a: scale
    NUMBER_FIXED = 19  # a: scale; b: size
    NUMBER_LONG = 20  # a: scale, as in the next three
    NUMBER_DOUBLE = 21
    NUMBER_FLOAT = 22
    NUMBER_TEXT = 23
    TIME_LONG = 24  # a: unit; b: 1 for a plain number, which may count from an origin
    TIME_DOUBLE = 25  # a: unit
    TIME_FLOAT = 26  # a: unit
    TIME_TEXT = 27  # a: unit
    SIDE_TEXT = 28
    SIDE_ENUM = 29  # a: symbols; b: const of their values (connectors.values.words)
    SIDE_FIXED = 30  # a: size
    SIDE_LONG = 31
    SIDE_FLAG = 32  # b: const of the values of false and true


class Tables(NamedTuple):
    """The programs as the kernel reads them: ``code`` int64[], op ``pc`` at ``4 * pc``, constants behind the ops;
    ``texts``: enum symbols that are read as text."""

    code: Longs
    texts: bytes


class ProgramTable:
    """Programs of all writer schemas met, for one ``wanted`` tree and one venue's ``values``.

    asked: dotted names of theirs that a schema must have, else each of its records lacks a field.
    """

    def __init__(self, wanted: Wanted, values: Values, asked: frozenset[str] = frozenset()) -> None:
        self.wanted = wanted
        self.values = values
        self.asked = asked
        self.ops: list[tuple[int, int, int, int]] = []
        self.paths: list[str] = []
        self.constants: list[int] = []
        self.texts = bytearray()
        self.has_floats = False
        self.made_texts = 0
        """Upper bound of the texts that one record makes (numbers read as text)."""

    def add(self, writer: WriterSchema) -> int:
        """The pc where the program of ``writer`` starts. Raises SchemaError when it isn't an Avro schema."""
        kept = len(self.ops), len(self.constants)
        try:
            return _Compiler(self, writer).compile()
        except (KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError) as error:
            # Whatever is wrong with a schema shows as one of these on the walk over its JSON.
            del self.ops[kept[0] :], self.paths[kept[0] :], self.constants[kept[1] :]
            raise SchemaError(f"not an Avro schema: {error}") from error

    def tables(self) -> Tables:
        base = 4 * len(self.ops)
        ops = [(op, field, a, b + base if op in _WITH_CONSTANTS else b) for op, field, a, b in self.ops]
        return Tables(np.array([word for op in ops for word in op] + self.constants, np.int64), bytes(self.texts))


class _Compiler:
    """Compiles one schema; ``space`` is the namespace that names are relative to, ``path`` the dotted field name."""

    def __init__(self, table: ProgramTable, writer: WriterSchema) -> None:
        self.table = table
        self.schema = writer.schema
        self.named: dict[str, tuple[Any, str]] = {}
        self.routines: dict[str, int] = {}
        self.calls: list[tuple[int, str]] = []
        self.missing = set(table.asked)
        self.fence = len(table.ops)  # ops before this pc are jumped over or to: they may not be merged
        for schema in (*writer.references, writer.schema):
            self._collect(schema, "")

    def compile(self) -> int:
        start = len(self.table.ops)
        self._value(self.schema, self.table.wanted, "", "")
        for path in sorted(self.missing):
            self._emit(Op.LACKING, path=path)
        self._emit(Op.END)
        while self.calls:
            at, name = self.calls.pop()
            if name not in self.routines:
                self.routines[name] = self._fence()
                definition, space = self.named[name]
                self._record(definition, None, space, name)
                self._emit(Op.RETURN)
            self._patch(at, a=self.routines[name])
        return start

    def _emit(self, op: Op, field: int = 0, a: int = 0, b: int = 0, path: str = "") -> int:
        self.table.ops.append((op, field, a, b))
        self.table.paths.append(path)
        return len(self.table.ops) - 1

    def _patch(self, at: int, a: int) -> None:
        op, field, _, b = self.table.ops[at]
        self.table.ops[at] = (op, field, a, b)

    def _fence(self) -> int:
        self.fence = len(self.table.ops)
        return self.fence

    def _constants(self, values: list[int]) -> int:
        self.table.constants.extend(values)
        return len(self.table.constants) - len(values)

    def _collect(self, schema: Any, space: str) -> None:
        """Registers every named type, so that a name can be used before its definition is reached."""
        if isinstance(schema, list):
            for branch in schema:
                self._collect(branch, space)
        elif isinstance(schema, dict):
            kind = schema["type"]
            if kind in ("record", "error", "enum", "fixed"):
                name, inner = _full_name(schema, space)
                self.named[name] = (schema, space)
                for field in schema.get("fields", ()):
                    self._collect(field["type"], inner)
            elif kind in ("array", "map"):
                self._collect(schema["items" if kind == "array" else "values"], space)
            else:
                self._collect(kind, space)

    def _resolve(self, schema: Any, space: str) -> tuple[Any, str]:
        """The definition behind a name or a wrapper without meaning, and the namespace around it."""
        for _ in range(100):
            if isinstance(schema, str):
                known = schema in _PLAIN
                found = None if known else self.named.get(f"{space}.{schema}") or self.named.get(schema)
                if found is None:
                    if not known:
                        raise SchemaError(f"unknown type {schema}")
                    return {"type": schema}, space
                schema, space = found
            elif isinstance(schema, list) or schema["type"] in _PLAIN or schema["type"] in _COMPLEX:
                return schema, space
            else:
                schema = schema["type"]
        raise SchemaError("types that name each other")

    def _is_empty(self, schema: Any, space: str, above: tuple[str, ...] = ()) -> bool:
        """Whether a value takes no bytes at all: then a block may claim any number of them."""
        schema, space = self._resolve(schema, space)
        if isinstance(schema, list):
            return False
        if schema["type"] == "fixed":
            return _size(schema) == 0
        if schema["type"] in {"record", "error"}:
            name, inner = _full_name(schema, space)
            if name in above:
                raise SchemaError(f"{name} holds itself")
            return all(self._is_empty(field["type"], inner, (*above, name)) for field in schema["fields"])
        return bool(schema["type"] == "null")

    def _value(self, schema: Any, wanted: "Wanted | Field | None", space: str, path: str) -> None:
        schema, space = self._resolve(schema, space)
        if isinstance(wanted, Field):
            self.missing.discard(path)
        if isinstance(schema, list):
            self._union(schema, wanted, space, path)
        elif isinstance(wanted, Field) and schema["type"] != "null":
            if not self._leaf(schema, wanted, path):
                self._emit(Op.UNUSABLE, wanted, path=path)
                self._fence()
                self._skip(schema, space, path)
        elif isinstance(wanted, dict) and schema["type"] in {"record", "error"}:
            self._record(schema, wanted, space, path)
        else:
            self._skip(schema, space, path)

    def _record(self, schema: Any, wanted: "Wanted | None", space: str, path: str) -> None:
        _, inner = _full_name(schema, space)
        for field in schema["fields"]:
            below = wanted.get(field["name"]) if wanted else None
            self._value(field["type"], below, inner, f"{path}.{field['name']}" if path else str(field["name"]))

    def _union(self, branches: list[Any], wanted: "Wanted | Field | None", space: str, path: str) -> None:
        table = self._constants([0] * len(branches))
        self._emit(Op.UNION, 0, len(branches), table, path)
        jumps = []
        for index, branch in enumerate(branches):
            self.table.constants[table + index] = self._fence()
            self._value(branch, wanted, space, path)
            jumps.append(self._emit(Op.JUMP))
        after = self._fence()
        for jump in jumps:
            self._patch(jump, a=after)

    @contextmanager
    def _blocks(self, path: str) -> Iterator[None]:
        """The loop over an array's or map's blocks, around the ops of one item."""
        loop = self._emit(Op.BLOCKS, path=path)
        self._fence()
        yield
        self._emit(Op.NEXT_ITEM, a=loop)
        self._patch(loop, a=self._fence())

    def _skip(self, schema: Any, space: str, path: str) -> None:
        kind = schema["type"]
        if kind in ("record", "error"):
            name, _ = _full_name(schema, space)
            self.calls.append((self._emit(Op.CALL), name))
        elif kind == "array" and self._is_empty(schema["items"], space):
            self._emit(Op.EMPTY_BLOCKS, path=path)
        elif kind == "array":
            with self._blocks(path):
                self._value(schema["items"], None, space, path)
        elif kind == "map":
            with self._blocks(path):
                self._emit(Op.SKIP_TEXT, path=path)
                self._value(schema["values"], None, space, path)
        elif kind == "enum":
            self._emit(Op.SKIP_ENUM, a=len(schema["symbols"]), path=path)
        elif kind in ("int", "long"):
            self._emit(Op.SKIP_LONG, path=path)
        elif kind in ("bytes", "string"):
            self._emit(Op.SKIP_TEXT, path=path)
        elif kind != "null":
            self._skip_bytes(_size(schema) if kind == "fixed" else _FIXED_SIZES[kind], path)

    def _skip_bytes(self, count: int, path: str) -> None:
        if len(self.table.ops) > self.fence and self.table.ops[-1][0] == Op.SKIP_BYTES:
            self._patch(len(self.table.ops) - 1, a=self.table.ops[-1][2] + count)
        else:
            self._emit(Op.SKIP_BYTES, a=count, path=path)

    def _leaf(self, schema: Any, field: Field, path: str) -> bool:
        """Emits the op that reads ``schema`` into ``field``; False when no op can."""
        kind, logical = schema["type"], schema.get("logicalType")
        if field in _TEXTS:
            return self._text(schema, kind, field, path)
        if field == Field.SIDE:
            return self._side(schema, kind, logical, path)
        if field == Field.EVENT_TIME:
            return self._time(kind, logical, path)
        sent = self.table.values.scale_of(field)
        if logical == "decimal" and kind in ("bytes", "fixed"):
            scale = int(schema.get("scale", 0))
            if scale < 0:
                raise SchemaError(f"{path} is a decimal of negative scale")
            size = _size(schema) if kind == "fixed" else 0
            op = Op.NUMBER_FIXED if kind == "fixed" else Op.NUMBER_DECIMAL
            self._emit(op, field, min(scale + sent, SCALE_MAX), size, path)
        elif kind in _NUMBERS:
            self._emit(_NUMBERS[kind], field, sent, path=path)
            self.table.has_floats |= kind in ("double", "float")
        else:
            return False
        return True

    def _side(self, schema: Any, kind: str, logical: Any, path: str) -> bool:
        value_of = self.table.values.sides.value_of
        if kind == "enum":
            sides = [value_of(str(symbol)) for symbol in schema["symbols"]]
            self._emit(Op.SIDE_ENUM, Field.SIDE, len(sides), self._constants(sides), path)
        elif kind in ("string", "bytes") and logical != "decimal":
            self._emit(Op.SIDE_TEXT, Field.SIDE, path=path)
        elif kind == "fixed" and logical != "decimal":
            self._emit(Op.SIDE_FIXED, Field.SIDE, _size(schema), path=path)
        elif kind in ("int", "long"):
            self._emit(Op.SIDE_LONG, Field.SIDE, path=path)
        elif kind == "boolean":
            flags = self._constants([value_of("false"), value_of("true")])
            self._emit(Op.SIDE_FLAG, Field.SIDE, 0, flags, path)
        else:
            return False
        return True

    def _time(self, kind: str, logical: Any, path: str) -> bool:
        ops = {"int": Op.TIME_LONG, "long": Op.TIME_LONG, "double": Op.TIME_DOUBLE, "float": Op.TIME_FLOAT}
        op = ops.get(kind, Op.TIME_TEXT if kind in ("string", "bytes") and logical != "decimal" else None)
        if op is None:
            return False
        unit = self.table.values.time_unit
        is_plain = op is not Op.TIME_LONG or logical not in _LOGICAL_UNITS
        if op is Op.TIME_LONG:
            of_day = _TIMES_OF_DAY if self.table.values.origin_us != NO_ORIGIN else {}
            unit = _LOGICAL_UNITS.get(logical, of_day.get(logical, unit))
        self._emit(op, Field.EVENT_TIME, unit, int(is_plain), path)
        return True

    def _text(self, schema: Any, kind: str, field: Field, path: str) -> bool:
        if schema.get("logicalType") == "decimal":
            return False  # its bytes are a number, and no text
        if kind in ("string", "bytes"):
            self._emit(Op.TEXT, field, path=path)
        elif kind == "fixed":
            self._emit(Op.TEXT_FIXED, field, _size(schema), path=path)
        elif kind in ("int", "long"):
            self._emit(Op.TEXT_LONG, field, path=path)
            self.table.made_texts = len(_TEXTS)
        elif kind in ("double", "float") and field == Field.TRADE_ID:
            self._emit(Op.TEXT_LONG, field, _FIXED_SIZES[kind], path=path)
            self.table.made_texts = len(_TEXTS)
        elif kind == "enum":
            places: list[int] = []
            for symbol in schema["symbols"]:
                text = str(symbol).encode()
                if field is not Field.SYMBOL and word_of(text).decode() in NOTHING:
                    text = b""
                places += (len(self.table.texts), len(text))
                self.table.texts += text
            self._emit(Op.TEXT_ENUM, field, len(schema["symbols"]), self._constants(places), path)
        else:
            return False
        return True


_NUMBERS: Final = {
    "int": Op.NUMBER_LONG,
    "long": Op.NUMBER_LONG,
    "double": Op.NUMBER_DOUBLE,
    "float": Op.NUMBER_FLOAT,
    "string": Op.NUMBER_TEXT,
    "bytes": Op.NUMBER_TEXT,
}
_WITH_CONSTANTS: Final = frozenset({Op.UNION, Op.TEXT_ENUM, Op.SIDE_ENUM, Op.SIDE_FLAG})
_PLAIN: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_COMPLEX: Final = ("record", "error", "enum", "fixed", "array", "map")


def _size(schema: Any) -> int:
    size = int(schema["size"])
    if not 0 <= size < 2**31:
        raise SchemaError(f"a fixed of {size} bytes")
    return size


def _full_name(schema: Any, space: str) -> tuple[str, str]:
    """The full name of a named type, and the namespace inside it."""
    name = str(schema["name"])
    inner = name.rpartition(".")[0] if "." in name else str(schema.get("namespace", space))
    name = name.rpartition(".")[2]
    return (f"{inner}.{name}" if inner else name), inner
