"""The named bytes against Python's own text."""

import string
import unicodedata

import pytest

from kernels import ascii as named


@pytest.mark.parametrize("name", [name for name in named.__all__ if name.startswith(("SMALL_", "CAPITAL_"))])
def test_a_letter_is_what_its_name_says(name: str) -> None:
    size, letter = name.split("_")
    assert chr(getattr(named, name)) == (letter.lower() if size == "SMALL" else letter)


@pytest.mark.parametrize(
    ("name", "official"),
    [
        ("SPACE", "SPACE"),
        ("QUOTE", "QUOTATION MARK"),
        ("PLUS", "PLUS SIGN"),
        ("COMMA", "COMMA"),
        ("MINUS", "HYPHEN-MINUS"),
        ("POINT", "FULL STOP"),
        ("SLASH", "SOLIDUS"),
        ("ZERO", "DIGIT ZERO"),
        ("NINE", "DIGIT NINE"),
        ("COLON", "COLON"),
        ("OPENING_BRACKET", "LEFT SQUARE BRACKET"),
        ("BACKSLASH", "REVERSE SOLIDUS"),
        ("CLOSING_BRACKET", "RIGHT SQUARE BRACKET"),
        ("OPENING_BRACE", "LEFT CURLY BRACKET"),
        ("CLOSING_BRACE", "RIGHT CURLY BRACKET"),
    ],
)
def test_a_sign_is_what_unicode_calls_so(name: str, official: str) -> None:
    assert unicodedata.name(chr(getattr(named, name))) == official


def test_control_characters() -> None:
    assert (named.TAB, named.LINE_FEED, named.CARRIAGE_RETURN) == (9, 10, 13)


def test_to_small_changes_capitals_alone() -> None:
    assert [chr(ord(each) | named.TO_SMALL) for each in string.ascii_letters] == list(string.ascii_letters.lower())
