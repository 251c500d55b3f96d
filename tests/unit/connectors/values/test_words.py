"""Words of sides and words that say nothing: what is known, what the settings add, what is counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.values.words import OTHERS, SideTable, find_number, find_word, says_nothing, word_of
from schemas.columns import BUY, SELL, UNKNOWN
from tests.unit.kernels.test_text_read import cell


def side_of(table: SideTable, text: str) -> tuple[int, int]:
    """(side, number of an unknown word)."""
    value = int(find_word(table.table, *cell(text)))
    return value & 0xFF, value >> 8


@pytest.mark.parametrize(
    ("text", "side"),
    [*[(each, BUY) for each in ("BUY", "buy", "Buy ", " B", "b", "bid", "BID", "Buyer")],
     *[(each, SELL) for each in ("SELL", "sell", "S", "s", "Ask", "A", "a", "offer")],
     *[(each, UNKNOWN) for each in ("", " ", "UNKNOWN", "N", "None", "null", "NaN", "-", "\\N")]],
)  # fmt: skip
def test_words_that_are_known_anywhere(text: str, side: int) -> None:
    assert side_of(SideTable(), text) == (side, 0)


def test_ambiguous_and_foreign_words_are_unknown_and_named() -> None:
    table = SideTable()
    numbers = [side_of(table, text) for text in ("1", "-1", "0", "true", "FALSE", "1.0", "+1", "x" * 30, "\x02")]
    assert numbers == [(UNKNOWN, number) for number in (1, 2, 3, 4, 5, 1, 1, 6, 7)]
    assert table.unknown() == {1: "1", 2: "-1", 3: "0", 4: "true", 5: "false", 6: "x" * 24 + "…", 7: "\x02"}


def test_the_settings_go_before_what_is_known() -> None:
    table = SideTable({"1": "BUY", " Kauf": "buy", "A": "UNKNOWN", "-1.0": "SELL"})
    found = [side_of(table, text) for text in ("1.0", "KAUF ", "a", "-1")]
    assert found == [(BUY, 0), (BUY, 0), (UNKNOWN, 0), (SELL, 0)]
    assert int(find_number(table.table, 1)) == BUY
    assert int(find_number(table.table, -1)) == SELL


def test_words_of_a_maker_are_turned_round() -> None:
    table = SideTable({"x": "BUY"}, "maker")
    assert [side_of(table, text)[0] for text in ("true", "False", "buy", "sell", "x")] == [SELL, BUY, SELL, BUY, SELL]


def test_unknown_words_stay_bounded() -> None:
    table = SideTable()
    numbers = [side_of(table, f"word {index}")[1] for index in range(200)]
    assert numbers == [*range(1, OTHERS), *[OTHERS] * (200 - OTHERS + 1)]
    assert len(table.unknown()) == OTHERS - 1


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_number_is_the_word_of_its_digits(number: int) -> None:
    table = SideTable()
    assert int(find_number(table.table, number)) == int(find_word(table.table, *cell(str(number))))


@given(st.binary(max_size=30), st.booleans())
def test_any_bytes_are_one_word(text: bytes, known: bool) -> None:
    word = word_of(text)
    sides = {word.decode(): "SELL"} if known and word and word.isascii() and len(word) <= 24 else {}
    table = SideTable(sides)
    data = np.frombuffer(b"9" + text + b"9", np.uint8)
    value = int(find_word(table.table, data, 1, 1 + len(text)))
    assert value & 0xFF == SELL if sides else value & 0xFF in (BUY, SELL, UNKNOWN)
    assert value == int(find_word(table.table, data, 1, 1 + len(text)))


@pytest.mark.parametrize("text", ["", "  ", "NaN", "nan", "\\N", "null", "NULL", " None ", "<NA>", "N/A", "-", "NaT"])
def test_words_that_say_nothing(text: str) -> None:
    assert says_nothing(*cell(text))


@pytest.mark.parametrize("text", ["0", "x", "nx", "n", "inf", "-1", "unknown", "none of it"])
def test_words_that_say_something(text: str) -> None:
    assert not says_nothing(*cell(text))
