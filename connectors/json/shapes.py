"""Reads a JSON record as one before it was read: the same text but for its values, compared eight bytes at a time.

The scanner (connectors.json.kernel) learns the shape of a record that it has read: the text around its values, and
which field each of them fills. Producers write the same keys in the same order over and over, so nearly every record
has the shape of one before it in its batch. Nothing is refused here: a record that is shaped otherwise, or has a text
with an escape or a character beyond ASCII, is left to the scanner, which reads it from its beginning. What is read here
is what the scanner would have read, as it goes by the same text.
"""

from typing import Final, NamedTuple

import numpy as np

from connectors.json.scalars import UNWANTED, scan_scalar, skip_space
from connectors.values.cells import ABSENT, UNFIT, CellArrays
from connectors.values.fields import FIELD_COUNT, Field
from kernels.ascii import (
    CLOSING_BRACE,
    CLOSING_BRACKET,
    COLON,
    COMMA,
    NINE,
    OPENING_BRACE,
    OPENING_BRACKET,
    POINT,
    QUOTE,
    SMALL_E,
    TO_SMALL,
    ZERO,
)
from kernels.chunks import CHUNK, digit_run, little_word, plain_run
from kernels.kernel import inlined_kernel, leaf_kernel
from kernels.names import same_bytes
from schemas.columns import Bytes, Longs

__all__ = ["SHAPES_MAX", "Shapes", "learn_shape", "new_shapes", "scan_alike"]

U = np.uint64
SHAPES_MAX: Final = 4
"""Of one batch: some producers leave out a key that has no value."""
_PLACES_MAX: Final = 64
_END: Final = 1 << 21
"""The target of the place behind the last value."""
_COUNT: Final = 0
_LOOKED_AT: Final = 1
_FIRST: Final = 2
_EXCHANGE: Final = int(Field.EXCHANGE)


class Shapes(NamedTuple):
    """places int64[SHAPES_MAX, k, 3]: of each value where in the batch the text before it begins, that text's length,
    and the value's target; the last place is behind the values. counts int64[3]: how many shapes there are, of how many
    records one was asked for, and which shape is tried first."""

    places: Longs
    counts: Longs


def new_shapes() -> Shapes:
    return Shapes(np.zeros((SHAPES_MAX, _PLACES_MAX, 3), np.int64), np.zeros(3, np.int64))


@leaf_kernel
def _target_of(begin: int, cells: CellArrays, row: int) -> int:
    """``~field`` of the field whose cell begins there, with escapes or without."""
    for field in range(FIELD_COUNT):
        at = cells.at[row, field]
        if begin in (at, ~at):
            return ~field
    return UNWANTED


@leaf_kernel
def learn_shape(data: Bytes, start: int, stop: int, shapes: Shapes, cells: CellArrays, row: int) -> None:
    """Keeps the shape of ``data[start:stop]``, which is one JSON object and whose cells are those of ``row``.

    None is kept once SHAPES_MAX records were looked at, of a record with more values than there are places, and where
    a field has something that it can't hold: an object or array, which would be no value of the shape.
    """
    shape = shapes.counts[_COUNT]
    if shapes.counts[_LOOKED_AT] >= SHAPES_MAX:
        return
    shapes.counts[_LOOKED_AT] += 1
    for field in range(FIELD_COUNT):
        if cells.length[row, field] == UNFIT:
            return
    places = shapes.places[shape]
    count, begin, at = 0, start, start
    while True:
        at = skip_space(data, at, stop)
        if at >= stop:
            break
        byte = data[at]
        if byte in (OPENING_BRACE, CLOSING_BRACE, OPENING_BRACKET, CLOSING_BRACKET, COLON, COMMA):
            at += 1
            continue
        end = scan_scalar(data, at, stop, UNWANTED, cells, row)
        after = skip_space(data, end, stop)
        if byte != QUOTE or data[after] != COLON:
            if count >= _PLACES_MAX - 1:
                return
            target = _target_of(at + int(byte == QUOTE), cells, row)
            places[count, 0], places[count, 1], places[count, 2] = begin, at - begin, target
            count, begin = count + 1, end
        at = after
    places[count, 0], places[count, 1], places[count, 2] = begin, stop - begin, _END
    shapes.counts[_FIRST] = shape
    shapes.counts[_COUNT] = shape + 1


