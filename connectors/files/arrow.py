"""Reads Parquet files, Arrow files (Feather) and Arrow streams, by columns.

TradeFile gives the unpacked file. Only columns that a field is read from are decoded, so that nothing in others can
stop the file; one batch of rows is in memory at a time, and where the format allows, one page of a column. Damage
raises InputError.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.arrow.rows import ArrowDecoder
from connectors.files.csv import plan_by_names
from connectors.files.magic import Content
from connectors.files.places import FilePlace
from connectors.files.unpacking import UnpackedFile
from connectors.values.column_plan import ColumnPlan, FileOptions, refuse_options
from connectors.values.rejecting import Decoder
from schemas.columns import RawBatch, TradeRows
from schemas.errors import InputError

__all__ = ["ArrowFile"]

_DAMAGE: Final = (pa.ArrowException, OSError, ValueError)


class ArrowFile:
    """A table of columns. Raises InputError when it is damaged or no plan of columns fits."""

    def __init__(self, opened: UnpackedFile, options: FileOptions, place: FilePlace) -> None:
        self._content = opened.content
        self._place = place
        refuse_options(
            options, ("--columns", "--encoding", "--decimal-comma"), f"{self._content.value} files", place.name
        )
        with self._reading(f"not a whole {self._content.value} file, or damaged"):
            source = self._open(opened)
            schema = source.schema_arrow if self._content is Content.PARQUET else source.schema
        plan = plan_by_names(schema.names, options, place, [_sample_of(kind) for kind in schema.types])
        self._decoder = ArrowDecoder(plan, schema)
        self.plan: ColumnPlan = self._decoder.plan
        self.rows_total: int | None = None
        if self._content is Content.PARQUET:
            self.rows_total = source.metadata.num_rows
        self._source = source if place.is_once else None

    def describe(self) -> str:
        """What was taken for granted, in words."""
        return f"{self._content.value}; {self.plan.describe()}"

    def decoded(self, opened: UnpackedFile, records_max: int) -> Iterator[tuple[RawBatch, Decoder, TradeRows, bytes]]:
        """Every row, in order."""
        row = 0
        for part in self._parts(opened, records_max):
            for start in range(0, part.num_rows, records_max):
                raw = self._decoder.raw_rows(part.slice(start, records_max), self._place.base_name, row)
                rows, text = self._decoder.decode_rows(raw)
                yield raw, self._decoder, rows, text
                row += len(raw)

    def _parts(self, opened: UnpackedFile, records_max: int) -> Iterator[Any]:
        """Record batches of the wanted columns."""
        wanted = [self.plan.names[column] for column in self._decoder.wanted]
        what = f"the {self._content.value} file is cut short or damaged"
        with self._reading(what):
            source = self._source or self._open(opened)
            if self._content is Content.PARQUET:
                parts = source.iter_batches(records_max, columns=wanted, use_threads=False)
            elif self._content is Content.ARROW_FILE:
                parts = (source.get_batch(number) for number in range(source.num_record_batches))
            else:
                parts = iter(source)
        while True:
            with self._reading(what):
                part = next(parts, None)
                if part is None:
                    return
                part = part.select(wanted)
            yield part

    def _open(self, opened: UnpackedFile) -> Any:
        if self._content is Content.ARROW_STREAM:
            return pa.ipc.open_stream(pa.PythonFile(opened.stream, "r"))
        is_plain = not opened.packings and not self._place.is_once
        file: str | IO[bytes] = str(self._place.path.absolute()) if is_plain else opened.spooled()
        if self._content is Content.PARQUET:
            return pq.ParquetFile(file)
        return pa.ipc.open_file(pa.memory_map(file) if is_plain else pa.PythonFile(file, "r"))

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """Turns what Arrow raises into an InputError."""
        try:
            yield
        except InputError:
            raise
        except _DAMAGE as error:
            raise InputError(what, where=self._place.name) from error


def _sample_of(kind: Any) -> str:
    """A value of a type as text, by which layouts with the same names are told apart."""
    if pa.types.is_timestamp(kind):
        return "2000-01-01T00:00:00"
    return (
        "1" if pa.types.is_integer(kind) else "1.5" if pa.types.is_floating(kind) or pa.types.is_decimal(kind) else ""
    )
