"""The walker against clickhouse-driver's own writer: whatever the driver sends, the walk ends at its last byte."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.streams.native import BlockOutputStream
from hypothesis import given, settings
from hypothesis import strategies as st

from local.clickhouse.native import header_block, rename_types, text, varint, walk_block
from local.clickhouse.window import Window

BLOCK_INFO_BYTES = 8


class Sink:
    def __init__(self) -> None:
        self.data = b""

    def sendall(self, data: bytes) -> None:
        self.data += bytes(data)


def written_by_driver(columns: list[tuple[str, str]], data: list[list[Any]]) -> bytes:
    """A block as clickhouse-driver 54429 puts it on the wire, without BlockInfo."""
    sink = Sink()
    context = SimpleNamespace(
        server_info=SimpleNamespace(used_revision=54429, get_timezone=lambda: "UTC"),
        client_settings={
            "use_numpy": False,
            "strings_as_bytes": False,
            "strings_encoding": "utf-8",
            "opentelemetry_traceparent": None,
            "namedtuple_as_json": False,
            "server_side_params": False,
            "input_format_null_as_default": False,
        },
        settings={},
    )
    stream = BlockOutputStream(BufferedSocketWriter(sink, 1 << 16), context)
    stream.write(ColumnOrientedBlock(columns_with_types=columns, data=[list(column) for column in data]))
    return sink.data[BLOCK_INFO_BYTES:]


texts = st.one_of(st.text(max_size=20), st.sampled_from(["", "\0", "a;\n'`", "x" * 127, "é" * 64, "y" * 17_000]))
small = st.integers(-(2**31), 2**31 - 1)
TYPES: dict[str, st.SearchStrategy[Any]] = {
    "String": texts,
    "FixedString(3)": st.sampled_from(["", "ab", "abc"]),
    "UInt64": st.integers(0, 2**64 - 1),
    "Int32": small,
    "Int128": st.integers(-(2**127), 2**127 - 1),
    "Float64": st.floats(allow_nan=False),
    "Decimal(38, 10)": st.decimals(-1000, 1000, places=10, allow_nan=False),
    "Decimal(9, 2)": st.decimals(-1000, 1000, places=2, allow_nan=False),
    "DateTime64(6, 'UTC')": st.integers(0, 4 * 10**15),
    "DateTime('UTC')": st.integers(0, 2**32 - 1),
    "Enum8('UNKNOWN' = 0, 'BUY' = 1, 'a, b)' = 2)": st.sampled_from(["UNKNOWN", "BUY", "a, b)"]),
    "UUID": st.builds(uuid.UUID, int=st.integers(0, 2**128 - 1)),
    "Bool": st.booleans(),
    "LowCardinality(String)": texts,
    "LowCardinality(Nullable(String))": st.none() | texts,
    "Nullable(String)": st.none() | texts,
    "Nullable(Decimal(38, 10))": st.none() | st.decimals(-10, 10, places=10, allow_nan=False),
    "Array(String)": st.lists(texts, max_size=4),
    "Array(Array(LowCardinality(String)))": st.lists(st.lists(texts, max_size=3), max_size=3),
    "Array(Nullable(Int32))": st.lists(st.none() | small, max_size=5),
    "Map(String, UInt64)": st.dictionaries(texts, st.integers(0, 9), max_size=3),
    "Tuple(Float64, String)": st.tuples(st.floats(allow_nan=False), texts),
    "Tuple(x Float64, `y z` Array(String))": st.tuples(st.floats(allow_nan=False), st.lists(texts, max_size=2)),
    "SimpleAggregateFunction(sum, UInt64)": st.integers(0, 9),
}


@st.composite
def blocks(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[list[Any]]]:
    names = draw(st.lists(st.sampled_from(sorted(TYPES)), min_size=1, max_size=6))
    rows = draw(st.integers(1, 20))
    data = [draw(st.lists(TYPES[name], min_size=rows, max_size=rows)) for name in names]
    return [(f"c{index}", name) for index, name in enumerate(names)], data


def in_steps(data: bytes, step: int) -> Callable[[Window], None]:
    given_bytes = 0

    def fill(window: Window) -> None:
        nonlocal given_bytes
        part = data[given_bytes : given_bytes + step]
        if not part:
            raise EOFError
        window.room(len(part))[: len(part)] = part
        window.grew(len(part))
        given_bytes += len(part)

    return fill


@settings(max_examples=120)
@given(blocks(), st.sampled_from([1, 3, 50, 4096, 1 << 20]))
def test_walk_ends_at_the_last_byte_of_what_the_driver_wrote(
    block: tuple[list[tuple[str, str]], list[list[Any]]], step: int
) -> None:
    columns, data = block
    native = written_by_driver(columns, data)
    window = Window(in_steps(native + b"next", step))
    window.mark()
    walked = walk_block(window)
    assert bytes(window.marked()) == native
    assert (walked.rows, walked.columns) == (len(data[0]), columns)
    assert bytes(window.take(4)) == b"next"


@settings(max_examples=60)
@given(blocks(), st.data())
def test_block_that_ends_early_is_never_taken_for_a_whole_one(
    block: tuple[list[tuple[str, str]], list[list[Any]]], data: st.DataObject
) -> None:
    native = written_by_driver(*block)
    cut = data.draw(st.integers(0, len(native) - 1))
    with pytest.raises(EOFError):
        walk_block(Window(data=native[:cut]))


def test_header_holds_no_data_for_any_type() -> None:
    columns = [(name, name) for name in TYPES]
    window = Window(data=header_block(columns))
    assert walk_block(window).columns == columns
    assert window.at == window.end


def test_type_names_are_replaced_and_the_data_kept() -> None:
    columns = [("a", "String"), ("t", "DateTime"), ("u", "DateTime")]
    values: list[list[Any]] = [["x", "y"], [1, 2], [3, 4]]
    native = written_by_driver(columns, values)
    block = walk_block(Window(data=native))
    renamed = rename_types(native, block, {2: "DateTime('UTC')", 1: "DateTime('Europe/Zurich')"})
    assert walk_block(Window(data=renamed)).columns == [
        ("a", "String"),
        ("t", "DateTime('Europe/Zurich')"),
        ("u", "DateTime('UTC')"),
    ]
    assert rename_types(renamed, walk_block(Window(data=renamed)), {1: "DateTime", 2: "DateTime"}) == native


def test_a_decimal_of_the_trades_table_takes_16_bytes() -> None:
    native = written_by_driver([("price", "Decimal(38, 10)")], [[Decimal("1.5")]])
    assert native == varint(1) + varint(1) + text("price") + text("Decimal(38, 10)") + (15 * 10**9).to_bytes(
        16, "little"
    )
