"""Compiled reads of Avro's variable-length numbers: longs, lengths, heads of blocks.

The interpreter and the reads of single values call these. Nothing at or after ``stop`` is read; what breaks the format
gives a negative position, a Fault, because exceptions cost far more. Source: the Avro specification, binary encoding.
"""

from enum import IntEnum
from typing import Final

import numpy as np

from kernels.kernel import leaf_kernel
from schemas.columns import Bytes

__all__ = ["Fault", "read_block", "read_length", "read_long"]

U = np.uint64


class Fault(IntEnum):
    """How a record breaks its schema."""

    CUT_SHORT = -1
    LONG_NUMBER = -2
    NEGATIVE_LENGTH = -3
    BAD_BRANCH = -4
    BAD_SYMBOL_INDEX = -5
    BYTES_LEFT = -6
    TOO_DEEP = -7


_CUT_SHORT: Final = int(Fault.CUT_SHORT)
_LONG_NUMBER: Final = int(Fault.LONG_NUMBER)
_NEGATIVE_LENGTH: Final = int(Fault.NEGATIVE_LENGTH)


@leaf_kernel
def read_long(data: Bytes, at: int, stop: int) -> tuple[np.int64, int]:
    """(value, position after it or a Fault) of a zigzag varint of at most 64 bits."""
    value, shift = U(0), U(0)
    while at < stop:
        byte = data[at]
        at += 1
        value |= U(byte & np.uint8(0x7F)) << shift
        if byte < np.uint8(0x80):
            if shift == U(63) and byte > np.uint8(1):
                return np.int64(0), _LONG_NUMBER
            return np.int64(value >> U(1)) ^ -np.int64(value & U(1)), at
        shift += U(7)
        if shift > U(63):
            return np.int64(0), _LONG_NUMBER
    return np.int64(0), _CUT_SHORT


@leaf_kernel
def read_length(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """(length, position after it or a Fault) of bytes that lie wholly before ``stop``."""
    if at < stop and data[at] < np.uint8(0x80):  # nearly always one byte
        length = np.int64(data[at] >> np.uint8(1)) ^ -np.int64(data[at] & np.uint8(1))
        at += 1
    else:
        length, at = read_long(data, at, stop)
        if at < 0:
            return int(length), at
    if length < 0:
        return int(length), _NEGATIVE_LENGTH
    return int(length), at if length <= stop - at else _CUT_SHORT


@leaf_kernel
def read_block(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """(items, position or a Fault) of a block's head; a negative count is followed by the block's size."""
    count, at = read_long(data, at, stop)
    if at >= 0 and count < 0:
        _, at = read_long(data, at, stop)
        count = -count
    return int(count), at
