"""The scanner: lines end inside quotes too, and a line has all of the columns or is CORRUPT."""

import numpy as np
import pytest

from connectors.csv.kernel import Marks, commas_to_points, cut_lines, keep_lines, scan_lines
from connectors.values.cells import ABSENT, CellArrays
from connectors.values.fields import FIELD_COUNT, Field
from schemas.columns import Bytes
from schemas.rejects import Reason

COLUMNS = np.array([int(Field.SYMBOL), -1, int(Field.PRICE)], np.int64)


def data_of(text: bytes) -> Bytes:
    return np.frombuffer(text, np.uint8).copy()


def scanned(line: bytes, delimiter: bytes = b",", most: int = 1000) -> tuple[Reason, list[bytes | None]]:
    """The reason of one line, and its cells of symbol and price; a doubled quote is marked by a tilde."""
    data = data_of(line)
    ats, lengths = np.zeros((1, FIELD_COUNT), np.int64), np.full((1, FIELD_COUNT), ABSENT, np.int64)
    reasons = np.zeros(1, np.uint8)
    ends = np.array([len(data)], np.int64)
    scan_lines(data, ends, most, Marks(delimiter[0], ord('"')), COLUMNS, CellArrays(ats, lengths, reasons))
    cells: list[bytes | None] = []
    for each in (Field.SYMBOL, Field.PRICE):
        at, length = int(ats[0, each]), int(lengths[0, each])
        cells.append(None if length == ABSENT else (b"~" if at < 0 else b"") + line[max(at, ~at) :][:length])
    return Reason(int(reasons[0])), cells


def test_lines_are_cut_at_either_end_and_blank_ones_are_none() -> None:
    data, ends = data_of(b"\n a\r\n\r\n \nb\rc"), np.zeros(9, np.int64)
    assert cut_lines(data, ends, True) == 3
    assert [bytes(part).strip() for part in np.split(data, ends[:3])[:3]] == [b"a", b"b", b"c"]
    assert cut_lines(data, ends, False) == 2
    assert cut_lines(data, ends[:1], True) == 1


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        (b"A,x,1\n", [b"A", b"1"]),
        (b' "A" , "x" , "1" \r\n', [b"A", b"1"]),
        (b'"A,B",,1', [b"A,B", b"1"]),
        (b'"say ""A""",x,1', [b'~say ""A""', b"1"]),
        (b",x,1,,", [None, b"1"]),
    ],
)
def test_cells(line: bytes, cells: list[bytes]) -> None:
    assert scanned(line) == (Reason.NONE, cells)


@pytest.mark.parametrize("line", [b"A,1", b"A,x,1,2", b'"A,x,1', b'"A"x,x,1', b"A"])
def test_a_line_with_other_columns_is_corrupt(line: bytes) -> None:
    assert scanned(line)[0] is Reason.CORRUPT


def test_blanks_may_be_the_delimiter() -> None:
    assert scanned(b"A x 1 \n", b" ") == (Reason.NONE, [b"A", b"1"])


def test_a_line_beyond_the_limit_is_too_large() -> None:
    assert scanned(b"A,x,1\n", most=5)[0] is Reason.NONE
    assert scanned(b"A,x,10\n", most=5)[0] is Reason.TOO_LARGE


def test_only_rows_of_kept_kinds_are_trades() -> None:
    data = data_of(b"TXTT")
    ats, lengths = np.arange(4).reshape(4, 1), np.array([[1], [1], [2], [1]])
    kept, reasons = np.zeros(256, np.bool_), np.array([0, 0, 0, int(Reason.CORRUPT)], np.uint8)
    kept[ord("T")] = True
    keep_lines(data, CellArrays(ats, lengths, reasons), kept)
    assert reasons.tolist() == [0, Reason.NO_TRADE, Reason.NO_TRADE, Reason.CORRUPT]


def test_decimal_commas_become_points_in_numbers_alone() -> None:
    data = data_of(b"a,b1,5.")
    ats, lengths = np.zeros((1, FIELD_COUNT), np.int64), np.full((1, FIELD_COUNT), ABSENT, np.int64)
    ats[0, Field.SYMBOL], lengths[0, Field.SYMBOL] = 0, 3
    ats[0, Field.PRICE], lengths[0, Field.PRICE] = 3, 4
    commas_to_points(data, CellArrays(ats, lengths, np.zeros(1, np.uint8)))
    assert bytes(data) == b"a,b1.5,"
