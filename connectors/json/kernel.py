"""The compiled JSON scanner: finds the cells of wanted fields in a batch of JSON values, and checks the grammar.

JsonDecoder calls ``scan_records`` once per batch; connectors.values.cells reads the cells. Record i is read inside its
own bytes only, and is taken only when all of it is one JSON object (RFC 8259, and the NaN and Infinity of Python's
json) in UTF-8, or an array of trades where the field map says so; numbers stay text, so exact.
"""

from typing import Final, NamedTuple

import numpy as np

from connectors.json.scalars import UNWANTED, matches, scan_scalar, scan_string, skip_space
from connectors.json.shapes import Shapes, learn_shape, scan_alike
from connectors.values.cells import ABSENT, UNFIT, CellArrays
from kernels.ascii import CLOSING_BRACE, CLOSING_BRACKET, COLON, COMMA, OPENING_BRACE, OPENING_BRACKET, QUOTE
from kernels.kernel import leaf_kernel
from kernels.text_read import read_digits
from kernels.utf8 import is_utf8
from schemas.columns import Bytes, Longs
from schemas.rejects import Reason

__all__ = ["DEPTH_MAX", "ITEM_KEY", "WantedKeys", "scan_records"]

DEPTH_MAX: Final = 512
_OBJECT: Final = 0
_ARRAY: Final = 1
_POSITION_DIGITS: Final = 18
"""Of a key that is a position in an array: as many as ``read_digits`` reads."""
ITEM_KEY: Final = -1
"""Key length of an edge to each item of an array, every one of which is a trade."""

_EMPTY_VALUE: Final = int(Reason.EMPTY_VALUE)
_TOO_LARGE: Final = int(Reason.TOO_LARGE)
_CORRUPT: Final = int(Reason.CORRUPT)


class WantedKeys(NamedTuple):
    """The tree of wanted names. edges int64[k, 4]: parent node, where the key begins in ``keys``, its length, and the
    child node or ``~field``."""

    edges: Longs
    keys: Bytes


@leaf_kernel
def _scan_key(data: Bytes, at: int, stop: int, node: int, wanted: WantedKeys) -> tuple[int, int]:
    """(position of the value or -1, its target) of the member whose key begins at ``at`` in the object of ``node``."""
    if at >= stop or data[at] != QUOTE:
        return -1, UNWANTED
    end, _ = scan_string(data, at + 1, stop)
    if end < 0:
        return end, UNWANTED
    target, length = UNWANTED, end - at - 1
    if node != UNWANTED:
        for edge in range(len(wanted.edges)):
            of_node = wanted.edges[edge, 0] == node and wanted.edges[edge, 2] == length
            if of_node and matches(data, at + 1, stop, wanted.keys, wanted.edges[edge, 1], length):
                target = wanted.edges[edge, 3]
                break
    at = skip_space(data, end + 1, stop)
    if at >= stop or data[at] != COLON:
        return -1, UNWANTED
    return skip_space(data, at + 1, stop), target


@leaf_kernel
def _item_target(position: int, node: int, wanted: WantedKeys) -> tuple[int, bool]:
    """(target, whether it is a trade) of the item at ``position`` of an array that stands at ``node``.

    A node wants every item as a trade (an edge of key length ITEM_KEY), or items by their position.
    """
    if node != UNWANTED:
        for edge in range(len(wanted.edges)):
            if wanted.edges[edge, 0] != node:
                continue
            if wanted.edges[edge, 2] == ITEM_KEY:
                return wanted.edges[edge, 3], True
            begin, length = wanted.edges[edge, 1], wanted.edges[edge, 2]
            if 0 < length <= _POSITION_DIGITS and read_digits(wanted.keys, begin, begin + length) == position:
                return wanted.edges[edge, 3], False
    return UNWANTED, False


