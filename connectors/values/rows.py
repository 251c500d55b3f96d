"""Compiled writes into one TRADE row: clearing it, and filling a field by its number.

Kernels of every decoder use these, so that an absent field looks the same whatever the format was. A cleared row is
wholly defined, byte for byte: nothing of an earlier batch is left in it.
"""

from typing import Final

import numpy as np

from connectors.values.fields import Field
from kernels.kernel import leaf_kernel
from kernels.wide import negate128
from schemas.columns import NO_ID, UNKNOWN, TradeRow, TradeRows, Whole

__all__ = ["clear_row", "fold_signs", "store_number", "store_side", "store_text"]

U = np.uint64
_SYMBOL: Final = int(Field.SYMBOL)
_TRADE_ID: Final = int(Field.TRADE_ID)
_PRICE: Final = int(Field.PRICE)
_SIZE: Final = int(Field.SIZE)
_BID: Final = int(Field.BID)


@leaf_kernel
def clear_row(row: TradeRow, offset: int, timestamp_ms: int) -> None:
    """A row of a trade of which nothing is known yet."""
    row["offset"], row["timestamp_ms"], row["event_time_us"] = offset, timestamp_ms, 0
    row["price_hi"] = row["size_hi"] = row["bid_hi"] = row["ask_hi"] = 0
    row["price_lo"] = row["size_lo"] = row["bid_lo"] = row["ask_lo"] = U(0)
    row["trade_id_upper"], row["trade_id_number"] = 0, NO_ID
    row["symbol_at"] = row["trade_id_at"] = row["exchange_at"] = 0
    row["symbol_len"] = row["trade_id_len"] = row["exchange_len"] = 0
    row["side"] = UNKNOWN
    row["index"] = row["has_bid"] = row["has_ask"] = row["reason"] = row["outcome"] = 0
    row["side_word"] = row["rounded"] = row["_pad"] = row["_rest"] = 0


@leaf_kernel
def store_text(row: TradeRow, field: int, at: int, length: int) -> None:
    if field == _SYMBOL:
        row["symbol_at"], row["symbol_len"] = at, length
    elif field == _TRADE_ID:
        row["trade_id_at"], row["trade_id_len"] = at, length
    else:
        row["exchange_at"], row["exchange_len"] = at, length


@leaf_kernel
def store_number(row: TradeRow, field: int, hi: Whole, lo: np.uint64) -> None:
    if field == _PRICE:
        row["price_hi"], row["price_lo"] = hi, lo
    elif field == _SIZE:
        row["size_hi"], row["size_lo"] = hi, lo
    elif field == _BID:
        row["bid_hi"], row["bid_lo"], row["has_bid"] = hi, lo, 1
    else:
        row["ask_hi"], row["ask_lo"], row["has_ask"] = hi, lo, 1


@leaf_kernel
def store_side(row: TradeRow, value: Whole) -> None:
    """``value``: what connectors.values.words says of a word."""
    row["side"], row["side_word"] = value & 0xFF, value >> 8


@leaf_kernel
def fold_signs(rows: TradeRows, plus: int, minus: int) -> None:
    """Sides from the signs of sizes, which lose them; a size of 0 leaves the side as it was read."""
    for index in range(len(rows)):
        row = rows[index]
        if row["size_hi"] < 0:
            hi, row["size_lo"] = negate128(U(row["size_hi"]), row["size_lo"])
            row["size_hi"] = np.int64(hi)
            row["side"], row["side_word"] = minus, 0
        elif row["size_hi"] > 0 or row["size_lo"] > U(0):
            row["side"], row["side_word"] = plus, 0
