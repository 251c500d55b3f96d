"""Tables of short words that compiled kernels look up: sides as venues write them, and words that say nothing.

Decoders build one SideTable from the settings and hand its array to their kernels. A word is its text without blanks
around it, ASCII letters in lower case; ``+1`` and ``1.0`` are the word ``1``, as spreadsheets and data frames write it.
A side nobody knows is UNKNOWN and gets a number of its own, so that such words can be counted and named without any
Python per trade; only the first 61 of them are told apart, so that memory stays bounded.
"""

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np

from kernels.ascii import (
    CAPITAL_A,
    CAPITAL_Z,
    MINUS,
    NINE,
    PLUS,
    POINT,
    SMALL_B,
    SMALL_E,
    SMALL_L,
    SMALL_S,
    SMALL_U,
    SMALL_Y,
    SPACE,
    TO_SMALL,
    ZERO,
)
from kernels.kernel import leaf_kernel
from schemas.columns import BUY, SELL, UNKNOWN, Bytes, Whole, Words

__all__ = ["MAY_SAY_NOTHING", "NOTHING", "OTHERS", "SideTable", "find_number", "find_word", "says_nothing", "word_of"]

U = np.uint64
WORD_BYTES_MAX: Final = 24
"""A longer word is known by its first bytes."""
OTHERS: Final = 62
"""Number of all unknown words behind the first 61."""
_SLOTS: Final = 1024
_WORDS_MAX: Final = 256
_CUT_LENGTH: Final = 255
"""Length that stands for any word of more than WORD_BYTES_MAX bytes."""
_TAKEN: Final = 1 << 32
_COUNT_AT: Final = 4 * _SLOTS
"""Behind the slots: how many unknown words there are, and the values of ``buy`` and ``sell``."""
_BUY_AT: Final = _COUNT_AT + 1
_SELL_AT: Final = _COUNT_AT + 2
_K1: Final = U(0x9E3779B97F4A7C15)
_K2: Final = U(0xC2B2AE3D27D4EB4F)
_K3: Final = U(0x165667B19E3779F9)
_EIGHT: Final = U(8)

BUYS: Final = ("buy", "b", "bid", "buyer", "bought")
SELLS: Final = ("sell", "s", "ask", "a", "offer", "seller", "sold")
NOTHING: Final = (
    "",
    "-",
    "--",
    "na",
    "n/a",
    "#n/a",
    "<na>",
    "nan",
    "-nan",
    "nat",
    "nil",
    "none",
    "null",
    "\\n",
    "undefined",
)
"""What spreadsheets, data frames and databases write into an empty cell, in lower case (``\\n`` is their ``\\N``)."""
NO_SIDES: Final = ("unknown", "unk", "n", *NOTHING)
SIDES: Final = {"BUY": BUY, "SELL": SELL, "UNKNOWN": UNKNOWN}


def word_of(text: bytes) -> bytes:
    """``text`` as a table knows it."""
    word = text.strip(b" ").lower()
    sign = word[1:] if word[:1] == b"+" and word[1:2].isdigit() else word
    whole, point, rest = sign.partition(b".")
    return whole if point and rest.strip(b"0") == b"" and rest and whole.removeprefix(b"-").isdigit() else sign


@leaf_kernel
def _hash(first: np.uint64, second: np.uint64, third: np.uint64) -> np.int64:
    value = (first ^ (first >> U(29))) * _K1 ^ (second ^ (second >> U(31))) * _K2 ^ third * _K3
    return np.int64((value ^ (value >> U(32))) & U(_SLOTS - 1))


@leaf_kernel
def _find(table: Words, first: np.uint64, second: np.uint64, third: np.uint64, length: int) -> np.int64:
    """The value of the word, packed into three times eight bytes; -1 if it isn't there."""
    slot = _hash(first, second, third)
    while table[4 * slot + 3] != U(0):
        info = table[4 * slot + 3]
        if (
            table[4 * slot] == first
            and table[4 * slot + 1] == second
            and table[4 * slot + 2] == third
            and np.int64(info >> U(16) & U(0xFF)) == length
        ):
            return np.int64(info & U(0xFFFF))
        slot = (slot + 1) & (_SLOTS - 1)
    return np.int64(-1)


