"""The bytes of ASCII by name, for kernels that read or write text.

Compiled code sees text as numbers, and ``data[at] == QUOTE`` says what ``data[at] == 34`` doesn't. A kernel takes these
as constants, so that a name costs nothing. ``| TO_SMALL`` makes a capital letter small and leaves a small one alone;
other bytes may become others by it, so compare the result with a letter only.
"""

from typing import Final

__all__ = [
    "BACKSLASH",
    "CAPITAL_A",
    "CAPITAL_D",
    "CAPITAL_E",
    "CAPITAL_N",
    "CAPITAL_T",
    "CAPITAL_Z",
    "CARRIAGE_RETURN",
    "CLOSING_BRACE",
    "CLOSING_BRACKET",
    "COLON",
    "COMMA",
    "LINE_FEED",
    "MINUS",
    "NINE",
    "OPENING_BRACE",
    "OPENING_BRACKET",
    "PLUS",
    "POINT",
    "QUOTE",
    "SLASH",
    "SMALL_B",
    "SMALL_D",
    "SMALL_E",
    "SMALL_F",
    "SMALL_L",
    "SMALL_N",
    "SMALL_S",
    "SMALL_T",
    "SMALL_U",
    "SMALL_Y",
    "SMALL_Z",
    "SPACE",
    "TAB",
    "TO_SMALL",
    "ZERO",
]

TAB: Final = ord("\t")
LINE_FEED: Final = ord("\n")
CARRIAGE_RETURN: Final = ord("\r")
SPACE: Final = ord(" ")
"""The first byte that isn't a control character."""
QUOTE: Final = ord('"')
PLUS: Final = ord("+")
COMMA: Final = ord(",")
MINUS: Final = ord("-")
POINT: Final = ord(".")
SLASH: Final = ord("/")
ZERO: Final = ord("0")
NINE: Final = ord("9")
COLON: Final = ord(":")
CAPITAL_A: Final = ord("A")
CAPITAL_D: Final = ord("D")
CAPITAL_E: Final = ord("E")
CAPITAL_N: Final = ord("N")
CAPITAL_T: Final = ord("T")
CAPITAL_Z: Final = ord("Z")
OPENING_BRACKET: Final = ord("[")
BACKSLASH: Final = ord("\\")
CLOSING_BRACKET: Final = ord("]")
SMALL_B: Final = ord("b")
SMALL_D: Final = ord("d")
SMALL_E: Final = ord("e")
SMALL_F: Final = ord("f")
SMALL_L: Final = ord("l")
SMALL_N: Final = ord("n")
SMALL_S: Final = ord("s")
SMALL_T: Final = ord("t")
SMALL_U: Final = ord("u")
SMALL_Y: Final = ord("y")
SMALL_Z: Final = ord("z")
OPENING_BRACE: Final = ord("{")
CLOSING_BRACE: Final = ord("}")
TO_SMALL: Final = 32
