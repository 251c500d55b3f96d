"""Eight bytes at a time inside compiled kernels: loads, digits, and Avro's numbers of seven bits a byte.

Names, ids and decimals are short, and their lengths vary: a loop over bytes costs more in branches guessed wrong than
in work. These look at eight bytes at once, of which the caller says how many count. They read ``data[at : at + 8]``
whatever counts; the caller knows that it is there. Source of the sums of digits: D. Lemire, W. Muła, "Parsing eight
digits" (2018), and Hacker's Delight, 7-4, of the gathered bits.
"""

from typing import Any, Final

import numpy as np

from kernels.ascii import BACKSLASH, POINT, QUOTE, SPACE, ZERO
from kernels.kernel import inlined_kernel
from schemas.columns import Bytes

__all__ = [
    "CHUNK",
    "are_digits",
    "big_word",
    "digit_run",
    "digits_value",
    "first_digits",
    "first_mark",
    "gather_varint",
    "last_digits",
    "little_word",
    "plain_run",
    "point_marks",
    "without_byte",
]

CHUNK: Final = 8
"""Bytes of a chunk."""
_U: Final = np.uint64
_ONES: Final = _U(0x0101010101010101)
_ZEROS: Final = _U(0x3030303030303030)
"""Eight digits 0."""
_HIGH_HALVES: Final = _U(0xF0F0F0F0F0F0F0F0)
_STOPS: Final = _U(0x8080808080808080)
_PLACES: Final = _U(0x0001020304050607)
"""Shifted left by 8 * n its highest byte is n."""


@inlined_kernel
def little_word(data: Bytes, at: Any) -> np.uint64:
    """Eight bytes from ``at`` (unsigned) on, the first one lowest: compilers make one load of it."""
    return (
        _U(data[at])
        | _U(data[at + _U(1)]) << _U(8)
        | _U(data[at + _U(2)]) << _U(16)
        | _U(data[at + _U(3)]) << _U(24)
        | _U(data[at + _U(4)]) << _U(32)
        | _U(data[at + _U(5)]) << _U(40)
        | _U(data[at + _U(6)]) << _U(48)
        | _U(data[at + _U(7)]) << _U(56)
    )


@inlined_kernel
def big_word(data: Bytes, at: Any) -> np.uint64:
    """The same with the first one highest: a load, and its bytes turned round."""
    return (
        _U(data[at]) << _U(56)
        | _U(data[at + _U(1)]) << _U(48)
        | _U(data[at + _U(2)]) << _U(40)
        | _U(data[at + _U(3)]) << _U(32)
        | _U(data[at + _U(4)]) << _U(24)
        | _U(data[at + _U(5)]) << _U(16)
        | _U(data[at + _U(6)]) << _U(8)
        | _U(data[at + _U(7)])
    )


@inlined_kernel
def first_digits(word: np.uint64, count: np.uint64) -> np.uint64:
    """The first ``count`` (1 to 8) bytes of a little word, behind as many digits 0 as make it eight."""
    spare = (_U(8) - count) << _U(3)
    return (word << spare) | ((_ZEROS >> _U(1)) >> (_U(63) - spare))


@inlined_kernel
def last_digits(word: np.uint64, count: np.uint64) -> np.uint64:
    """The last ``count`` (1 to 8) bytes of a little word, behind as many digits 0 as make it eight."""
    spare = (_U(1) << ((_U(8) - count) << _U(3))) - _U(1)
    return (word & ~spare) | (_ZEROS & spare)


@inlined_kernel
def point_marks(word: np.uint64) -> np.uint64:
    """The highest bit of each byte that is a point, and maybe of some behind the first one."""
    points = word ^ _ONES * _U(POINT)
    return (points - _ONES) & ~points & _STOPS


@inlined_kernel
def without_byte(word: np.uint64, place: np.uint64) -> np.uint64:
    """Seven of the eight bytes, behind a digit 0: all but the one at ``place`` (0 to 7)."""
    front = (_U(1) << (place << _U(3))) - _U(1)
    return (word & ~((front << _U(8)) | _U(0xFF))) | ((word & front) << _U(8)) | _U(ZERO)


@inlined_kernel
def are_digits(word: np.uint64) -> bool:
    """Whether all eight bytes are ASCII digits."""
    return bool(((word & _HIGH_HALVES) | (((word + _ONES * _U(6)) & _HIGH_HALVES) >> _U(4))) == _U(0x3333333333333333))


@inlined_kernel
def digits_value(word: np.uint64) -> np.uint64:
    """The number that eight digits of a little word write."""
    word = (word & _U(0x0F0F0F0F0F0F0F0F)) * _U(2561) >> _U(8)
    word = (word & _U(0x00FF00FF00FF00FF)) * _U(6553601) >> _U(16)
    return (word & _U(0x0000FFFF0000FFFF)) * _U(42949672960001) >> _U(32)


@inlined_kernel
def first_mark(marks: np.uint64) -> np.uint64:
    """Which byte (0 to 7) of a little word is the first whose highest bit is set; at least one is."""
    return (((marks & (~marks + _U(1))) >> _U(7)) * _PLACES) >> _U(56)


@inlined_kernel
def digit_run(word: np.uint64) -> np.uint64:
    """How many digits a little word begins with: 0 to 8."""
    value = word ^ _ZEROS
    marks = (((value & ~_STOPS) + _ONES * _U(0x76)) | value) & _STOPS
    return _U(8) if marks == _U(0) else first_mark(marks)


@inlined_kernel
def plain_run(word: np.uint64) -> np.uint64:
    """How many bytes a little word begins with that are ASCII, no control character, no quote, no backslash: 0 to 8."""
    quotes, slashes = word ^ _ONES * _U(QUOTE), word ^ _ONES * _U(BACKSLASH)
    # What is subtracted borrows from bytes behind the first that is found, which don't matter.
    found = ((quotes - _ONES) & ~quotes) | ((slashes - _ONES) & ~slashes) | ((word - _ONES * _U(SPACE)) & ~word)
    marks = (found | word) & _STOPS
    return _U(8) if marks == _U(0) else first_mark(marks)


@inlined_kernel
def gather_varint(word: np.uint64) -> tuple[np.uint64, np.uint64]:
    """(value, bytes) of the varint that a little word begins with; 0 bytes: it has more than eight."""
    stops = ~word & _STOPS
    if stops == _U(0):
        return _U(0), _U(0)
    bits = word & ((stops & (~stops + _U(1))) - _U(1)) & ~_STOPS
    bits = (bits & _U(0x007F007F007F007F)) | ((bits & _U(0x7F007F007F007F00)) >> _U(1))
    bits = (bits & _U(0x00003FFF00003FFF)) | ((bits & _U(0x3FFF00003FFF0000)) >> _U(2))
    bits = (bits & _U(0x000000000FFFFFFF)) | ((bits & _U(0x0FFFFFFF00000000)) >> _U(4))
    return bits, first_mark(stops) + _U(1)