@leaf_kernel
def _find_or_keep(table: Words, first: np.uint64, second: np.uint64, third: np.uint64, length: int) -> np.int64:
    """As ``_find``; an unknown word is added as UNKNOWN, with the next number, or is one of OTHERS."""
    value = _find(table, first, second, third, length)
    if value >= 0:
        return value
    number = table[_COUNT_AT] + U(1)
    if number >= U(OTHERS):
        return np.int64(UNKNOWN | OTHERS << 8)
    table[_COUNT_AT] = number
    slot = _hash(first, second, third)
    while table[4 * slot + 3] != U(0):
        slot = (slot + 1) & (_SLOTS - 1)
    table[4 * slot], table[4 * slot + 1], table[4 * slot + 2] = first, second, third
    table[4 * slot + 3] = U(_TAKEN | UNKNOWN) | U(length) << U(16) | number << U(8)
    return np.int64(U(UNKNOWN) | number << U(8))


@leaf_kernel
def _bare(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """(at, stop) without blanks around, the plus before a number, and the zeros behind its point."""
    while at < stop and data[at] == SPACE:
        at += 1
    while at < stop and data[stop - 1] == SPACE:
        stop -= 1
    if stop - at > 1 and data[at] == PLUS and ZERO <= data[at + 1] <= NINE:
        at += 1
    if stop - at > 2 and data[stop - 1] == ZERO:
        end = stop
        while end - at > 1 and data[end - 1] == ZERO:
            end -= 1
        digits = at + (data[at] == MINUS)
        if data[end - 1] == POINT and digits < end - 1:
            for index in range(digits, end - 1):
                if data[index] < ZERO or data[index] > NINE:
                    return at, stop
            return at, end - 1
    return at, stop


@leaf_kernel
def _pack_word(data: Bytes, at: int, stop: int) -> tuple[np.uint64, np.uint64, np.uint64, int]:
    """The word ``data[at:stop]`` as three times eight bytes and its length."""
    at, stop = _bare(data, at, stop)
    length = stop - at if stop - at <= WORD_BYTES_MAX else _CUT_LENGTH
    first, second, third = U(0), U(0), U(0)
    for index in range(min(stop - at, WORD_BYTES_MAX)):
        byte = U(data[at + index])
        if U(CAPITAL_A) <= byte <= U(CAPITAL_Z):
            byte |= U(TO_SMALL)
        shift = _EIGHT * U(index & 7)
        if index < 8:
            first |= byte << shift
        elif index < 16:
            second |= byte << shift
        else:
            third |= byte << shift
    return first, second, third, length


@leaf_kernel
def find_word(table: Words, data: Bytes, at: int, stop: int) -> np.int64:
    """Of the word ``data[at:stop]``: its side in the low byte, and above it the number of an unknown word."""
    # The two usual words need no packing.
    length = stop - at
    if (
        length == 3
        and data[at] | TO_SMALL == SMALL_B
        and data[at + 1] | TO_SMALL == SMALL_U
        and data[at + 2] | TO_SMALL == SMALL_Y
    ):
        return np.int64(table[_BUY_AT])
    ends_as_sell = length == 4 and data[stop - 2] | TO_SMALL == SMALL_L and data[stop - 1] | TO_SMALL == SMALL_L
    if ends_as_sell and data[at] | TO_SMALL == SMALL_S and data[at + 1] | TO_SMALL == SMALL_E:
        return np.int64(table[_SELL_AT])
    first, second, third, length = _pack_word(data, at, stop)
    return _find_or_keep(table, first, second, third, length)


@leaf_kernel
def find_number(table: Words, value: Whole) -> np.int64:
    """As ``find_word``, of a whole number (int64)."""
    magnitude = U(value)
    length = 0
    if value < 0:
        magnitude = ~magnitude + U(1)
        length = 1
    rest = magnitude
    while rest > U(0) or length == 0 or (length == 1 and value < 0):
        rest //= U(10)
        length += 1
    first, second, third = U(0), U(0), U(0)
    if value < 0:
        first = U(45)
    for index in range(length - 1, -1 if value >= 0 else 0, -1):
        byte = U(ZERO) + magnitude % U(10)
        magnitude //= U(10)
        shift = _EIGHT * U(index & 7)
        if index < 8:
            first |= byte << shift
        elif index < 16:
            second |= byte << shift
        else:
            third |= byte << shift
    return _find_or_keep(table, first, second, third, length)


def _packed(word: bytes) -> tuple[int, int, int, int]:
    """Three times eight bytes, and the length."""
    padded = word[:WORD_BYTES_MAX].ljust(WORD_BYTES_MAX, b"\0")
    first, second, third = (int.from_bytes(padded[at : at + 8], "little") for at in (0, 8, 16))
    return first, second, third, len(word) if len(word) <= WORD_BYTES_MAX else _CUT_LENGTH


def _slot_of(first: int, second: int, third: int) -> int:
    """``_hash`` in Python, so that importing compiles nothing."""
    value = ((first ^ first >> 29) * int(_K1) ^ (second ^ second >> 31) * int(_K2) ^ third * int(_K3)) & 2**64 - 1
    return (value ^ value >> 32) & _SLOTS - 1


def _new_table(words: Mapping[bytes, int]) -> Words:
    table: Words = np.zeros(_SELL_AT + 1, np.uint64)
    table[_BUY_AT], table[_SELL_AT] = words.get(b"buy", 0), words.get(b"sell", 0)
    for word, value in words.items():
        *packed, length = _packed(word)
        slot = _slot_of(*packed)
        while table[4 * slot + 3]:
            slot = (slot + 1) & (_SLOTS - 1)
        table[4 * slot : 4 * slot + 4] = *packed, _TAKEN | length << 16 | value
    return table


_NOTHING: Final = _new_table({word.encode(): 0 for word in NOTHING})


MAY_SAY_NOTHING: Final = np.zeros(256, np.bool_)
MAY_SAY_NOTHING[list(b" nNuU#<-\\")] = True
"""First bytes of the words that say nothing: most ids and names begin otherwise, and need no look at the whole."""


@leaf_kernel
def says_nothing(data: Bytes, at: int, stop: int) -> bool:
    """Whether the cell ``data[at:stop]`` is one that writers leave where they have no value."""
    if at >= stop:
        return True
    if not MAY_SAY_NOTHING[data[at]]:
        return False
    first, second, third, length = _pack_word(data, at, stop)
    return bool(_find(_NOTHING, first, second, third, length) >= 0)


class SideTable:
    """Words of sides for kernels (``table``), and the names of those that nobody knows.

    sides: their word -> BUY, SELL, UNKNOWN. Of a ``maker``'s side everything is turned round, ``true`` and ``false``
    being "the buyer is the maker". Ambiguous words (1, 0, -1, true and false of a taker) are known by ``sides`` only.
    """

    def __init__(self, sides: Mapping[str, str] | None = None, side_of: Literal["taker", "maker"] = "taker") -> None:
        words = {
            **dict.fromkeys((word.encode() for word in BUYS), BUY),
            **dict.fromkeys((word.encode() for word in SELLS), SELL),
            **dict.fromkeys((word.encode() for word in NO_SIDES), UNKNOWN),
        }
        if side_of == "maker":
            words |= {b"true": BUY, b"false": SELL}
        words |= {word_of(word.encode()): SIDES[side.upper()] for word, side in (sides or {}).items()}
        if len(words) > _WORDS_MAX:
            raise ValueError(f"more than {_WORDS_MAX} words of sides")
        if side_of == "maker":
            turned = {BUY: SELL, SELL: BUY, UNKNOWN: UNKNOWN}
            words = {word: turned[side] for word, side in words.items()}
        self.table = _new_table(words)

    def value_of(self, word: str) -> int:
        """As find_word, of a word that a schema names."""
        text = np.frombuffer(word.encode(), np.uint8)
        return int(find_word(self.table, text, 0, len(text)))

    @property
    def has_unknown(self) -> bool:
        """Whether any unknown word was met so far."""
        return bool(self.table[_COUNT_AT])

    def unknown(self) -> dict[int, str]:
        """The unknown words met so far, by number; OTHERS stands for all that were too many to keep."""
        found = {}
        slots = self.table[: 4 * _SLOTS].reshape(_SLOTS, 4)
        for *packed, info in slots[(slots[:, 3] >> 8) & 0xFF > 0].tolist():
            length = (info >> 16) & 0xFF
            text = b"".join(part.to_bytes(8, "little") for part in packed)[: min(length, WORD_BYTES_MAX)]
            found[(info >> 8) & 0xFF] = text.decode(errors="replace") + ("…" if length == _CUT_LENGTH else "")
        return dict(sorted(found.items()))
