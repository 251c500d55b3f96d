"""Turns Arrow columns of any type into the few kinds that the compiled kernel reads, without going through text.

ArrowDecoder asks for each column that a field is read from. Numbers and times are handed on as they lie in memory;
texts, dictionaries and bytes become one buffer with offsets. Types that can't hold a field are UNFIT, nested ones no
column at all.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.arrow.kernel import CLOCK, DECIMAL, DOUBLE, FLOAT, LONG, MOMENT, NO_COLUMN, TEXT, UNFIT_COLUMN
from connectors.values.fields import TIME_UNITS, Field
from connectors.values.times import DAYS
from schemas.columns import Longs, Mask, Words

__all__ = ["Column", "column_of", "shown"]

_TEXT_FIELDS: Final = (Field.SYMBOL, Field.TRADE_ID, Field.EXCHANGE, Field.SIDE)
_WHOLE_DOUBLES: Final = 2**53


class Column(NamedTuple):
    """``high``, ``low``: what connectors.arrow.kernel says of ``kind``. Of TEXT: ``offsets`` int64[n + 1] of ``text``.

    valid: bool[n], False where the cell is null (None: all are there)."""

    kind: int
    scale: int = 0
    high: Longs | None = None
    low: Words | None = None
    valid: Mask | None = None
    offsets: Longs | None = None
    text: bytes = b""


def column_of(array: Any, each: Field) -> Column:
    """The column from which field ``each`` is read."""
    array = _plain(array)
    kind = array.type
    if pa.types.is_nested(kind):
        return Column(NO_COLUMN)
    if pa.types.is_null(kind):
        return Column(NO_COLUMN)
    if each in _TEXT_FIELDS:
        return _text_column(_whole_ids(array) if each is Field.TRADE_ID else array)
    valid = None if array.null_count == 0 else np.asarray(array.is_valid())
    if pa.types.is_integer(kind):
        is_long = kind == pa.uint64()
        values = _values(array if is_long else array.cast(pa.int64()), np.uint64 if is_long else np.int64)
        if not is_long:
            return Column(LONG, 0, values, None, valid)
        if each is Field.EVENT_TIME:  # beyond int64 every time is out of range
            return Column(LONG, 0, np.minimum(values, np.uint64(2**63 - 1)).astype(np.int64), None, valid)
        return Column(DECIMAL, 0, np.zeros(len(values), np.int64), values, valid)
    if pa.types.is_floating(kind):
        values = _values(array.cast(pa.float64()), np.int64)
        return Column(DOUBLE if kind == pa.float64() else FLOAT, 0, values, None, valid)
    if pa.types.is_decimal(kind) and 0 <= kind.scale <= 38 and each is not Field.EVENT_TIME:
        decimal = _decimal(array)
        if decimal is not None:
            return Column(DECIMAL, kind.scale, *decimal, valid)
    if each is Field.EVENT_TIME and pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        return _time_column(array, valid)
    if pa.types.is_temporal(kind) or pa.types.is_boolean(kind):
        return Column(UNFIT_COLUMN, valid=valid)
    return _text_column(array)


def shown(cell: Any) -> str:
    """One value for a message: as exact as it is, times as whole numbers in their unit, line ends as blanks."""
    kind = cell.type
    if not cell.is_valid:
        return ""
    if pa.types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType):
        return shown(cell.value)
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind) or pa.types.is_date64(kind) or pa.types.is_duration(kind):
        return str(cell.value)
    if pa.types.is_date32(kind):
        return str(cell.value * 86_400)
    value = cell.as_py()
    if isinstance(value, float):
        return repr(value) if kind == pa.float64() else str(np.float32(value))
    if isinstance(value, bytes):
        value = value.decode(errors="backslashreplace")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("\r", " ").replace("\n", " ")


def _plain(array: Any) -> Any:
    """``array`` without encodings and names around its values."""
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array


def _whole_ids(array: Any) -> Any:
    """Ids that are whole numbers as such: data frames make doubles of them where one is missing."""
    if not pa.types.is_floating(array.type):
        return array
    values = array.to_numpy(zero_copy_only=False).astype(np.float64)
    there = np.asarray(array.is_valid()) & np.isfinite(values)
    if np.any(values[there] != np.floor(values[there])) or np.any(np.abs(values[there]) > _WHOLE_DOUBLES):
        return array
    whole = np.where(there, values, 0.0).astype(np.int64)
    return pa.array(whole, mask=~there)


def _text_column(array: Any) -> Column:
    if pa.types.is_fixed_size_binary(array.type) or array.type == pa.binary_view() or pa.types.is_binary(array.type):
        array = array.cast(pa.large_binary())
    elif not (pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)):
        array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    text = bytes(memoryview(data)[bounds[0] : bounds[-1]]) if data is not None else b""
    valid = None if array.null_count == 0 else np.asarray(array.is_valid())
    return Column(TEXT, valid=valid, offsets=bounds - bounds[0], text=text)


def _time_column(array: Any, valid: Mask | None) -> Column:
    kind = array.type
    if pa.types.is_date32(kind):
        return Column(MOMENT, DAYS, _values(array.view(pa.int32()).cast(pa.int64()), np.int64), None, valid)
    if pa.types.is_time32(kind):
        array = array.view(pa.int32()).cast(pa.int64())
    unit = TIME_UNITS["ms" if pa.types.is_date64(kind) else kind.unit]
    return Column(CLOCK if pa.types.is_time(kind) else MOMENT, unit, _values(array, np.int64), None, valid)


def _values(array: Any, kind: Any) -> npt.NDArray[Any]:
    """The values as they lie in memory, of eight bytes each."""
    values: npt.NDArray[Any] = np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]
    return values


def _decimal(array: Any) -> tuple[Longs, Words] | None:
    """(high, low) words; None where a value has more than 38 digits."""
    if not pa.types.is_decimal128(array.type):
        try:
            array = array.cast(pa.decimal128(38, array.type.scale))
        except pa.ArrowInvalid:
            return None
    words = np.frombuffer(array.buffers()[1], np.uint64).reshape(-1, 2)[array.offset : array.offset + len(array)]
    return words[:, 1].view(np.int64), words[:, 0]