@inlined_kernel
def _plain_text_end(data: Bytes, at: np.uint64, stop: np.uint64) -> np.uint64:
    """Where the text that begins at ``at`` has its closing quote; ``stop`` or more if it isn't plain until there."""
    while at < stop:
        run = plain_run(little_word(data, at))
        at += run
        if run < U(CHUNK):
            return at if data[at] == QUOTE else stop
    return stop


@inlined_kernel
def _digits_end(data: Bytes, at: np.uint64, stop: np.uint64) -> np.uint64:
    """Where the digits from ``at`` on end, which may be behind ``stop``."""
    while at < stop:
        run = digit_run(little_word(data, at))
        at += run
        if run < U(CHUNK):
            break
    return at


@inlined_kernel
def _plain_number_end(data: Bytes, at: np.uint64, stop: np.uint64) -> tuple[np.uint64, bool]:
    """(where the number from ``at`` on ends, whether it is whole); 0 where it isn't digits with a point or none."""
    begin = at
    at = _digits_end(data, begin, stop)
    if at >= stop or (data[begin] == ZERO and at - begin > U(1)) or data[at] | TO_SMALL == SMALL_E:
        return U(0), False
    if data[at] != POINT:
        return at, True
    begin = at + U(1)
    at = _digits_end(data, begin, stop)
    if at >= stop or at == begin or data[at] | TO_SMALL == SMALL_E:
        return U(0), False
    return at, False


@leaf_kernel
def _scan_as(data: Bytes, start: int, stop: int, shape: Longs, cells: CellArrays, row: int) -> bool:
    """As ``scan_alike`` by one shape; after False some cells are filled."""
    at, end, index = U(start), U(stop), 0
    while True:
        begin, length, target = shape[index, 0], U(shape[index, 1]), shape[index, 2]
        if length > end - at or not same_bytes(data, np.int64(at), data, begin, np.int64(length)):
            return False
        at += length
        if target == _END:
            return bool(at == end)
        if at >= end:
            return False
        index += 1
        byte = data[at]
        if byte == QUOTE:
            begin, at = at + U(1), _plain_text_end(data, at + U(1), end)
            if at >= end:
                return False
            if target < 0:
                cells.at[row, ~target], cells.length[row, ~target] = begin, at - begin
            at += U(1)
            continue
        if ZERO <= byte <= NINE:
            after, whole = _plain_number_end(data, at, end)
            if after > U(0) and (whole or ~target > _EXCHANGE or target >= 0):
                if target < 0:
                    cells.at[row, ~target], cells.length[row, ~target] = at, after - at
                at = after
                continue
        other = scan_scalar(data, int(np.int64(at)), stop, target, cells, row)
        if other < 0:
            return False
        at = U(other)


@leaf_kernel
def scan_alike(data: Bytes, start: int, stop: int, shapes: Shapes, cells: CellArrays, row: int) -> bool:
    """Fills the cells of ``row`` from ``data[start:stop]``; False where the scanner is to read the record.

    After False the cells are as they were, without any. A record so near to the end of the batch that eight bytes more
    can't be read is left to the scanner.
    """
    count, first = shapes.counts[_COUNT], shapes.counts[_FIRST]
    if stop + CHUNK > len(data):
        return False
    for tried in range(count):
        shape = (first + tried) % count
        if _scan_as(data, start, stop, shapes.places[shape], cells, row):
            shapes.counts[_FIRST] = shape
            return True
        for field in range(FIELD_COUNT):
            cells.at[row, field], cells.length[row, field] = 0, ABSENT
    return False
