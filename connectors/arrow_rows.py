"""Decodes a batch of Arrow columns into TRADE rows.

ArrowFile hands batches of the wanted columns here. Each column becomes one buffer of text with its offsets, and the
cells of a row point into it, so that texts of every kind of column are read by the kernels that read CSV. Times are
whole numbers in the unit of their column. A refused row is shown as a line of CSV, its unread columns empty.
"""

import csv
import io
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.cells import ABSENT, UNFIT, Cells
from connectors.column_plan import ColumnPlan
from connectors.constants import Constants
from connectors.csv import CsvDecoder
from connectors.fields import Field
from connectors.rejecting import reject_bad
from schemas.columns import NO_TIMESTAMP, RawBatch, Rows, TradeBatch
from schemas.rejects import Reason

__all__ = ["ArrowDecoder", "ArrowRows"]

_DAY_S: Final = 86_400


class ArrowRows(RawBatch):
    """Rows of a table: ``columns`` holds a text array (or None) of each column of the file."""

    __slots__ = ("columns",)

    columns: list[Any]

    def value(self, index: int) -> bytes:
        cells = ["" if column is None else _shown(column[index]) for column in self.columns]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(cells)
        return line.getvalue().encode(errors="backslashreplace")


class ArrowDecoder:
    """A Decoder (see connectors.rejecting) of batches with the columns of ``plan`` and the types of ``schema``."""

    def __init__(self, plan: ColumnPlan, schema: Any) -> None:
        kind = schema.field(plan.columns[Field.EVENT_TIME]).type
        words = plan.words
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            words = replace(words, time_origin_us=None)  # these say themselves that they count from 1970
        self.plan = replace(plan, time_unit=_time_unit(kind, plan), words=words)
        self._wanted = sorted(set(plan.columns.values()))
        self._lines = CsvDecoder(self.plan)
        self._constants = Constants(plan.constants)
        self.values = self._lines.values

    def raw_rows(self, part: Any, topic: str, row: int) -> ArrowRows:
        """The rows of a record batch whose columns are the wanted ones, in the file's order; the first is ``row``."""
        columns: list[Any] = [None] * len(self.plan.names)
        for at, column in zip(self._wanted, part.columns, strict=True):
            columns[at] = _as_text(column)
        count = part.num_rows
        raw = ArrowRows(
            topic=topic,
            partition=0,
            data=b"",
            ends=np.zeros(count, np.int64),
            offsets=np.arange(row, row + count),
            timestamps_ms=np.full(count, NO_TIMESTAMP, np.int64),
            keys=[None] * count,
        )
        raw.columns = columns
        return raw

    def decode_rows(self, raw: RawBatch) -> tuple[Rows, bytes]:
        """TRADE[len(raw)] with reason codes, and their text."""
        assert isinstance(raw, ArrowRows)
        cells = Cells(len(raw))
        texts: list[bytes] = []
        begin = 0
        for each, column in self.plan.columns.items():
            array = raw.columns[column]
            if array is None:
                continue
            if array.type == pa.null():
                cells.length[:, each] = UNFIT
                continue
            offsets, text = _buffers(array)
            cells.at[:, each] = offsets[:-1] + begin
            lengths = np.diff(offsets)
            absent = (lengths == 0) | ~np.asarray(array.is_valid())
            cells.length[:, each] = np.where(absent, ABSENT, lengths)
            texts.append(text)
            begin += len(text)
        data = self._constants.put(b"".join(texts), cells)
        batch = RawBatch(raw.topic, 0, data, raw.ends, raw.offsets, raw.timestamps_ms, raw.keys)
        return cells.to_rows(batch, self.values, bytes)

    def decode(self, raw: RawBatch) -> TradeBatch:
        rows, text = self.decode_rows(raw)
        return self.finish(raw, rows, text)

    def finish(self, raw: RawBatch, rows: Rows, text: bytes) -> TradeBatch:
        return self.values.count(reject_bad(raw, rows, text, self._explain))

    def unseen_fields(self) -> list[str]:
        """None: a file that lacks a column which the field map names isn't opened."""
        return []

    def _explain(self, raw: RawBatch, index: int, row: Rows, text: bytes) -> str:
        assert isinstance(raw, ArrowRows)
        if Reason(int(row["reason"])) is Reason.BAD_VALUE:
            for each, column in self.plan.columns.items():
                if raw.columns[column] is not None and raw.columns[column].type == pa.null():
                    return f"{self.plan.names[column]} is of a kind that can't be read as {each.name.lower()}"
        return self._lines.explain(raw, index, row, text)


def _as_text(column: Any) -> Any:
    """The column as an array of texts or bytes; of null type where its kind can't be read, None where it is nested."""
    kind = column.type
    if pa.types.is_run_end_encoded(kind):
        column = pc.run_end_decode(column)
    elif pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
    elif isinstance(kind, pa.BaseExtensionType):
        column = column.storage
    kind = column.type
    if pa.types.is_nested(kind):
        return None
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        return column
    if pa.types.is_date32(kind):
        column = column.cast(pa.int32()).cast(pa.int64())
        return pc.multiply(column, _DAY_S).cast(pa.large_string())
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind):
        width = pa.int32() if pa.types.is_time32(kind) else pa.int64()
        return column.cast(width).cast(pa.large_string())
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) or kind == pa.binary_view():
        return column.cast(pa.large_binary())
    if pa.types.is_duration(kind) or pa.types.is_null(kind):
        return pa.nulls(len(column))
    return column.cast(pa.large_string())


def _buffers(array: Any) -> tuple[Rows, bytes]:
    """(int64[n + 1] offsets, bytes) of an array of large texts."""
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    text = bytes(memoryview(data)[bounds[0] : bounds[-1]]) if data is not None else b""
    return bounds - bounds[0], text


def _shown(cell: Any) -> str:
    """One cell for a message; a line end in it becomes a blank, since a row is a line."""
    value = cell.as_py()
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else "" if value is None else str(value)
    return text.replace("\r", " ").replace("\n", " ")


def _time_unit(kind: Any, plan: ColumnPlan) -> str:
    """The unit of the whole numbers that times of this type become."""
    if pa.types.is_date32(kind):
        return "s"
    if pa.types.is_date64(kind):
        return "ms"
    if pa.types.is_timestamp(kind) or (pa.types.is_time(kind) and plan.words.time_origin_us is not None):
        return str(kind.unit)  # a time of day without a day would be one of 1970
    return plan.time_unit
