"""A result in the format that a client asks for: JSON as it is kept, or CSV, Parquet or Arrow made of it by chunks.

Each encoder is a generator: it takes the chunks of JSON rows one after another and gives bytes, so that no more than
a chunk (of Parquet a row group) is in memory. Decimals go from digits to digits: text in CSV, decimal128(38, 10) in the
others, decimal256(76, 20) where a field has 20 decimals. pyarrow is imported when the first such result is asked for.
"""

import csv
import io
from asyncio import to_thread
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import cache
from typing import Any, Final, NamedTuple, get_type_hints

import msgspec

from gateway.reports.kind import Kind

__all__ = ["CONTENT_TYPES", "encode"]

CONTENT_TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
GROUP_CHUNKS: Final = 8
"""Chunks in a row group of Parquet: some ten thousand rows."""
Chunks = AsyncIterator[str]
HOLDS: Final[dict[Any, str]] = {
    msgspec.inspect.RawType: "decimal",
    msgspec.inspect.IntType: "number",
    msgspec.inspect.BoolType: "flag",
    msgspec.inspect.StrType: "text",
    msgspec.inspect.LiteralType: "text",
}
PLAIN: Final = {"decimal": msgspec.Raw, "wide": msgspec.Raw, "text": str, "number": int, "flag": bool}


class Column(NamedTuple):
    """A field of a row: its name in the formats, and what it holds."""

    name: str
    holds: str  # decimal, wide, text, number, flag


async def encode(kind: Kind, wanted: str, chunks: Chunks) -> AsyncGenerator[bytes, None]:
    """The result as one of CONTENT_TYPES."""
    encoder = {"json": _json, "csv": _csv, "parquet": _parquet, "arrow": _arrow}[wanted]
    async for part in encoder(kind, chunks):
        yield part


async def _json(kind: Kind, chunks: Chunks) -> AsyncGenerator[bytes, None]:  # noqa: ARG001 - an encoder's shape
    yield b"["
    first = True
    async for chunk in chunks:
        yield chunk.encode() if first else b"," + chunk.encode()
        first = False
    yield b"]\n"


async def _csv(kind: Kind, chunks: Chunks) -> AsyncGenerator[bytes, None]:
    yield _csv_lines([[column.name for column in columns_of(kind.row, kind.wide)]])
    async for chunk in chunks:
        yield await to_thread(lambda text: _csv_lines(zip(*map(_csv_cells, _columns(kind, text)), strict=True)), chunk)


def _csv_cells(values: list[Any]) -> list[Any]:
    """Flags in the words that JSON has for them."""
    return [str(value).lower() for value in values] if isinstance(values[0], bool) else values


def _csv_lines(rows: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


async def _arrow(kind: Kind, chunks: Chunks) -> AsyncGenerator[bytes, None]:
    import pyarrow as pa  # noqa: PLC0415 - a gateway that makes none starts without it

    taken = Taken()
    schema = await to_thread(_schema, kind)
    writer = pa.ipc.new_stream(taken, schema)
    async for chunk in chunks:
        await to_thread(lambda text: writer.write_batch(_batch(kind, schema, text)), chunk)
        yield taken.take()
    writer.close()
    yield taken.take()


async def _parquet(kind: Kind, chunks: Chunks) -> AsyncGenerator[bytes, None]:
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415

    taken = Taken()
    schema = await to_thread(_schema, kind)
    writer = pq.ParquetWriter(taken, schema, compression="zstd")
    waiting: list[str] = []

    def write() -> None:
        writer.write_table(pa.Table.from_batches([_batch(kind, schema, text) for text in waiting], schema))

    async for chunk in chunks:
        waiting.append(chunk)
        if len(waiting) == GROUP_CHUNKS:
            await to_thread(write)
            waiting.clear()
            yield taken.take()
    if waiting:
        await to_thread(write)
    await to_thread(writer.close)
    yield taken.take()


class Taken(io.RawIOBase):
    """A file that is written to, and whose bytes are taken away meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def take(self) -> bytes:
        """What was written since the last time."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found


@cache
def columns_of(row: type[msgspec.Struct], wide: frozenset[str]) -> tuple[Column, ...]:
    """The fields of a kind's rows, in order."""
    hints = get_type_hints(row, include_extras=True)
    found = []
    for field in msgspec.structs.fields(row):
        kind = msgspec.inspect.type_info(hints[field.name])
        holds = HOLDS[type(getattr(kind, "type", kind))]
        found.append(Column(field.encode_name, "wide" if field.name in wide else holds))
    return tuple(found)


@cache
def _reader(columns: tuple[Column, ...]) -> msgspec.json.Decoder[Any]:
    """Reads rows as they were written: what they may hold was checked before."""
    fields: Any = [(f"f{at}", PLAIN[column.holds]) for at, column in enumerate(columns)]
    names = {f"f{at}": column.name for at, column in enumerate(columns)}
    return msgspec.json.Decoder(list[msgspec.defstruct("Plain", fields, rename=names, gc=False)])  # type: ignore[misc]


def _columns(kind: Kind, chunk: str) -> list[list[Any]]:
    """The chunk's rows as columns; a decimal as its digits, None where there is none."""
    columns = columns_of(kind.row, kind.wide)
    rows = [msgspec.structs.astuple(row) for row in _reader(columns).decode(f"[{chunk}]")]
    return [
        [_digits(value) for value in values] if column.holds in ("decimal", "wide") else list(values)
        for column, values in zip(columns, zip(*rows, strict=True), strict=True)
    ]


def _digits(value: msgspec.Raw) -> str | None:
    text = bytes(value).decode()
    return None if text == "null" else text


def _schema(kind: Kind) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - as above

    types: dict[str, Callable[[], Any]] = {
        "decimal": lambda: pa.decimal128(38, 10),
        "wide": lambda: pa.decimal256(76, 20),
        "text": pa.string,
        "number": pa.int64,
        "flag": pa.bool_,
    }
    return pa.schema([(column.name, types[column.holds]()) for column in columns_of(kind.row, kind.wide)])


def _batch(kind: Kind, schema: Any, chunk: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - as above

    arrays = []
    for field, values in zip(schema, _columns(kind, chunk), strict=True):
        is_decimal = pa.types.is_decimal(field.type)
        array = pa.array(values, pa.string() if is_decimal else field.type)
        arrays.append(array.cast(field.type) if is_decimal else array)
    return pa.record_batch(arrays, schema)
