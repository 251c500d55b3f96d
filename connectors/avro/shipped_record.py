"""Reads a record of the shipped Trade schema straight through: its fields in their order, no program between them.

The interpreter (connectors.avro.kernel) asks for it where a writer's program is the shipped schema's own. Only what
nearly every record has is read here: short texts, decimals of at most eight bytes, times of at most eight. Anything
else, and anything wrong, is left to the interpreter, which reads the record from its beginning. So nothing is refused
here, and what is read is what the interpreter would have read.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from connectors.avro.program import Op
from connectors.values.fields import TIME_UNITS, Field
from connectors.values.ids import read_id
from connectors.values.words import says_nothing
from kernels.chunks import CHUNK, are_digits, big_word, digits_value, first_digits, gather_varint, little_word
from kernels.kernel import inlined_kernel, leaf_kernel
from schemas.columns import NO_ID, Bytes, Longs, TradeRow, Whole

__all__ = ["NOT_SHIPPED", "REACH", "read_shipped", "shipped_sides"]

U = np.uint64
NOT_SHIPPED: Final = -1
_PROGRAM: Final = (
    (Op.TEXT, Field.SYMBOL),
    (Op.NUMBER_DECIMAL, Field.PRICE, 10),
    (Op.NUMBER_DECIMAL, Field.SIZE, 10),
    (Op.SIDE_ENUM, Field.SIDE, 3),
    (Op.TEXT, Field.TRADE_ID),
    (Op.TIME_LONG, Field.EVENT_TIME, TIME_UNITS["us"], 0),
    (Op.TEXT, Field.EXCHANGE),
    (Op.UNION, 0, 2),
    (Op.JUMP,),
    (Op.NUMBER_DECIMAL, Field.BID, 10),
    (Op.JUMP,),
    (Op.UNION, 0, 2),
    (Op.JUMP,),
    (Op.NUMBER_DECIMAL, Field.ASK, 10),
    (Op.JUMP,),
    (Op.END,),
)
"""How each op of the shipped schema's program begins. A union whose null comes second has its ops in another order."""
_SIDE_AT: Final = 3
_SIDES: Final = 3
_SHORT: Final = 64
"""Texts of more bytes have a length of two bytes or more."""
REACH: Final = 3 * (1 + _SHORT) + 4 * (2 + CHUNK) + 1 + 2 * CHUNK
"""Bytes that may be looked at from a record's beginning on, whatever they are: so the caller has that many."""


def shipped_sides(ops: Sequence[tuple[int, int, int, int]], start: int) -> int:
    """Where in the code the values of its sides lie if the program at ``start`` is that of the shipped schema, else
    NOT_SHIPPED. ops: of all programs, with the constants behind them (connectors.avro.program)."""
    found = ops[start : start + len(_PROGRAM)]
    if len(found) < len(_PROGRAM) or any(op[: len(begin)] != begin for op, begin in zip(found, _PROGRAM, strict=True)):
        return NOT_SHIPPED
    return ops[start + _SIDE_AT][3] + 4 * len(ops)


@inlined_kernel
def _read_decimal(data: Bytes, at: np.uint64) -> tuple[np.int64, np.uint64]:
    """(value, position after it, 0 for one that isn't short) of a decimal of 1 to 8 bytes."""
    length = U(data[at]) >> U(1)
    if data[at] & np.uint8(1) or length == U(0) or length > U(CHUNK):
        return np.int64(0), U(0)
    return np.int64(big_word(data, at + U(1))) >> np.int64(U(64) - (length << U(3))), at + U(1) + length


@inlined_kernel
def _read_text(data: Bytes, at: np.uint64) -> tuple[np.uint64, np.uint64]:
    """(begin, end, 0 for one that isn't short) of a text."""
    head = data[at]
    if head & np.uint8(0x81):
        return U(0), U(0)
    return at + U(1), at + U(1) + (U(head) >> U(1))


