"""A CSV's header and dialect: found behind what stands before it, in the user's words, or by a layout."""

import io
from pathlib import Path
from typing import Any

import pytest

from connectors.files.csv import CsvFile
from connectors.files.encodings import TextStream
from connectors.files.magic import Content
from connectors.files.places import FilePlace
from connectors.files.unpacking import ByteStream
from connectors.values.column_plan import FileOptions
from schemas.errors import InputError

PLACE = FilePlace(Path("t.csv"), "t.csv")
HEADER = "event_time,symbol,price,size\n"
ROW = "1700000000,A,1.5,2\n"


def opened(text: str, **options: Any) -> CsvFile:
    return CsvFile(text.encode(), True, FileOptions(**options), PLACE)


def trades_in(text: str, **options: Any) -> int:
    """How many good trades come out."""
    stream = TextStream(ByteStream(io.BytesIO(text.encode()), Content.TEXT, "t.csv"), "", "t.csv")
    return sum(int((part.rows["reason"] == 0).sum()) for part in opened(text, **options).decoded(stream, 2))


@pytest.mark.parametrize(
    ("text", "trades", "said"),
    [
        (HEADER + ROW * 3, 3, "unit of times by their size"),
        ("A report\n\n" + HEADER + ROW, 1, "unit of times by their size; 1 line before the header left out"),
        ("# " + HEADER + ROW, 1, "unit of times by their size"),
        ("sep=;\n" + (HEADER + ROW).replace(",", ";"), 1, "unit of times by their size; delimiter semicolon"),
        (
            (HEADER + ROW).replace(",", ";").replace("1.5", "1,5"),
            1,
            "unit of times by their size; delimiter semicolon, decimal comma",
        ),
    ],
)
def test_headers(text: str, trades: int, said: str) -> None:
    assert trades_in(text) == trades
    assert opened(text).describe() == said


def test_columns_in_the_user_s_words_and_their_own_header_is_no_row() -> None:
    names = tuple(HEADER.strip().split(","))
    assert trades_in(ROW * 2, columns=names) == 2
    assert trades_in(HEADER.upper() + ROW * 2, columns=names) == 2


def test_a_header_that_comes_again_in_another_order_holds_from_there() -> None:
    again = "symbol,event_time,size,price\nB,1700000001,2,3\n"
    assert trades_in(HEADER + ROW + again + HEADER + ROW) == 3
    with pytest.raises(InputError, match="another header, with no column size") as refused:
        trades_in(HEADER + ROW + "symbol,event_time,price\n")
    assert refused.value.mend == "split the file there"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty|no line end"),
        ("1,2,3,4\n", "no line names the columns"),
        ("symbol,price,size\n", "no column event_time"),
        ("sep=;\n", "the file is empty"),
    ],
)
def test_what_is_no_table_says_why(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        opened(text)
