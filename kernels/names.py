"""Names as small numbers: a table that gives every symbol (or exchange) of a shard an index, in compiled code.

The shard interns the text fields of a batch; outputs carry the index and the list of names. The ClickHouse sink makes
the dictionaries of its columns so. An index, once given, is never given to another name, and the same records give the
same indices. It is a hash table of our own, because the bytes of a name then become a Python string only the first time
that they are seen.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.chunks import CHUNK, little_word
from kernels.kernel import inlined_kernel, kernel, leaf_kernel
from schemas.columns import Bytes, Ints, Longs, Whole

__all__ = ["NameTable", "Names", "count_of", "new_names", "number_of", "same_bytes"]

HASH_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
_U: Final = np.uint64
FIRST_NAMES: Final = 512
FIRST_BYTES: Final = 8192


Offsets = npt.NDArray[np.integer[Any]]
"""Whole numbers of any width, as columns of rows have them."""


class Names(NamedTuple):
    """Name i is ``text[ends[i]:ends[i + 1]]``.

    slots: int32[2**k + 1], index + 1 by hash with linear probing, 0 for none; the extra one holds the number of names.
    """

    text: Bytes
    ends: Longs
    slots: Ints


def new_names(count: int, text_bytes: int) -> Names:
    """An empty table with room for ``count`` names of ``text_bytes`` bytes together."""
    slots = 1 << max(4, (2 * count - 1).bit_length())
    return Names(np.zeros(text_bytes, np.uint8), np.zeros(count + 1, np.int64), np.zeros(slots + 1, np.int32))


def count_of(names: Names) -> int:
    """How many there are."""
    return int(names.slots[-1])


@inlined_kernel
def _mixed(value: np.uint64, word: np.uint64) -> np.uint64:
    value = (value ^ word) * HASH_PRIME
    return value ^ (value >> _U(32))


@inlined_kernel
def _short_word(text: Bytes, at: np.uint64, length: np.uint64) -> np.uint64:
    """A text of fewer than eight bytes, the first one lowest."""
    if at + _U(CHUNK) <= _U(text.shape[0]):
        return little_word(text, at) & ((_U(1) << (length << _U(3))) - _U(1))
    word = _U(0)
    for i in range(length):
        word |= _U(text[at + _U(i)]) << _U(8 * i)
    return word


@leaf_kernel
def hash_bytes(text: Bytes, at: Whole, length: Whole) -> np.uint64:
    """Of eight bytes at a time; the last eight may overlap those before. Each fold brings high bits, which vary most,
    into the slot mask."""
    value, here, end = HASH_PRIME ^ np.uint64(length), np.uint64(at), np.uint64(at + length)
    if length < CHUNK:
        return _mixed(value, _short_word(text, here, _U(length)))
    while here + _U(CHUNK) < end:
        value = _mixed(value, little_word(text, here))
        here += _U(CHUNK)
    return _mixed(value, little_word(text, end - _U(CHUNK)))


@leaf_kernel
def same_bytes(a: Bytes, a_at: Whole, b: Bytes, b_at: Whole, length: Whole) -> bool:
    left, right, end = np.uint64(a_at), np.uint64(b_at), np.uint64(a_at + length)
    if length >= CHUNK:
        while left + _U(CHUNK) < end:
            if little_word(a, left) != little_word(b, right):
                return False
            left += _U(CHUNK)
            right += _U(CHUNK)
        return bool(little_word(a, end - _U(CHUNK)) == little_word(b, np.uint64(b_at + length) - _U(CHUNK)))
    return bool(_short_word(a, left, _U(length)) == _short_word(b, right, _U(length)))


@inlined_kernel
def number_of(names: Names, text: Bytes, at: Whole, length: Whole) -> int:
    """Index of the name ``text[at : at + length]``, which is added if it is new; -1 where there is no room for it."""
    slots = names.slots
    mask = slots.shape[0] - 2
    slot = np.int64(hash_bytes(text, at, length) & np.uint64(mask))
    while slots[slot] != 0:
        index = slots[slot] - 1
        start = names.ends[index]
        if names.ends[index + 1] - start == length and same_bytes(text, at, names.text, start, length):
            return int(index)
        slot = (slot + 1) & mask
    count = slots[mask + 1]
    start = names.ends[count]
    if count * 2 >= mask or count + 1 >= names.ends.shape[0] or start + length > names.text.shape[0]:
        return -1
    for i in range(length):
        names.text[start + i] = text[at + i]
    names.ends[count + 1] = start + length
    slots[slot] = count + 1
    slots[mask + 1] = count + 1
    return int(count)


@kernel
def intern_names(names: Names, text: Bytes, ats: Offsets, lengths: Offsets, first: int, found: Ints) -> int:
    """Fill found[first:] with indices; stop early, returning the position, when the table needs room."""
    for i in range(first, ats.shape[0]):
        found[i] = number_of(names, text, np.int64(ats[i]), np.int64(lengths[i]))
        if found[i] < 0:
            return i
    return int(ats.shape[0])


class NameTable:
    """Names in order of first sight; ``names[i]`` is the text of index i."""

    def __init__(self, names: list[str] | None = None) -> None:
        self.names: list[str] = []
        self._table = new_names(FIRST_NAMES, FIRST_BYTES)
        if names:
            encoded = [name.encode() for name in names]
            lengths = np.array([len(name) for name in encoded], np.int64)
            self.intern(b"".join(encoded), np.cumsum(lengths) - lengths, lengths)

    def __len__(self) -> int:
        return len(self.names)

    def intern(self, text: bytes, ats: Offsets, lengths: Offsets) -> Ints:
        """Indices (int32[n]) of the names at text[ats[i] : ats[i] + lengths[i]]."""
        found = np.empty(len(ats), np.int32)
        source = np.frombuffer(text, np.uint8)
        done = 0
        while True:
            done = intern_names(self._table, source, ats, lengths, done, found)
            self._read_new()
            if done == len(ats):
                return found
            self._grow(int(lengths[done]))

    def _read_new(self) -> None:
        ends = self._table.ends
        for index in range(len(self.names), count_of(self._table)):
            name = self._table.text[int(ends[index]) : int(ends[index + 1])]
            self.names.append(name.tobytes().decode("utf-8", "replace"))

    def _grow(self, length: int) -> None:
        """Room for twice the names and twice the text, and for one more name of ``length``."""
        old, count = self._table, len(self.names)
        self._table = new_names(2 * (len(old.ends) - 1), 2 * len(old.text) + length)
        starts, lengths = old.ends[:count], np.diff(old.ends[: count + 1])
        intern_names(self._table, old.text, starts, lengths, 0, np.empty(count, np.int32))