@inlined_kernel
def _says_nothing(data: Bytes, begin: np.uint64, end: np.uint64) -> bool:
    """Whether a text is one that stands for no value; an empty one is as it is."""
    return begin != end and says_nothing(data, int(np.int64(begin)), int(np.int64(end)))


@inlined_kernel
def _read_short_id(data: Bytes, begin: np.uint64, end: np.uint64) -> np.int64:
    """The number of an id of 1 to 16 digits, NO_ID of any other; blanks and points are the general reader's."""
    length = end - begin
    if length - U(1) > U(2 * CHUNK - 1):
        return np.int64(NO_ID)
    if length <= U(CHUNK):
        word = first_digits(little_word(data, begin), length)
        return np.int64(digits_value(word)) if are_digits(word) else np.int64(NO_ID)
    head = first_digits(little_word(data, begin), length - U(CHUNK))
    rest = little_word(data, end - U(CHUNK))
    if not (are_digits(head) and are_digits(rest)):
        return np.int64(NO_ID)
    return np.int64(digits_value(head) * U(100_000_000) + digits_value(rest))


@leaf_kernel
def read_shipped(data: Bytes, start: Whole, stop: Whole, code: Longs, sides_at: Whole, row: TradeRow) -> bool:
    """Fills the row's fields from ``data[start:stop]``; False where the interpreter is to read the record.

    ``data[start : start + REACH]`` is there. code[sides_at:]: the values of BUY, SELL and UNKNOWN. The row is cleared;
    after False it has to be cleared again.
    """
    symbol, at = _read_text(data, U(start))
    if at == U(0):
        return False
    symbol_len = at - symbol
    price, at = _read_decimal(data, at)
    if at == U(0):
        return False
    size, at = _read_decimal(data, at)
    if at == U(0):
        return False
    side = data[at]
    if side & np.uint8(1) or side >= np.uint8(2 * _SIDES):
        return False
    trade_id, id_end = _read_text(data, at + U(1))
    if id_end == U(0) or _says_nothing(data, trade_id, id_end):
        return False
    time, time_len = gather_varint(little_word(data, id_end))
    if time_len == U(0):
        return False
    exchange, at = _read_text(data, id_end + time_len)
    if at == U(0) or _says_nothing(data, exchange, at):
        return False
    exchange_len = at - exchange
    if data[at] == np.uint8(2):
        bid, at = _read_decimal(data, at + U(1))
        if at == U(0):
            return False
        row["bid_hi"], row["bid_lo"], row["has_bid"] = bid >> 63, U(bid), 1
    elif data[at] == np.uint8(0):
        at += U(1)
    else:
        return False
    if data[at] == np.uint8(2):
        ask, at = _read_decimal(data, at + U(1))  # of one that isn't short ``at`` is 0, which no record ends at
        row["ask_hi"], row["ask_lo"], row["has_ask"] = ask >> 63, U(ask), 1
    elif data[at] == np.uint8(0):
        at += U(1)
    else:
        return False
    if at != U(stop):
        return False
    value = code[sides_at + (side >> np.uint8(1))]
    row["side"], row["side_word"] = value & 0xFF, value >> 8
    row["price_hi"], row["price_lo"] = price >> 63, U(price)
    row["size_hi"], row["size_lo"] = size >> 63, U(size)
    row["event_time_us"] = np.int64(time >> U(1)) ^ -np.int64(time & U(1))
    row["symbol_at"], row["symbol_len"] = symbol, symbol_len
    row["trade_id_at"], row["trade_id_len"] = trade_id, id_end - trade_id
    row["exchange_at"], row["exchange_len"] = exchange, exchange_len
    number = _read_short_id(data, trade_id, id_end)
    if number >= 0:
        row["trade_id_number"] = number
    else:
        row["trade_id_upper"], row["trade_id_number"] = read_id(data, int(np.int64(trade_id)), int(np.int64(id_end)))
    return True
