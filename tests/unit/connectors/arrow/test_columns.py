"""Columns of any type become one of few kinds, and a value for a message is as exact as it is."""

import datetime as dt
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest

from connectors.arrow.columns import Column, column_of, shown
from connectors.arrow.kernel import CLOCK, DECIMAL, DOUBLE, FLOAT, LONG, MOMENT, NO_COLUMN, TEXT, UNFIT_COLUMN
from connectors.values.fields import TIME_UNITS, Field
from connectors.values.times import DAYS


def texts_of(column: Column) -> list[str]:
    assert column.offsets is not None
    ends = column.offsets.tolist()
    return [column.text[start:stop].decode() for start, stop in pairwise(ends)]


@pytest.mark.parametrize(
    ("array", "field", "kind", "scale"),
    [
        (pa.array([1], pa.int8()), Field.PRICE, LONG, 0),
        (pa.array([2**64 - 1], pa.uint64()), Field.PRICE, DECIMAL, 0),
        (pa.array([2**64 - 1], pa.uint64()), Field.EVENT_TIME, LONG, 0),
        (pa.array([1.5]), Field.PRICE, DOUBLE, 0),
        (pa.array([1.5], pa.float32()), Field.PRICE, FLOAT, 0),
        (pa.array([Decimal("1.50")], pa.decimal128(10, 2)), Field.PRICE, DECIMAL, 2),
        (pa.array([Decimal("1.50")], pa.decimal256(50, 2)), Field.PRICE, DECIMAL, 2),
        (pa.array([1], pa.timestamp("us")), Field.EVENT_TIME, MOMENT, TIME_UNITS["us"]),
        (pa.array([1], pa.date32()), Field.EVENT_TIME, MOMENT, DAYS),
        (pa.array([1], pa.date64()), Field.EVENT_TIME, MOMENT, TIME_UNITS["ms"]),
        (pa.array([1], pa.time32("s")), Field.EVENT_TIME, CLOCK, TIME_UNITS["s"]),
        (pa.array([1], pa.time64("ns")), Field.EVENT_TIME, CLOCK, TIME_UNITS["ns"]),
        (pa.array([1], pa.timestamp("us")), Field.PRICE, UNFIT_COLUMN, 0),
        (pa.array([1], pa.duration("us")), Field.EVENT_TIME, UNFIT_COLUMN, 0),
        (pa.array([True]), Field.SIZE, UNFIT_COLUMN, 0),
        (pa.array(["1.5"]), Field.PRICE, TEXT, 0),
        (pa.array([[1]]), Field.PRICE, NO_COLUMN, 0),
        (pa.nulls(1), Field.PRICE, NO_COLUMN, 0),
    ],
)
def test_kinds(array: Any, field: Field, kind: int, scale: int) -> None:
    column = column_of(array, field)
    assert (column.kind, column.scale) == (kind, scale)


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["é", "", None, "b"]),
        pa.array(["é", "", None, "b"], pa.large_string()),
        pa.array(["é".encode(), b"", None, b"b"]),
        pa.array(["é", "", None, "b"]).dictionary_encode(),
        pa.array(["x", "é", "", None, "b"])[1:],
    ],
)
def test_texts_of_any_encoding_are_one_buffer(array: Any) -> None:
    column = column_of(array, Field.SYMBOL)
    assert texts_of(column) == ["é", "", "", "b"]
    assert column.valid is not None
    assert column.valid.tolist() == [True, True, False, True]


def test_ids_that_a_data_frame_made_doubles_are_whole_again() -> None:
    assert texts_of(column_of(pa.array([7.0, None, float("nan")]), Field.TRADE_ID)) == ["7", "", ""]
    assert texts_of(column_of(pa.array([7.5, 8.0]), Field.TRADE_ID)) == ["7.5", "8"]


def test_values_are_those_of_a_slice() -> None:
    column = column_of(pa.array([1, 2, 3])[1:], Field.SIZE)
    assert column.high is not None
    assert column.high.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pa.scalar(0.1), "0.1"),
        (pa.scalar(0.1, pa.float32()), "0.1"),
        (pa.scalar(b"a\xff"), "a\\xff"),
        (pa.scalar("a\r\nb"), "a  b"),
        (pa.scalar(True), "true"),
        (pa.scalar(5, pa.timestamp("ns")), "5"),
        (pa.scalar(dt.date(1970, 1, 2)), "86400"),
        (pa.scalar(None, pa.int64()), ""),
        (pa.array(["x"]).dictionary_encode()[0], "x"),
    ],
)
def test_values_for_messages(value: Any, text: str) -> None:
    assert shown(value) == text
