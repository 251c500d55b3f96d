"""Decodes a batch of Arrow columns into TRADE rows.

ArrowFile hands batches of the wanted columns here. Columns stay columns until the compiled kernel writes the rows. A
refused row is shown as a line of CSV, its unread columns empty, and explained by the decoder of such lines.
"""

import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from connectors.arrow.columns import Column, column_of, shown
from connectors.arrow.kernel import FLOAT, NO_COLUMN, TEXT, UNFIT_COLUMN, TypedColumns, fill_columns
from connectors.csv.decoder import CsvDecoder
from connectors.values.cells import ABSENT, Cells
from connectors.values.column_plan import ColumnPlan
from connectors.values.constants import Constants
from connectors.values.fields import FIELD_COUNT, Field
from connectors.values.read import Values
from connectors.values.rejecting import reject_bad
from kernels.decimal_read import ROUNDED, number_from_text
from schemas.columns import NO_TIMESTAMP, TRADE, RawBatch, TradeBatch, TradeRow, TradeRows
from schemas.rejects import Reason

__all__ = ["ArrowDecoder", "ArrowRows"]


class ArrowRows(RawBatch):
    """Rows of a table: ``columns`` holds the array of each column of the file, None of those that aren't read."""

    __slots__ = ("columns",)

    columns: list[Any]

    def value(self, index: int) -> bytes:
        cells = ["" if column is None else shown(column[index]) for column in self.columns]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(cells)
        return line.getvalue().encode(errors="backslashreplace")


class ArrowDecoder:
    """A Decoder (see connectors.values.rejecting) of batches: the columns of ``plan``, the types of ``schema``."""

    def __init__(self, plan: ColumnPlan, schema: Any) -> None:
        self.plan = plan
        self.wanted = sorted({*plan.columns.values(), *([plan.kept[0]] if plan.kept else [])})
        self._constants = Constants(plan.constants)
        self.values = Values(plan.words, plan.time_unit)
        # Times with a unit of their own are shown as whole numbers in it, which count from 1970.
        kind, as_shown = schema.field(plan.columns[Field.EVENT_TIME]).type, plan
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            unit = "s" if pa.types.is_date32(kind) else "ms" if pa.types.is_date64(kind) else str(kind.unit)
            as_shown = replace(plan, time_unit=unit, words=replace(plan.words, time_origin_us=None))
        self._lines = CsvDecoder(as_shown)

    def raw_rows(self, part: Any, topic: str, row: int) -> ArrowRows:
        """The rows of a record batch whose columns are the wanted ones, in the file's order; the first is ``row``."""
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
        raw.columns = [None] * len(self.plan.names)
        for at, column in zip(self.wanted, part.columns, strict=True):
            raw.columns[at] = column
        return raw

    def decode_rows(self, raw: RawBatch) -> tuple[TradeRows, bytes]:
        """TRADE[len(raw)] with reason codes, and their text."""
        assert isinstance(raw, ArrowRows)
        count = len(raw)
        columns = {each: column_of(raw.columns[at], each) for each, at in self.plan.columns.items()}
        cells, data = _cells(columns, count)
        data = self._constants.put(data, cells)
        kinds, scales = np.zeros(FIELD_COUNT, np.int64), np.zeros(FIELD_COUNT, np.int64)
        highs, lows = np.zeros((FIELD_COUNT, count), np.int64), np.zeros((FIELD_COUNT, count), np.uint64)
        valid = np.ones((FIELD_COUNT, count), np.bool_)
        for each, column in columns.items():
            kinds[each], scales[each] = column.kind, column.scale
            for words, held in ((highs, column.high), (lows, column.low), (valid, column.valid)):
                if held is not None:
                    words[each] = held
        for each in self.plan.constants:
            kinds[each] = TEXT
        rows, pending = np.empty(count, TRADE), np.empty((4 * count, 2), np.int64)
        typed = TypedColumns(kinds, scales, highs, lows, valid)
        offsets = np.asarray(raw.offsets, np.int64)
        text = np.frombuffer(data, np.uint8)
        left = fill_columns(text, cells.arrays, typed, offsets, self.values.rules, rows, pending)
        for index, number in pending[:left].tolist():
            _settle(rows[index], Field(number), columns[Field(number)], index, self.values)
        self.values.fold_signs(rows)
        if self.plan.kept is not None:
            at, values = self.plan.kept
            texts = raw.columns[at].cast(pa.string()).to_pylist()
            rows["reason"][[text not in tuple(values) for text in texts]] = Reason.NO_TRADE
        return rows, data

    def decode(self, raw: RawBatch) -> TradeBatch:
        """Trades and rejects of ``raw``, not validated."""
        rows, text = self.decode_rows(raw)
        return self.finish(raw, rows, text)

    def finish(self, raw: RawBatch, rows: TradeRows, text: bytes) -> TradeBatch:
        return self.values.count(reject_bad(raw, rows, text, self._explain))

    def unseen_fields(self) -> list[str]:
        """None: a file that lacks a column which the field map names isn't opened."""
        return []

    def _explain(self, raw: RawBatch, index: int, row: TradeRow, text: bytes) -> str:
        assert isinstance(raw, ArrowRows)
        if Reason(int(row["reason"])) is Reason.BAD_VALUE:
            for each, at in self.plan.columns.items():
                if column_of(raw.columns[at].slice(index, 1), each).kind == UNFIT_COLUMN:
                    return f"{self.plan.names[at]} is of a kind that can't be read as {each.name.lower()}"
        return self._lines.explain(raw, index, row, text)


def _cells(columns: dict[Field, Column], count: int) -> tuple[Cells, bytes]:
    """Cells of the columns of text, and the text that they point into."""
    cells, texts, begin = Cells(count), [], 0
    for each, column in columns.items():
        if column.kind == NO_COLUMN or column.offsets is None:
            continue
        lengths = np.diff(column.offsets)
        absent = lengths == 0
        if column.valid is not None:
            absent |= ~column.valid
        cells.at[:, each] = column.offsets[:-1] + begin
        cells.length[:, each] = np.where(absent, ABSENT, lengths)
        texts.append(column.text)
        begin += len(column.text)
    return cells, b"".join(texts)


def _settle(row: TradeRow, each: Field, column: Column, index: int, values: Values) -> None:
    """Write a number that the kernel left, by its shortest text."""
    assert column.high is not None
    value = column.high[index : index + 1].view(np.float64)[0]
    text = str(np.float32(value)) if column.kind == FLOAT else repr(float(value))
    hi, lo, reason = number_from_text(text, values.scale_of(each), values.rules.rounding)
    if reason == ROUNDED:
        row["rounded"], reason = 1, int(Reason.NONE)
    name = each.name.lower()
    row[f"{name}_hi"], row[f"{name}_lo"] = hi, lo
    if each in (Field.BID, Field.ASK):
        row[f"has_{name}"] = 1
    if reason != Reason.NONE and row["reason"] == Reason.NONE:
        row["reason"] = reason
