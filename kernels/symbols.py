"""What a symbol may be: the one place of the rule, for validation of trades and for all that clients ask for.

A symbol is 1 to 64 code points. Left out is what can't be seen or would break a key: control and format characters
(bidirectional ones too), separators and blanks other than the plain one, a blank at an edge, noncharacters, and
``" \\ , | { }``, which quote, list, join and tag symbols elsewhere (JSON, lists, keys of the bars topic, hash tags of
Redis). Dots alone are left out too, since ``.`` and ``..`` are places in the path of a URL. Letter case counts, and
nothing is normalised: a symbol is its bytes. Source of the ranges: Unicode 15, categories Cc, Cf, Zs, Zl and Zp.
"""

import re
from collections.abc import Iterable
from typing import Final

import numpy as np

from kernels.ascii import POINT, SPACE
from kernels.kernel import kernel
from schemas.columns import Bytes

__all__ = ["SYMBOL_PATTERN", "SYMBOL_RULE", "is_symbol", "is_symbol_text"]

LENGTH_MAX: Final = 64
UNSEEN: Final = (
    (0x0, 0x1F), (0x7F, 0xA0), (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F),
    (0x890, 0x891), (0x8E2, 0x8E2), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200F), (0x2028, 0x202F),
    (0x205F, 0x206F), (0x3000, 0x3000), (0xD800, 0xDFFF), (0xFDD0, 0xFDEF), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB),
    (0xFFFE, 0xFFFF), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(1, 13)),
    (0xDFFFE, 0xE0FFF), *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(14, 17)),
)  # fmt: skip
BREAKING: Final = '"\\,|{}'
SYMBOL_RULE: Final = (
    '1 to 64 characters that can be seen, none of " \\ , | { }, without a blank at an edge and not of dots alone'
)
SURROGATES: Final = (0xD800, 0xDFFF)


def _pattern_without(ranges: Iterable[tuple[int, int]]) -> str:
    left_out = re.escape(BREAKING) + "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)
    return rf"^(?!\.+$)(?! )[^{left_out}]{{1,{LENGTH_MAX}}}(?<! )$(?!\n)"


SYMBOL_PATTERN: Final = _pattern_without(each for each in UNSEEN if each != SURROGATES)
"""As a regular expression of JSON Schema, where text has no surrogates of its own."""
_SYMBOL: Final = re.compile(_pattern_without(UNSEEN))

_BYTES: Final = np.ones(256, np.bool_)
_BYTES[:0x20] = False
_BYTES[0x7F] = False
_BYTES[list(BREAKING.encode())] = False
_LOWS: Final = np.array([low for low, _ in UNSEEN], np.int64)
_HIGHS: Final = np.array([high for _, high in UNSEEN], np.int64)


def is_symbol(text: str) -> bool:
    """Whether ``text`` is a symbol."""
    return _SYMBOL.match(text) is not None


@kernel
def is_symbol_text(text: Bytes, at: int, stop: int) -> bool:
    """Whether ``text[at:stop]`` (uint8[]) is a symbol in UTF-8; it is known to be UTF-8 where it isn't all ASCII."""
    if at >= stop or stop - at > 4 * LENGTH_MAX or text[at] == SPACE or text[stop - 1] == SPACE:
        return False
    length, only_dots = 0, True
    while at < stop:
        byte = np.int64(text[at])
        at += 1
        length += 1
        only_dots &= byte == POINT
        if byte < 0x80:
            if not _BYTES[byte]:
                return False
            continue
        more = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
        point = byte & (0x3F >> more)
        for _ in range(more):
            point = point << 6 | np.int64(text[at]) & 0x3F
            at += 1
        place = np.searchsorted(_HIGHS, point)
        if place < len(_LOWS) and _LOWS[place] <= point:
            return False
    return length <= LENGTH_MAX and not only_dots
