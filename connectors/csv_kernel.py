"""The compiled CSV scanner: cuts text into lines, and lines into the cells of wanted columns.

CsvDecoder calls it; connectors.cells reads the cells. Law: a line ends at its line feed, quotes or not, so one stray
quote costs one line and never the rest of a file; a line has as many columns as the header or it is CORRUPT,
since a shifted or cut-off line could pass for a good one.
"""

from typing import Any, Final

from connectors.cells import ABSENT
from schemas.kernel import leaf_kernel
from schemas.rejects import Reason

__all__ = ["cut_lines", "scan_lines"]

_CORRUPT: Final = int(Reason.CORRUPT)
_TOO_LARGE: Final = int(Reason.TOO_LARGE)


@leaf_kernel
def cut_lines(data: Any, ends: Any, last: bool) -> Any:
    """Fills ``ends`` with the ends of lines (line feed included) until it is full; returns how many.

    ``last``: text behind the last line feed is a line too. Blank lines, spaces or not, belong to the line after them.
    """
    count, blank, at = 0, True, 0
    while at < len(data) and count < len(ends):
        byte = data[at]
        at += 1
        if byte == 10:
            if not blank:
                ends[count] = at
                count += 1
            blank = True
        elif byte not in (13, 32):
            blank = False
    if last and at == len(data) and not blank and count < len(ends):
        ends[count] = at
        count += 1
    return count


@leaf_kernel
def _scan_quoted(data: Any, at: Any, stop: int) -> Any:
    """(position of the closing quote or -1, whether quotes inside are doubled) of text that begins at ``at``."""
    doubled = False
    while at < stop:
        if data[at] == 34:
            if at + 1 < stop and data[at + 1] == 34:
                doubled = True
                at += 1
            else:
                return at, doubled
        at += 1
    return -1, doubled


@leaf_kernel
def _bare_line(data: Any, at: Any, stop: Any) -> Any:
    """(at, stop) of the line without its line end and the blank lines before it; spaces of its own stay."""
    seen = at
    while seen < stop and data[seen] in (10, 13, 32):
        seen += 1
        if data[seen - 1] == 10:
            at = seen
    while at < stop and data[at] == 13:
        at += 1
    while at < stop and data[stop - 1] in (10, 13):
        stop -= 1
    return at, stop


@leaf_kernel
def _scan_line(data: Any, at: Any, stop: Any, delimiter: int, columns: Any, ats: Any, lengths: Any, index: int) -> bool:
    """Whether the line has exactly ``len(columns)`` columns, whole quotes included."""
    for column in range(len(columns)):
        start, doubled = at, False
        if at < stop and data[at] == 34:
            start = at + 1
            end, doubled = _scan_quoted(data, start, stop)
            if end < 0:
                return False
            at = end + 1
        else:
            while at < stop and data[at] != delimiter:
                at += 1
            end = at
        if column < len(columns) - 1:
            if at >= stop or data[at] != delimiter:
                return False
            at += 1
        field = columns[column]
        if field >= 0:
            ats[index, field] = ~start if doubled else start
            lengths[index, field] = end - start if end > start else ABSENT
    return bool(at == stop)


@leaf_kernel
def scan_lines(
    data: Any, ends: Any, line_bytes_max: int, delimiter: int, columns: Any, ats: Any, lengths: Any, reasons: Any
) -> None:
    """Fills the cells (connectors.cells) of each line. ``columns`` int64[]: the Field of each, -1 if unwanted."""
    start: Any = 0
    for index in range(len(ends)):
        at, stop = _bare_line(data, start, ends[index])
        if stop - at > line_bytes_max:
            reasons[index] = _TOO_LARGE
        elif not _scan_line(data, at, stop, delimiter, columns, ats, lengths, index):
            reasons[index] = _CORRUPT
        start = ends[index]
