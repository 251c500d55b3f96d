"""ClickHouse's Native format, walked rather than decoded: where does a block of columns end?

The protocol gives a data packet no length, so ``protocol`` must follow every column to find the next packet; the bytes
themselves go to the engine and to the client untouched. The walk reads exactly one block, byte for byte what FORMAT
Native holds. LowCardinality puts its version in front of everything, also in front of array offsets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.clickhouse.types import Array, Fixed, Layout, LowCardinality, Nullable, Strings, parse_type
from local.clickhouse.window import Window

__all__ = ["Block", "Column", "header_block", "rename_types", "text", "varint", "walk_block"]

Column = tuple[str, str]
"""A column's name and its type as the server spells it."""


@dataclass(frozen=True, slots=True)
class Block:
    """What a walk saw: row count, columns, and where each type's name stands from the block's first byte.

    The places (start, end) hold for a block that was whole in memory, as the engine's are; a stream's window may move.
    """

    rows: int
    columns: list[Column]
    type_spots: list[tuple[int, int]]


def varint(value: int) -> bytes:
    """LEB128, as every length on the wire."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def text(value: str) -> bytes:
    """A string on the wire: its length in bytes, then UTF-8."""
    data = value.encode()
    return varint(len(data)) + data


def walk_block(window: Window) -> Block:
    """Move ``window`` over one Native block; EOFError when it ends early, UNKNOWN_TYPE for a type not known."""
    start = window.at
    count, rows = window.varint(), window.varint()
    columns: list[Column] = []
    spots: list[tuple[int, int]] = []
    for _ in range(count):
        name = window.text()
        before = window.at
        type_name = window.text()
        columns.append((name, type_name))
        spots.append((before - start, window.at - start))
        if rows:
            layout = parse_type(type_name)
            _skip_versions(window, layout)
            _skip_values(window, layout, rows)
    return Block(rows, columns, spots)


def _skip_versions(window: Window, layout: Layout) -> None:
    """The prefixes that stand before a column's data: 8 bytes per LowCardinality, in depth-first order."""
    if isinstance(layout, LowCardinality):
        window.skip(8)
    elif isinstance(layout, Array | Nullable):
        _skip_versions(window, layout.inner)
    elif not isinstance(layout, Fixed | Strings):
        for inner in layout.inner:
            _skip_versions(window, inner)


def _skip_values(window: Window, layout: Layout, rows: int) -> None:
    if isinstance(layout, Fixed):
        window.skip(rows * layout.width)
    elif isinstance(layout, Strings):
        window.skip_texts(rows)
    elif isinstance(layout, Nullable):
        window.skip(rows)
        _skip_values(window, layout.inner, rows)
    elif isinstance(layout, LowCardinality):
        if rows:
            # Low nibble of the flags: 0..3 for keys of 1, 2, 4 or 8 bytes.
            key_width = 1 << (window.uint64() & 0xF)
            _skip_values(window, layout.inner, window.uint64())
            window.skip(window.uint64() * key_width)
    elif isinstance(layout, Array):
        if rows:
            window.skip(8 * (rows - 1))
            _skip_values(window, layout.inner, window.uint64())
    else:
        for inner in layout.inner:
            _skip_values(window, inner, rows)


def header_block(columns: Sequence[Column]) -> bytes:
    """A block of no rows: how the server tells a client the columns' types."""
    return varint(len(columns)) + b"\x00" + b"".join(text(name) + text(type_name) for name, type_name in columns)


def rename_types(native: bytes, block: Block, types: Mapping[int, str]) -> bytes:
    """``native`` with other type names at the columns ``types`` (index to name); the data stays as it is."""
    parts: list[bytes] = []
    at = 0
    for index in sorted(types):
        start, end = block.type_spots[index]
        parts += native[at:start], text(types[index])
        at = end
    return b"".join([*parts, native[at:]])
