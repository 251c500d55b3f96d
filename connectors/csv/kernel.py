"""The compiled CSV scanner: cuts text into lines, and lines into the cells of wanted columns.

CsvDecoder calls it; connectors.values.cells reads the cells. A line ends at its line feed or carriage return, even
inside quotes, so one stray quote costs one line and never the rest of a file. A line has as many columns as the header
or it is CORRUPT, since a shifted or cut-off line could pass for a good one.
"""

from typing import Final, NamedTuple

from connectors.values.cells import ABSENT, CellArrays
from connectors.values.fields import Field
from kernels.ascii import CARRIAGE_RETURN, COMMA, LINE_FEED, POINT, SPACE
from kernels.kernel import leaf_kernel
from schemas.columns import Bytes, Longs, Mask
from schemas.rejects import Reason

__all__ = ["Marks", "commas_to_points", "cut_lines", "keep_lines", "scan_lines"]

_CORRUPT: Final = int(Reason.CORRUPT)
_TOO_LARGE: Final = int(Reason.TOO_LARGE)
_NONE: Final = int(Reason.NONE)
_NO_TRADE: Final = int(Reason.NO_TRADE)
_PRICE: Final = int(Field.PRICE)
_EVENT_TIME: Final = int(Field.EVENT_TIME)


class Marks(NamedTuple):
    """What stands between cells, and around those that may hold it."""

    delimiter: int
    quote: int


@leaf_kernel
def cut_lines(data: Bytes, ends: Longs, last: bool) -> int:
    """Fills ``ends`` with the ends of lines (one byte of line end included) until it is full; returns how many.

    ``last``: text behind the last line end is a line too. Blank lines, spaces or not, belong to the line after them;
    so does the line feed of a line end of two bytes.
    """
    count, blank, at = 0, True, 0
    while at < len(data) and count < len(ends):
        byte = data[at]
        at += 1
        if byte in (LINE_FEED, CARRIAGE_RETURN):
            if not blank:
                ends[count] = at
                count += 1
            blank = True
        elif byte != SPACE:
            blank = False
    if last and at == len(data) and not blank and count < len(ends):
        ends[count] = at
        count += 1
    return count


@leaf_kernel
def _scan_quoted(data: Bytes, at: int, stop: int, quote: int) -> tuple[int, bool]:
    """(position of the closing quote or -1, whether quotes inside are doubled) of text that begins at ``at``."""
    doubled = False
    while at < stop:
        if data[at] == quote:
            if at + 1 < stop and data[at + 1] == quote:
                doubled = True
                at += 1
            else:
                return at, doubled
        at += 1
    return -1, doubled


@leaf_kernel
def _bare_line(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """(at, stop) of the line without its line end and the blank lines before it."""
    while at < stop and data[at] in (LINE_FEED, CARRIAGE_RETURN, SPACE):
        at += 1
    while at < stop and data[stop - 1] in (LINE_FEED, CARRIAGE_RETURN):
        stop -= 1
    return at, stop


@leaf_kernel
def _scan_line(data: Bytes, at: int, stop: int, marks: Marks, columns: Longs, cells: CellArrays, index: int) -> bool:
    """Whether the line has exactly ``len(columns)`` columns, whole quotes included; blanks around cells are no part of
    them, and behind the last column there may be empty ones."""
    delimiter, quote = marks.delimiter, marks.quote
    for column in range(len(columns)):
        while at < stop and data[at] == SPACE:
            at += 1
        start, doubled = at, False
        if at < stop and data[at] == quote:
            start = at + 1
            end, doubled = _scan_quoted(data, start, stop, quote)
            if end < 0:
                return False
            at = end + 1
            while delimiter != SPACE and at < stop and data[at] == SPACE:
                at += 1
        else:
            while at < stop and data[at] != delimiter:
                at += 1
            end = at
            while end > start and data[end - 1] == SPACE:
                end -= 1
        if column < len(columns) - 1:
            if at >= stop or data[at] != delimiter:
                return False
            at += 1
        field = columns[column]
        if field >= 0:
            cells.at[index, field] = ~start if doubled else start
            cells.length[index, field] = end - start if end > start else ABSENT
    while at < stop and (data[at] == delimiter or data[at] == SPACE):
        at += 1
    return bool(at == stop)


@leaf_kernel
def scan_lines(data: Bytes, ends: Longs, line_bytes_max: int, marks: Marks, columns: Longs, cells: CellArrays) -> None:
    """Fills the cells of each line. ``columns`` int64[]: the Field of each, -1 if unwanted."""
    start = 0
    for index in range(len(ends)):
        at, stop = _bare_line(data, start, ends[index])
        if stop - at > line_bytes_max:
            cells.reasons[index] = _TOO_LARGE
        elif not _scan_line(data, at, stop, marks, columns, cells, index):
            cells.reasons[index] = _CORRUPT
        start = ends[index]


@leaf_kernel
def keep_lines(data: Bytes, cells: CellArrays, kept: Mask) -> None:
    """Refuses lines whose cell of the last column of ``cells`` isn't one character of ``kept`` (bool[256])."""
    last = cells.at.shape[1] - 1
    for index in range(len(cells.at)):
        is_kept = cells.length[index, last] == 1 and kept[data[cells.at[index, last]]]
        if cells.reasons[index] == _NONE and not is_kept:
            cells.reasons[index] = _NO_TRADE


@leaf_kernel
def commas_to_points(data: Bytes, cells: CellArrays) -> None:
    """Writes a point over each comma in the cells of numbers and times; points there become commas, which no number
    has, so that a cell with both is refused."""
    for index in range(len(cells.at)):
        for field in range(_PRICE, _EVENT_TIME + 1):
            at = cells.at[index, field]
            if at < 0 or cells.length[index, field] < 0:
                continue
            for place in range(at, at + cells.length[index, field]):
                if data[place] == COMMA:
                    data[place] = POINT
                elif data[place] == POINT:
                    data[place] = COMMA