@leaf_kernel
def _scan_record(
    data: Bytes, at: int, stop: int, wanted: WantedKeys, stack: Longs, cells: CellArrays, row: int, items: int
) -> tuple[bool, int]:
    """(good, rows after it): whether ``data[at:stop]`` is one JSON object, or an array where trades are its items.

    Cells of fields outside the array of trades go to row ``row``, those of the bits ``items`` to the rows behind it,
    one for each item; -1 for the rows after it where there is no such array, -2 where there isn't room for all.
    ``stack``: kind, node and position in an array, of each level.
    """
    at = skip_space(data, at, stop)
    if at >= stop or (data[at] != OPENING_BRACE and not (items != 0 and data[at] == OPENING_BRACKET)):
        return False, -1
    depth, target, is_trade = 0, 0, False
    after = -1
    item = row
    while True:
        if at >= stop:
            return False, after
        if is_trade:
            if after >= len(cells.at):
                return False, -2
            item, after, is_trade = after, after + 1, False
            cells.length[item, :] = ABSENT
        to = item if target < 0 and items >> ~target & 1 else row
        if data[at] in (OPENING_BRACKET, OPENING_BRACE):
            if depth >= DEPTH_MAX:
                return False, after
            if target < 0:
                cells.length[to, ~target] = UNFIT
            kind = _OBJECT if data[at] == OPENING_BRACE else _ARRAY
            node = target if target >= 0 else UNWANTED
            stack[3 * depth], stack[3 * depth + 1], stack[3 * depth + 2] = kind, node, 0
            depth += 1
            at = skip_space(data, at + 1, stop)
            if at >= stop:
                return False, after
            if kind == _ARRAY and items != 0 and _item_target(0, node, wanted)[1]:
                after = row + 1  # of an array that stands twice the last one counts
            target = UNWANTED
            if data[at] != (CLOSING_BRACE if kind == _OBJECT else CLOSING_BRACKET):
                if kind == _OBJECT:
                    at, target = _scan_key(data, at, stop, node, wanted)
                elif items != 0:
                    target, is_trade = _item_target(0, node, wanted)
                if at < 0:
                    return False, after
                continue
        else:
            at = scan_scalar(data, at, stop, target, cells, to)
            if at < 0:
                return False, after
        # A value has ended, or an empty object or array is about to: close what ends here, or go on after a comma.
        while True:
            at = skip_space(data, at, stop)
            if depth == 0:
                return at == stop, after
            if at >= stop:
                return False, after
            byte, kind, node = data[at], stack[3 * depth - 3], stack[3 * depth - 2]
            at += 1
            if byte == (CLOSING_BRACE if kind == _OBJECT else CLOSING_BRACKET):
                depth -= 1
                continue
            if byte != COMMA:
                return False, after
            at, target = skip_space(data, at, stop), UNWANTED
            if kind == _OBJECT:
                at, target = _scan_key(data, at, stop, node, wanted)
            elif items != 0:
                stack[3 * depth - 1] += 1
                target, is_trade = _item_target(stack[3 * depth - 1], node, wanted)
            if at < 0:
                return False, after
            break


@leaf_kernel
def _is_not_utf8(data: Bytes, start: int, stop: int) -> bool:
    high = np.uint8(0)
    for index in range(start, stop):
        high |= data[index]
    return bool(high >= np.uint8(128)) and not is_utf8(data, start, stop)


@leaf_kernel
def _share_cells(cells: CellArrays, row: int, after: int, items: int) -> None:
    """Gives the cells of ``row`` outside the array to each of its trades, which move down by one row over it."""
    ats, lengths = cells.at, cells.length
    for trade in range(row + 1, after):
        for field in range(lengths.shape[1]):
            if items >> field & 1 == 0:
                ats[trade, field], lengths[trade, field] = ats[row, field], lengths[row, field]
    for trade in range(row, after - 1):
        for field in range(lengths.shape[1]):
            ats[trade, field], lengths[trade, field] = ats[trade + 1, field], lengths[trade + 1, field]


@leaf_kernel
def _scan_trades(
    data: Bytes, start: int, stop: int, wanted: WantedKeys, stack: Longs, cells: CellArrays, row: int, items: int
) -> tuple[int, int]:
    """(reason, the row after its own) of a record that may hold several trades; -1 where there isn't room for them."""
    cells.length[row, :] = ABSENT
    good, found = _scan_record(data, start, stop, wanted, stack, cells, row, items)
    if found == -2:
        return 0, -1
    if not good or _is_not_utf8(data, start, stop):
        return _CORRUPT, row + 1
    if found < 0:
        return 0, row + 1
    _share_cells(cells, row, found, items)
    return 0, found - 1


@leaf_kernel
def _scan_plain(
    data: Bytes, start: int, stop: int, wanted: WantedKeys, stack: Longs, cells: CellArrays, row: int, shapes: Shapes
) -> bool:
    """As ``_scan_record`` of a record that is one trade, with its check of UTF-8: as one before it was read, if it is
    shaped so."""
    if scan_alike(data, start, stop, shapes, cells, row):
        return True
    good, _ = _scan_record(data, start, stop, wanted, stack, cells, row, 0)
    if not good or _is_not_utf8(data, start, stop):
        return False
    learn_shape(data, start, stop, shapes, cells, row)
    return True


@leaf_kernel
def scan_records(
    data: Bytes, ends: Longs, value_bytes_max: int, wanted: WantedKeys, stack: Longs, cells: CellArrays,
    items: int, owners: Longs, shapes: Shapes,
) -> int:  # fmt: skip
    """Fills the cells (connectors.values.cells) of each record and its reason: EMPTY_VALUE, TOO_LARGE, CORRUPT or none.

    items: bits of the fields inside an array of trades, 0 where a record is one trade; then row i is record i. Else
    owners (int64[rows]) gets the record of each row. shapes: room for those of this batch. Returns the number of rows,
    -1 where there isn't room for them.
    """
    shapes.counts[:] = 0
    start, row = 0, 0
    for index in range(len(ends)):
        stop = ends[index]
        if row >= len(cells.at):
            return -1
        reason, after = 0, row + 1
        if stop == start:
            reason = _EMPTY_VALUE
        elif stop - start > value_bytes_max:
            reason = _TOO_LARGE
        elif items == 0:
            if not _scan_plain(data, start, stop, wanted, stack, cells, row, shapes):
                reason = _CORRUPT
        else:
            reason, after = _scan_trades(data, start, stop, wanted, stack, cells, row, items)
            if after < 0:
                return -1
        if items != 0:
            for trade in range(row, after):
                owners[trade] = index
        if after > row:
            cells.reasons[row] = reason
            for trade in range(row + 1, after):
                cells.reasons[trade] = 0
        row = after
        start = stop
    return row
