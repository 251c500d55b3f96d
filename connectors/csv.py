"""Decodes lines of CSV into TRADE rows, by the columns that a header names.

TradeFile cuts a file into LineBatches and hands them here, as Kafka values go to the other decoders.
Law: prices and sizes are read from their decimal text, exactly; a line that can't be used is refused by itself, as it
stood in the file. A column named ``…_us``, ``…_ms``, ``…_ns`` or ``…_s`` says its own time unit; ISO 8601 is read
as well. The surprise: an empty cell is an absent one, so an empty price is MISSING_FIELD, not BAD_VALUE.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from connectors.cells import Cells
from connectors.csv_kernel import scan_lines
from connectors.fields import REQUIRED, TIME_UNITS, Field, field_paths, time_unit_code
from connectors.rejecting import reject_bad
from schemas.columns import RawBatch, Rows, TradeBatch
from schemas.errors import InputError
from schemas.rejects import Reason

__all__ = ["EVENT_TIME_COLUMN", "CsvDecoder", "LineBatch"]

EVENT_TIME_COLUMN: Final = "event_time_us"
LINE_BYTES_MAX: Final = 1_000_000


class LineBatch(RawBatch):
    """Lines of a file: ``offsets`` are row numbers from 0, ``topic`` is the file's name. A value is its line, bare."""

    __slots__ = ()

    def value(self, index: int) -> bytes:
        return RawBatch.value(self, index).rstrip(b"\r\n").rpartition(b"\n")[2].lstrip(b"\r")


class CsvDecoder:
    """A Decoder (see connectors.rejecting) of lines that have the columns of ``header``.

    field_map: our field name -> their column, by default our own name (event_time: ``event_time_us``).
    time_unit: of a time column whose name doesn't say its unit. Raises InputError, naming ``where``, when a required
    column is missing or stands twice. ``wanted``: the columns that fields are read from.
    """

    def __init__(
        self,
        header: Sequence[str],
        delimiter: str = ",",
        field_map: Mapping[str, str] | None = None,
        time_unit: str = "auto",
        where: str = "",
    ) -> None:
        paths = field_paths(field_map or {}, {Field.EVENT_TIME: EVENT_TIME_COLUMN})
        if EVENT_TIME_COLUMN not in header and "event_time" in header and "event_time" not in (field_map or {}):
            paths = field_paths(field_map or {})
        self._paths = {theirs: field for theirs, field in paths.items() if theirs in header}
        self.wanted = frozenset(self._paths)
        missing = [theirs for theirs, field in paths.items() if REQUIRED >> field & 1 and theirs not in header]
        if missing:
            raise InputError(
                f"no column {', '.join(missing)}",
                where=where,
                mend=f"map it by field_map; the columns are {', '.join(header)[:200]}",
            )
        twice = [theirs for theirs in self._paths if list(header).count(theirs) > 1]
        if twice:
            raise InputError(f"column {', '.join(twice)} stands twice", where=where)
        self._columns = np.array([self._paths.get(name, -1) for name in header], np.int64)
        self._delimiter = ord(delimiter)
        time_column = next(theirs for theirs, field in self._paths.items() if field is Field.EVENT_TIME)
        self._time_unit = TIME_UNITS.get(time_column.rpartition("_")[2], time_unit_code(time_unit))

    def decode(self, raw: RawBatch) -> TradeBatch:
        """Trades and rejects of ``raw``, not validated."""
        rows, text = self.decode_rows(raw)
        return self.finish(raw, rows, text)

    def decode_rows(self, raw: RawBatch) -> tuple[Rows, bytes]:
        """TRADE[len(raw)] with reason codes, and their text: ``raw.data``, unless cells had doubled quotes in them."""
        return self._cells(raw).to_rows(raw, self._time_unit, lambda text: text.replace(b'""', b'"'))

    def finish(self, raw: RawBatch, rows: Rows, text: bytes) -> TradeBatch:
        return reject_bad(raw, rows, text, self._explain)

    def _cells(self, raw: RawBatch) -> Cells:
        cells = Cells(len(raw))
        scan_lines(
            np.frombuffer(raw.data, np.uint8),
            np.asarray(raw.ends, np.int64),
            LINE_BYTES_MAX,
            self._delimiter,
            self._columns,
            cells.at,
            cells.length,
            cells.reasons,
        )
        return cells

    def _explain(self, raw: RawBatch, index: int, row: Rows, _: bytes) -> str:
        value, reason = raw.value(index), Reason(int(row["reason"]))
        if reason is Reason.CORRUPT:
            found = value.count(chr(self._delimiter).encode()) + 1
            return f"{found} columns or a quote that isn't closed, where the header has {len(self._columns)}"
        if reason is Reason.TOO_LARGE and len(value) > LINE_BYTES_MAX:
            return f"a line of {len(value)} bytes"
        ends, zero = np.array([len(value)], np.int64), np.zeros(1, np.int64)
        cells = self._cells(RawBatch("", 0, value, ends, zero, zero, (None,)))
        return cells.explain(value, reason, self._paths, self._time_unit)
