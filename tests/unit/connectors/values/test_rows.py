"""Writes into a row: a cleared one holds nothing of what was there, and a field's number finds its columns."""

import numpy as np

from connectors.values.fields import Field
from connectors.values.rows import clear_row, fold_signs, store_number, store_side, store_text
from kernels.decimal_text import from_pair, to_pair
from kernels.kernel import kernel
from schemas.columns import NO_ID, SELL, TRADE, UNKNOWN, TradeRows


@kernel
def cleared(rows: TradeRows, offset: int, timestamp_ms: int) -> None:
    clear_row(rows[0], offset, timestamp_ms)


@kernel
def filled(rows: TradeRows, field: int, at: int, length: int, hi: int, lo: np.uint64) -> None:
    store_text(rows[0], field, at, length)
    store_number(rows[0], field, hi, lo)
    store_side(rows[0], 1 | 7 << 8)


def one_row() -> TradeRows:
    return np.zeros(1, TRADE)


def test_a_cleared_row_is_defined_byte_for_byte() -> None:
    dirty = np.frombuffer(b"\xff" * TRADE.itemsize, TRADE).copy()
    cleared(dirty, 9, -1)
    wanted = one_row()
    wanted["offset"], wanted["timestamp_ms"], wanted["side"] = 9, -1, UNKNOWN
    wanted["trade_id_number"] = NO_ID
    assert dirty.tobytes() == wanted.tobytes()


def test_a_field_s_number_finds_its_columns() -> None:
    for field, text, number in (
        (Field.SYMBOL, "symbol", "ask"),
        (Field.TRADE_ID, "trade_id", "ask"),
        (Field.PRICE, "exchange", "price"),
        (Field.SIZE, "exchange", "size"),
        (Field.BID, "exchange", "bid"),
        (Field.ASK, "exchange", "ask"),
    ):
        rows = one_row()
        filled(rows, int(field), 3, 4, 5, np.uint64(6))
        (row,) = rows
        assert (row[f"{text}_at"], row[f"{text}_len"]) == (3, 4)
        assert (row[f"{number}_hi"], row[f"{number}_lo"]) == (5, 6)
        assert (row["side"], row["side_word"]) == (SELL, 7)
        assert (row["has_bid"], row["has_ask"]) == (number == "bid", number == "ask")


def test_signs_of_sizes_become_sides() -> None:
    rows = np.zeros(3, TRADE)
    for row, size in zip(rows, (1, -1, 0), strict=True):
        row["size_hi"], row["size_lo"] = to_pair(size)
        row["side"], row["side_word"] = 2, 9
    fold_signs(rows, 0, 1)
    assert [tuple(row) for row in rows[["side", "side_word"]].tolist()] == [(0, 0), (1, 0), (2, 9)]
    assert [from_pair(int(row["size_hi"]), int(row["size_lo"])) for row in rows] == [1, 1, 0]
