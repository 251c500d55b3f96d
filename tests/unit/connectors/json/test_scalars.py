"""A word of JSON ends where the library says, and its cell is its own text."""

import json

import numpy as np
import pytest

from connectors.json.scalars import UNWANTED, scan_scalar
from connectors.values.cells import ABSENT, UNFIT, Cells
from connectors.values.fields import Field


def scanned(word: bytes, target: int = UNWANTED) -> tuple[int, Cells]:
    cells = Cells(1)
    return scan_scalar(np.frombuffer(word, np.uint8), 0, len(word), target, cells.arrays, 0), cells


@pytest.mark.parametrize(
    "word", ['"a\\"b\\\\"', '"\\u00e9é"', '""', "0", "-1.50e+3", "true", "false", "null", "-Infinity"]
)
def test_words_end_where_a_library_says(word: str) -> None:
    data = word.encode()
    json.loads(word)
    for behind in (b"", b",", b" 1"):
        assert scanned(data + behind)[0] == len(data)


@pytest.mark.parametrize(
    "word", ['"a', '"\\q"', '"\\u12g4"', '"\n"', "-", "01", "1.", "1e", "1e+", ".5", "nul", "{}", "]"]
)
def test_what_is_no_word(word: str) -> None:
    assert scanned(word.encode())[0] == -1


@pytest.mark.parametrize(
    ("word", "field", "at", "length"),
    [
        ('"SOL"', Field.SYMBOL, 1, 3),
        ('"S\\u004fL"', Field.SYMBOL, ~1, 8),
        ("15", Field.SYMBOL, 0, 2),
        ("1.5", Field.SYMBOL, 0, UNFIT),
        ("7.0", Field.TRADE_ID, 0, 3),
        ("7.5", Field.TRADE_ID, 0, UNFIT),
        ("1e-3", Field.PRICE, 0, 4),
        ("null", Field.ASK, 0, ABSENT),
        ("NaN", Field.ASK, 0, ABSENT),
        ("NaN", Field.PRICE, 0, UNFIT),
        ("true", Field.SIDE, 0, 4),
        ("true", Field.PRICE, 0, UNFIT),
    ],
)
def test_a_cell_is_the_text_of_its_word(word: str, field: Field, at: int, length: int) -> None:
    _, cells = scanned(word.encode(), ~int(field))
    assert (cells.at[0, field], cells.length[0, field]) == (at, length)
