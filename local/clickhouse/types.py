"""ClickHouse type names, parsed into the only thing the wire needs: how many bytes a column takes.

``native`` asks for a layout per column and walks the bytes with it. A type that isn't understood is refused with
ClickHouse's own code 50 before any data is accepted. It is never guessed, because one wrong width loses the whole
stream.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from schemas.clickhouse_codes import ErrorCode

__all__ = [
    "Array",
    "Fixed",
    "Layout",
    "LowCardinality",
    "Nullable",
    "ServerError",
    "Strings",
    "Tuple",
    "parse_type",
    "split_arguments",
]


class ServerError(Exception):
    """What a client gets as an exception packet: ClickHouse's numeric ``code`` and its ``message``."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message

    @classmethod
    def of(cls, code: ErrorCode, words: str) -> "ServerError":
        """Worded as the server words its own."""
        return cls(code, f"DB::Exception: {words}. ({code.name})")


@dataclass(frozen=True, slots=True)
class Fixed:
    """Every value takes ``width`` bytes."""

    width: int


@dataclass(frozen=True, slots=True)
class Strings:
    """Every value is a varint length and that many bytes."""


@dataclass(frozen=True, slots=True)
class Nullable:
    """One byte per row (1 = null), then the inner values of all rows."""

    inner: "Layout"


@dataclass(frozen=True, slots=True)
class LowCardinality:
    """A dictionary of inner values, then one key per row."""

    inner: "Layout"


@dataclass(frozen=True, slots=True)
class Array:
    """A uint64 running total per row, then all elements."""

    inner: "Layout"


@dataclass(frozen=True, slots=True)
class Tuple:
    """The elements as columns, one after the other."""

    inner: tuple["Layout", ...]


Layout = Fixed | Strings | Nullable | LowCardinality | Array | Tuple

WIDTHS: Final = {
    **dict.fromkeys(("Int8", "UInt8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("Int16", "UInt16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("Int32", "UInt32", "Float32", "Date32", "DateTime", "Decimal32", "IPv4", "Time"), 4),
    **dict.fromkeys(("Int64", "UInt64", "Float64", "DateTime64", "Decimal64", "Time64"), 8),
    **dict.fromkeys(("Int128", "UInt128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("Int256", "UInt256", "Decimal256"), 32),
}
ALIASES: Final = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "Polygon": "Array(Ring)",
    "MultiLineString": "Array(LineString)",
    "MultiPolygon": "Array(Polygon)",
}
NAMED_ELEMENT: Final = re.compile(r"(?:`(?:[^`\\]|\\.)+`|\w+)\s+(.+)", re.DOTALL)


def split_arguments(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets and quotes; the parts come stripped."""
    parts: list[str] = []
    depth = start = at = 0
    quote = ""
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in "'`\"":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and not depth:
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    parts.append(text[start:].strip())
    return parts


@lru_cache(maxsize=4096)
def parse_type(name: str) -> Layout:
    """The layout of type ``name`` as the server spells it; UNKNOWN_TYPE for one that can't be walked."""
    head, _, rest = name.partition("(")
    arguments = split_arguments(rest[:-1]) if rest else []
    if head in WIDTHS:
        return Fixed(WIDTHS[head])
    if head in ALIASES:
        return parse_type(ALIASES[head])
    if head.startswith("Interval"):
        return Fixed(8)
    if head == "String":
        return Strings()
    if not arguments:
        raise ServerError.of(ErrorCode.UNKNOWN_TYPE, f"type {name} is not supported over this server's wire")
    return _parse_parametric(name, head, arguments)


def _parse_parametric(name: str, head: str, arguments: list[str]) -> Layout:
    first = arguments[0]
    if head == "FixedString":
        return Fixed(int(first))
    if head == "Decimal":
        precision = int(first)
        return Fixed(4 if precision < 10 else 8 if precision < 19 else 16 if precision < 39 else 32)
    if head == "Nullable":
        return Nullable(parse_type(first))
    if head == "LowCardinality":
        return LowCardinality(
            parse_type(first.removeprefix("Nullable(").removesuffix(")") if first.startswith("Nullable(") else first)
        )
    if head == "Array":
        return Array(parse_type(first))
    if head == "Map":
        return Array(Tuple(tuple(parse_type(argument) for argument in arguments)))
    if head == "Tuple":
        return Tuple(tuple(_element(argument) for argument in arguments))
    if head == "Nested":
        return Array(Tuple(tuple(_element(argument) for argument in arguments)))
    if head == "SimpleAggregateFunction":
        return parse_type(arguments[-1])
    raise ServerError.of(ErrorCode.UNKNOWN_TYPE, f"type {name} is not supported over this server's wire")


def _element(text: str) -> Layout:
    """A tuple's element, ``Float64`` or ``name Float64``."""
    try:
        return parse_type(text)
    except ServerError:
        named = NAMED_ELEMENT.fullmatch(text)
        if not named:
            raise
        return parse_type(named[1])
