"""Names as small numbers: a table that gives every symbol (or exchange) of a shard an index, in compiled code.

The shard interns the text fields of a batch; outputs carry the index and the list of names. An index, once given, is
never given to another name, and the same records give the same indices. It is a hash table of our own, because the
bytes of a name then become a Python string only the first time that they are seen.
"""

from typing import Final

import numpy as np

from kernels.kernel import kernel, leaf_kernel
from schemas.columns import Rows

__all__ = ["NameTable"]

FNV_OFFSET: Final = np.uint64(0xCBF29CE484222325)
FNV_PRIME: Final = np.uint64(0x100000001B3)
FIRST_SLOTS: Final = 1024


@leaf_kernel
def hash_bytes(text, at, length):  # type: ignore[no-untyped-def]
    # FNV-1a; the final fold brings the high bits, which vary most, into the slot mask.
    value = FNV_OFFSET
    for i in range(length):
        value = (value ^ np.uint64(text[at + i])) * FNV_PRIME
    return value ^ (value >> np.uint64(32))


@leaf_kernel
def same_bytes(a, a_at, b, b_at, length):  # type: ignore[no-untyped-def]
    for i in range(length):  # noqa: SIM110 - compiled code has no generators
        if a[a_at + i] != b[b_at + i]:
            return False
    return True


@kernel
def intern_names(text, ats, lengths, first, pool, pool_ends, slots, found):  # type: ignore[no-untyped-def]
    """Fill found[first:] with indices; stop early, returning the position, when the table needs room.

    pool: uint8[], names joined; pool_ends: int64[capacity + 1], pool_ends[0] == 0.
    slots: int32[2**k + 1], index + 1 or 0; the extra element holds the number of names.
    """
    mask = slots.shape[0] - 2
    count = slots[slots.shape[0] - 1]
    for i in range(first, ats.shape[0]):
        at, length = np.int64(ats[i]), np.int64(lengths[i])
        slot = np.int64(hash_bytes(text, at, length) & np.uint64(mask))
        while True:
            index = slots[slot] - 1
            if index < 0:
                start = pool_ends[count]
                if count * 2 >= mask or count + 1 >= pool_ends.shape[0] or start + length > pool.shape[0]:
                    slots[slots.shape[0] - 1] = count
                    return i
                for j in range(length):
                    pool[start + j] = text[at + j]
                count += 1
                pool_ends[count] = start + length
                slots[slot] = count
                found[i] = count - 1
                break
            start = pool_ends[index]
            if pool_ends[index + 1] - start == length and same_bytes(text, at, pool, start, length):
                found[i] = index
                break
            slot = (slot + 1) & mask
    slots[slots.shape[0] - 1] = count
    return ats.shape[0]


class NameTable:
    """Names in order of first sight; ``names[i]`` is the text of index i."""

    def __init__(self, names: list[str] | None = None) -> None:
        self.names: list[str] = []
        self._pool = np.zeros(FIRST_SLOTS * 8, np.uint8)
        self._ends = np.zeros(FIRST_SLOTS // 2 + 1, np.int64)
        self._slots = np.zeros(FIRST_SLOTS + 1, np.int32)
        if names:
            encoded = [name.encode() for name in names]
            lengths = np.array([len(name) for name in encoded], np.uint32)
            ats = (np.cumsum(lengths) - lengths).astype(np.uint32)
            self.intern(b"".join(encoded), ats, lengths)

    def __len__(self) -> int:
        return len(self.names)

    def intern(self, text: bytes, ats: Rows, lengths: Rows) -> Rows:
        """Indices (int32[n]) of the names at text[ats[i] : ats[i] + lengths[i]]."""
        found = np.empty(len(ats), np.int32)
        source = np.frombuffer(text, np.uint8)
        ats, lengths = ats.astype(np.uint32), lengths.astype(np.uint32)
        done = 0
        while True:
            done = intern_names(source, ats, lengths, done, self._pool, self._ends, self._slots, found)
            self._read_new()
            if done == len(ats):
                return found
            self._grow(int(lengths[done]))

    def _read_new(self) -> None:
        for index in range(len(self.names), int(self._slots[-1])):
            start, end = int(self._ends[index]), int(self._ends[index + 1])
            self.names.append(self._pool[start:end].tobytes().decode("utf-8", "replace"))

    def _grow(self, length: int) -> None:
        count = len(self.names)
        self._pool = np.concatenate([self._pool, np.zeros(len(self._pool) + length, np.uint8)])
        ends = np.zeros(len(self._ends) * 2, np.int64)
        ends[: len(self._ends)] = self._ends
        pool, slots = np.zeros_like(self._pool), np.zeros((len(self._slots) - 1) * 2 + 1, np.int32)
        fresh_ends = np.zeros_like(ends)
        starts, lengths = ends[:count].astype(np.uint32), np.diff(ends[: count + 1]).astype(np.uint32)
        intern_names(self._pool, starts, lengths, 0, pool, fresh_ends, slots, np.empty(count, np.int32))
        self._pool, self._ends, self._slots = pool, fresh_ends, slots
