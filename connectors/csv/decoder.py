"""Decodes lines of CSV into TRADE rows, by the columns of a plan.

CsvFile cuts a file into LineBatches and hands them here, as Kafka values go to the other decoders. Prices and sizes are
read exactly, from their decimal text. A line that can't be used is refused by itself, as it stood in the file. A column
named ``…_us``, ``…_ms``, ``…_ns`` or ``…_s`` says its own time unit; ISO 8601 is read as well. An empty cell counts as
an absent one, so an empty price is MISSING_FIELD, not BAD_VALUE.
"""

import re
from dataclasses import replace
from typing import Final

import numpy as np

from connectors.csv.dialect import Dialect, split_line
from connectors.csv.kernel import Marks, commas_to_points, keep_lines, scan_lines
from connectors.values.cells import Cells
from connectors.values.column_plan import ColumnPlan, is_header
from connectors.values.constants import Constants
from connectors.values.fields import FIELD_COUNT
from connectors.values.read import Values
from connectors.values.rejecting import reject_bad
from schemas.columns import RawBatch, TradeBatch, TradeRow, TradeRows
from schemas.rejects import Reason

__all__ = ["CsvDecoder"]

LINE_BYTES_MAX: Final = 1_000_000
_DECIMAL_COMMA: Final = re.compile(r"is '[-+]?\d*,\d+'$")
_THOUSANDS: Final = re.compile(r"is '[-+]?\d{1,3}(,\d{3})+(\.\d*)?'$")


class CsvDecoder:
    """A Decoder (see values.rejecting) of lines with the columns of ``plan``, written as ``dialect`` says."""

    def __init__(self, plan: ColumnPlan, dialect: Dialect = Dialect()) -> None:  # noqa: B008 - a constant
        self.plan = plan
        self._dialect = dialect
        self._marks = Marks(ord(dialect.delimiter), ord(dialect.quote))
        self.values = Values(plan.words, plan.time_unit)
        fields = {column: field for field, column in plan.columns.items()}
        self._columns = np.array([fields.get(column, -1) for column in range(len(plan.names))], np.int64)
        self._kept = np.zeros(256, np.bool_)
        if plan.kept is not None:
            column, values = plan.kept
            self._columns[column] = FIELD_COUNT
            self._kept[list(values.encode())] = True
        self._constants = Constants(plan.constants)
        self._doubled = dialect.quote.encode() * 2

    def decode(self, raw: RawBatch) -> TradeBatch:
        """Trades and rejects of ``raw``, not validated."""
        rows, text = self.decode_rows(raw)
        return self.finish(raw, rows, text)

    def decode_rows(self, raw: RawBatch) -> tuple[TradeRows, bytes]:
        """TRADE[len(raw)] with reason codes, and their text: ``raw.data``, unless more had to be put there."""
        cells = self._cells(raw)
        data = self._pointed(raw.data, cells)
        batch = replace(raw, data=self._constants.put(data, cells))
        return cells.to_rows(batch, self.values, lambda text: text.replace(self._doubled, self._doubled[:1]))

    def unseen_fields(self) -> list[str]:
        """None: a file that lacks a column which the field map names isn't opened."""
        return []

    def finish(self, raw: RawBatch, rows: TradeRows, text: bytes) -> TradeBatch:
        return self.values.count(reject_bad(raw, rows, text, self.explain))

    def split(self, line: bytes) -> list[str]:
        """The cells of one line, for messages and for headers that come again."""
        text = line.decode(errors="backslashreplace").removeprefix("\ufeff")
        return split_line(text, self._dialect.delimiter, self._dialect.quote)

    def _cells(self, raw: RawBatch) -> Cells:
        cells, data = Cells(len(raw), more=self.plan.kept is not None), np.frombuffer(raw.data, np.uint8)
        scan_lines(data, np.asarray(raw.ends, np.int64), LINE_BYTES_MAX, self._marks, self._columns, cells.arrays)
        if self.plan.kept is not None:
            keep_lines(data, cells.arrays, self._kept)
        return cells

    def _pointed(self, data: bytes, cells: Cells) -> bytes:
        """``data`` with points in place of decimal commas, in the cells of numbers alone."""
        if not self._dialect.decimal_comma:
            return data
        pointed = np.frombuffer(data, np.uint8).copy()
        commas_to_points(pointed, cells.arrays)
        return pointed.tobytes()

    def explain(self, raw: RawBatch, index: int, row: TradeRow, _: bytes) -> str:
        """What is wrong with a refused line, for a person."""
        value, reason = raw.value(index), Reason(int(row["reason"]))
        if reason is Reason.TOO_LARGE and len(value) > LINE_BYTES_MAX:
            return f"a line of {len(value)} bytes"
        found = [cell.casefold() for cell in self.split(value)] if len(value) <= LINE_BYTES_MAX else []
        if found == [name.casefold() for name in self.plan.names]:
            return "the header again"
        if reason is Reason.NO_TRADE:
            return _no_trade(self.plan, found)
        if reason is Reason.CORRUPT:
            count = len(found)
            return f"{count} columns or a quote that isn't closed, where the header has {len(self._columns)}"
        ends, zero = np.array([len(value)], np.int64), np.zeros(1, np.int64)
        cells = self._cells(RawBatch("", 0, value, ends, zero, zero, (None,)))
        if reason is not Reason.TOO_LARGE and is_header(found, self.plan.names):
            return "a header of other columns, which hold from here on"
        value = self._constants.put(self._pointed(value, cells), cells)
        told = cells.explain(value, reason, self.plan.paths, self.values)
        return told + _hint(told)


def _hint(told: str) -> str:
    """What a user of files can do about it."""
    if told.endswith("isn't UTF-8"):
        return ": name the file's --encoding, such as latin-1"
    if _THOUSANDS.search(told):
        return ": commas between thousands aren't read"
    return ": a comma as decimal sign is read with --decimal-comma" if _DECIMAL_COMMA.search(told) else ""


def _no_trade(plan: ColumnPlan, cells: list[str]) -> str:
    assert plan.kept is not None
    column, values = plan.kept
    return f"{plan.names[column]} is {cells[column]!r}; trades have {' or '.join(values)}"
