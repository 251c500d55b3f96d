"""Rows from columns: each kind is exact or refused; the few doubles that only repr() can tell are left to Python."""

import numpy as np
import pytest

from connectors.arrow.kernel import (
    CLOCK,
    DECIMAL,
    DOUBLE,
    LONG,
    MOMENT,
    NO_COLUMN,
    UNFIT_COLUMN,
    TypedColumns,
    fill_columns,
)
from connectors.values.cells import ABSENT, CellArrays
from connectors.values.fields import FIELD_COUNT, TIME_UNITS, Field
from connectors.values.read import Values
from kernels.decimal_text import from_pair
from schemas.columns import TRADE, TradeRows
from schemas.rejects import Reason
from schemas.trade_words import TradeWords

SECOND = 1_700_000_000


def bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def filled(
    columns: dict[Field, tuple[int, int, int, int]], absent: tuple[Field, ...] = (), words: TradeWords | None = None
) -> tuple[TradeRows, list[tuple[int, int]]]:
    """The row of one value a field, (kind, scale, high, low), and what is left to Python."""
    usual = {Field.PRICE: (LONG, 0, 1, 0), Field.SIZE: (LONG, 0, 1, 0), Field.EVENT_TIME: (LONG, 0, SECOND, 0)}
    kinds, scales = np.zeros(FIELD_COUNT, np.int64), np.zeros(FIELD_COUNT, np.int64)
    highs, lows = np.zeros((FIELD_COUNT, 1), np.int64), np.zeros((FIELD_COUNT, 1), np.uint64)
    valid, rows, pending = np.ones((FIELD_COUNT, 1), np.bool_), np.empty(1, TRADE), np.zeros((4, 2), np.int64)
    for each, (kind, scale, high, low) in (usual | columns).items():
        kinds[each], scales[each], highs[each], lows[each] = kind, scale, high, low
        valid[each] = each not in absent
    ats, lengths = np.zeros((1, FIELD_COUNT), np.int64), np.full((1, FIELD_COUNT), ABSENT, np.int64)
    kinds[Field.SYMBOL], lengths[0, Field.SYMBOL] = 1, 1
    values = Values(words)
    left = fill_columns(
        np.frombuffer(b"A", np.uint8), CellArrays(ats, lengths, np.zeros(1, np.uint8)),
        TypedColumns(kinds, scales, highs, lows, valid), np.array([9], np.int64), values.rules, rows, pending,
    )  # fmt: skip
    return rows, [tuple(each) for each in pending[:left].tolist()]


def price_of(rows: TradeRows) -> tuple[int, Reason]:
    return from_pair(int(rows[0]["price_hi"]), int(rows[0]["price_lo"])), Reason(int(rows[0]["reason"]))


@pytest.mark.parametrize(
    ("column", "price"),
    [
        ((LONG, 0, -3, 0), -3 * 10**10),
        ((DECIMAL, 2, 0, 150), 15 * 10**9),
        ((DECIMAL, 0, -1, 2**64 - 1), -(10**10)),
        ((DOUBLE, 0, bits(0.1), 0), 10**9),
    ],
)
def test_prices(column: tuple[int, int, int, int], price: int) -> None:
    rows, left = filled({Field.PRICE: column})
    assert price_of(rows) == (price, Reason.NONE)
    assert left == []
    assert rows[0]["offset"] == 9


@pytest.mark.parametrize(
    ("column", "time_us"),
    [
        ((MOMENT, TIME_UNITS["ns"], SECOND * 10**9 + 1999, 0), SECOND * 10**6 + 1),
        ((LONG, 0, SECOND * 1000, 0), SECOND * 10**6),
        ((DOUBLE, 0, bits(SECOND + 0.25), 0), SECOND * 10**6 + 250_000),
    ],
)
def test_times(column: tuple[int, int, int, int], time_us: int) -> None:
    rows, _ = filled({Field.EVENT_TIME: column})
    assert (rows[0]["event_time_us"], rows[0]["reason"]) == (time_us, 0)


def test_a_time_of_day_counts_from_the_origin() -> None:
    column = {Field.EVENT_TIME: (CLOCK, TIME_UNITS["s"], 34_200, 0)}
    assert filled(column)[0][0]["reason"] == Reason.UNCLEAR_TIME
    rows, _ = filled(column, words=TradeWords(time_origin_us=SECOND * 10**6))
    assert (rows[0]["event_time_us"], rows[0]["reason"]) == ((SECOND + 34_200) * 10**6, 0)


@pytest.mark.parametrize(
    ("columns", "absent", "reason"),
    [
        ({Field.PRICE: (UNFIT_COLUMN, 0, 0, 0)}, (), Reason.BAD_VALUE),
        ({Field.PRICE: (NO_COLUMN, 0, 0, 0)}, (), Reason.MISSING_FIELD),
        ({}, (Field.SIZE,), Reason.MISSING_FIELD),
        ({Field.PRICE: (DECIMAL, 11, 0, 1)}, (), Reason.OUT_OF_RANGE),
        ({Field.PRICE: (DOUBLE, 0, bits(float("nan")), 0)}, (), Reason.BAD_VALUE),
        ({Field.BID: (DOUBLE, 0, bits(float("nan")), 0)}, (), Reason.NONE),
        ({Field.BID: (LONG, 0, 1, 0)}, (Field.BID,), Reason.NONE),
    ],
)
def test_reasons(columns: dict[Field, tuple[int, int, int, int]], absent: tuple[Field, ...], reason: Reason) -> None:
    rows, _ = filled(columns, absent)
    assert (rows[0]["reason"], rows[0]["has_bid"]) == (reason, 0)


def test_what_only_repr_can_tell_is_left() -> None:
    rows, left = filled({Field.PRICE: (DOUBLE, 0, bits(123_456.78901234567), 0)})
    assert left == [(0, Field.PRICE)]
    assert rows[0]["reason"] == 0
