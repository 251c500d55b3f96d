"""Reads trade ids inside compiled kernels: as numbers of any length where they are some.

Cells of CSV, Parquet and JSON and Avro's strings end here, so an id means the same in every format. An id is a number
when it is whole ASCII digits: blanks around it, zeros before it and a fraction of zeros (``10.0``, as pandas writes ids
beside a gap) don't matter. Its text is kept as it came; the number decides order and sameness (see schemas.columns).
"""

from typing import Final

import numpy as np

from kernels.ascii import NINE, POINT, SPACE, TAB, ZERO
from kernels.kernel import leaf_kernel
from kernels.text_read import read_digits
from schemas.columns import ID_DIGITS, LONG_ID, NO_ID, Bytes, TradeRow, Whole

__all__ = ["is_whole_number", "read_id", "store_id"]

_INLINE_DIGITS: Final = 2 * ID_DIGITS


@leaf_kernel
def _digits_of(data: Bytes, at: Whole, stop: Whole) -> tuple[Whole, Whole]:
    """(begin, end) of the digits that matter; begin > end where it is no whole number. Equal for zero."""
    while at < stop and (data[at] == SPACE or data[at] == TAB):
        at += 1
    while at < stop and (data[stop - 1] == SPACE or data[stop - 1] == TAB):
        stop -= 1
    begin = at
    while at < stop and ZERO <= data[at] <= NINE:
        at += 1
    end = at
    if end == begin:
        return np.int64(1), np.int64(0)
    if at < stop:
        if data[at] != POINT:
            return np.int64(1), np.int64(0)
        for index in range(at + 1, stop):
            if data[index] != ZERO:
                return np.int64(1), np.int64(0)
    while begin < end and data[begin] == ZERO:
        begin += 1
    return begin, end


@leaf_kernel
def read_id(data: Bytes, at: int, stop: int) -> tuple[np.int64, np.int64]:
    """(upper, number) as TRADE holds them of the id ``data[at:stop]``."""
    if 0 < stop - at <= ID_DIGITS:
        number = read_digits(data, np.int64(at), np.int64(stop))
        if number >= 0:
            return np.int64(0), number
    begin, end = _digits_of(data, np.int64(at), np.int64(stop))
    if begin > end:
        return np.int64(0), np.int64(NO_ID)
    if end - begin <= ID_DIGITS:
        return np.int64(0), read_digits(data, begin, end)
    if end - begin > _INLINE_DIGITS:
        return np.int64(LONG_ID), np.int64(0)
    return read_digits(data, begin, end - ID_DIGITS), read_digits(data, end - ID_DIGITS, end)


@leaf_kernel
def store_id(row: TradeRow, data: Bytes, at: int, stop: int) -> None:
    """Reads the id into the row's number; its text is stored apart."""
    row["trade_id_upper"], row["trade_id_number"] = read_id(data, at, stop)


@leaf_kernel
def is_whole_number(data: Bytes, at: int, stop: int) -> bool:
    """Whether it is digits, with a fraction of zeros or without one."""
    begin, end = _digits_of(data, np.int64(at), np.int64(stop))
    return bool(begin <= end)
