"""The compiled words of JSON: strings, numbers and literals, and the cells of those that fill a field.

connectors.json.kernel finds records' members and asks here for what stands in them. A word is checked against RFC 8259
(and the NaN and Infinity of Python's json) and isn't turned into anything: a cell says where its text lies.
"""

from typing import Final

import numpy as np

from connectors.values.cells import ABSENT, UNFIT, CellArrays
from connectors.values.fields import Field
from connectors.values.ids import is_whole_number
from kernels.ascii import (
    BACKSLASH,
    CAPITAL_E,
    CAPITAL_N,
    MINUS,
    NINE,
    PLUS,
    POINT,
    QUOTE,
    SMALL_E,
    SMALL_F,
    SMALL_N,
    SMALL_T,
    SMALL_U,
    SPACE,
    ZERO,
)
from kernels.kernel import leaf_kernel
from schemas.columns import Bytes

__all__ = ["UNWANTED", "matches", "scan_scalar", "scan_string", "skip_space"]

UNWANTED: Final = 1 << 20
"""The target of a value that fills nothing: neither a node of the tree of wanted names (0..) nor ``~field``."""

_SYMBOL: Final = int(Field.SYMBOL)
_TRADE_ID: Final = int(Field.TRADE_ID)
_EXCHANGE: Final = int(Field.EXCHANGE)
_PRICE: Final = int(Field.PRICE)
_SIZE: Final = int(Field.SIZE)
_EVENT_TIME: Final = int(Field.EVENT_TIME)
_SIDE: Final = int(Field.SIDE)

_SPACE: Final = np.zeros(256, np.bool_)
_SPACE[list(b" \t\n\r")] = True
_ESCAPES: Final = np.zeros(256, np.bool_)
_ESCAPES[list(b'"\\/bfnrt')] = True
_HEX: Final = np.zeros(256, np.bool_)
_HEX[list(b"0123456789abcdefABCDEF")] = True
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)
_NULL: Final = np.frombuffer(b"null", np.uint8)
_NAN: Final = np.frombuffer(b"NaN", np.uint8)
_INFINITY: Final = np.frombuffer(b"Infinity", np.uint8)


@leaf_kernel
def skip_space(data: Bytes, at: int, stop: int) -> int:
    while at < stop and _SPACE[data[at]]:
        at += 1
    return at


@leaf_kernel
def scan_string(data: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """(position of the closing quote or -1, whether there are escapes) of a string whose text begins at ``at``."""
    escaped = False
    while at < stop:
        byte = data[at]
        if byte == QUOTE:
            return at, escaped
        if byte < SPACE:
            return -1, escaped
        at += 1
        if byte == BACKSLASH:
            escaped = True
            if at >= stop:
                break
            if data[at] == SMALL_U:
                if stop - at < 5:
                    break
                for place in range(at + 1, at + 5):
                    if not _HEX[data[place]]:
                        return -1, escaped
                at += 5
            elif _ESCAPES[data[at]]:
                at += 1
            else:
                break
    return -1, escaped


@leaf_kernel
def _skip_digits(data: Bytes, at: int, stop: int) -> int:
    while at < stop and ZERO <= data[at] <= NINE:
        at += 1
    return at


@leaf_kernel
def _scan_number(data: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """(position after the number or -1, whether it is whole: no point, no exponent)."""
    at += data[at] == MINUS
    start = at
    at = _skip_digits(data, at, stop)
    if at == start or (at - start > 1 and data[start] == ZERO):
        return -1, False
    whole = True
    if at < stop and data[at] == POINT:
        start, whole = at + 1, False
        at = _skip_digits(data, start, stop)
        if at == start:
            return -1, False
    if at < stop and data[at] in (CAPITAL_E, SMALL_E):
        at += 1
        if at < stop and data[at] in (PLUS, MINUS):
            at += 1
        start, whole = at, False
        at = _skip_digits(data, start, stop)
        if at == start:
            return -1, False
    return at, whole


@leaf_kernel
def matches(data: Bytes, at: int, stop: int, word: Bytes, word_at: int, length: int) -> bool:
    if stop - at < length:
        return False
    for index in range(length):  # noqa: SIM110 - kernels have no all()
        if data[at + index] != word[word_at + index]:
            return False
    return True


@leaf_kernel
def _literal_length(data: Bytes, at: int, stop: int) -> int:
    """Of null, true, false, NaN, Infinity or -Infinity; 0 where none of them stands."""
    if matches(data, at, stop, _NULL, 0, 4) or matches(data, at, stop, _TRUE, 0, 4):
        return 4
    if matches(data, at, stop, _FALSE, 0, 5):
        return 5
    if matches(data, at, stop, _NAN, 0, 3):
        return 3
    minus = int(at < stop and data[at] == MINUS)
    return 8 + minus if matches(data, at + minus, stop, _INFINITY, 0, 8) else 0


@leaf_kernel
def scan_scalar(data: Bytes, at: int, stop: int, target: int, cells: CellArrays, index: int) -> int:
    """The position after a string, number or literal, or -1; keeps its cell when ``target`` is a field."""
    byte, field = data[at], ~target
    cell_at, length = at, UNFIT
    if byte == QUOTE:
        end, escaped = scan_string(data, at + 1, stop)
        cell_at, length = ~(at + 1) if escaped else at + 1, end - at - 1
        at = end + 1 if end >= 0 else -1
    elif ZERO <= byte <= NINE or (byte == MINUS and not matches(data, at + 1, stop, _INFINITY, 0, 8)):
        end, whole = _scan_number(data, at, stop)
        if whole or field > _EXCHANGE or (field == _TRADE_ID and is_whole_number(data, at, end)):
            length = end - at  # no symbol or id is written as 5.5
        at = end
    else:
        end = at + _literal_length(data, at, stop)
        if end == at:
            return -1
        # A flag may be a side; null and Python's NaN say nothing; its infinities are no value of ours.
        if byte == SMALL_N or (byte == CAPITAL_N and field not in (_SYMBOL, _PRICE, _SIZE, _EVENT_TIME)):
            length = ABSENT
        elif field == _SIDE and byte in (SMALL_T, SMALL_F):
            length = end - at
        at = end
    if target < 0 <= at:
        cells.at[index, field], cells.length[index, field] = cell_at, length
    return at
