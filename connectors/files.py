"""Reads trades from files: CSV, gzipped or not, and Parquet, as batches in file order.

``tapeflow bars``, ``produce`` and the tests open a TradeFile. Law: every row of the file becomes a trade or a Reject,
with its row number (from 0) as offset, and only some megabytes of the file are in memory at a time. What is wrong
with the file itself (missing, not gzip, cut short, columns missing) is one InputError. The surprise: Parquet rows
become lines of CSV on the way, so that there is one reader of text, and a refused row can be shown.
"""

import gzip
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Container, Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Final

import numpy as np

from connectors.csv import CsvDecoder, LineBatch
from connectors.csv_kernel import cut_lines
from schemas.columns import NO_TIMESTAMP, Rows, TradeBatch
from schemas.errors import InputError

__all__ = ["TradeFile", "read_trades"]

_CHUNK_BYTES: Final = 4 * 2**20
_LINE_BYTES_MAX: Final = 64 * 2**20
_DELIMITERS: Final = ",;\t|"

Validate = Callable[[Rows, bytes], None]
"""Sets ``reason`` of rows (TRADE) that break a rule; see core.validation."""


class TradeFile:
    """One file of trades. ``batches`` gives its lines, ``decoder`` makes trades of them.

    path: ``.parquet`` is Parquet, everything else CSV with a header, gzipped when it ends in ``.gz``.
    field_map, time_unit: see CsvDecoder. Raises InputError at once when the file can't be read as trades.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        field_map: Mapping[str, str] | None = None,
        time_unit: str = "auto",
        batch_records_max: int = 20_000,
    ) -> None:
        self.path = Path(path)
        self._batch_records_max = batch_records_max
        if not self.path.is_file():
            raise InputError("no such file" if not self.path.exists() else "not a file", where=str(self.path))
        if self.path.suffix == ".parquet":
            header, delimiter = _parquet_columns(self.path), ","
        else:
            header, delimiter = self._header()
        self.decoder = CsvDecoder(header, delimiter, field_map, time_unit, where=str(self.path))

    def batches(self) -> Iterator[LineBatch]:
        """The rows, in order; raises InputError where the file turns out to be cut short."""
        row = 0
        is_parquet = self.path.suffix == ".parquet"
        chunks = _parquet_lines(self.path, self.decoder.wanted) if is_parquet else self._chunks()
        rest = b""
        for chunk, last in chunks:
            data, at = rest + chunk if rest else chunk, 0
            count = self._batch_records_max
            while count == self._batch_records_max:
                ends = np.empty(self._batch_records_max, np.int64)
                count = int(cut_lines(np.frombuffer(data, np.uint8)[at:], ends, last))
                if count:
                    used = int(ends[count - 1])
                    yield self._batch(data[at : at + used], ends[:count], row)
                    at, row = at + used, row + count
            # Line feeds left over end blank lines, any number of which may stand between two rows.
            rest = data[max(at, data.rfind(b"\n") + 1) :]
            if len(rest) > _LINE_BYTES_MAX:
                raise InputError(f"a line of more than {len(rest)} bytes", where=str(self.path), mend="is it a CSV?")

    def _batch(self, data: bytes, ends: Rows, row: int) -> LineBatch:
        count = len(ends)
        return LineBatch(
            topic=self.path.name,
            partition=0,
            data=data,
            ends=ends,
            offsets=np.arange(row, row + count),
            timestamps_ms=np.full(count, NO_TIMESTAMP, np.int64),
            keys=[None] * count,
        )

    def _open(self) -> BufferedReader | gzip.GzipFile:
        return gzip.open(self.path, "rb") if self.path.suffix == ".gz" else self.path.open("rb")

    def _header(self) -> tuple[list[str], str]:
        """Column names and the delimiter: whichever of , ; tab | is most frequent in the first line."""
        with self._reading(), self._open() as file:
            line = file.readline(1_000_000).removeprefix(BOM_UTF8)
            is_empty = not line.strip() and not file.read(_CHUNK_BYTES).strip()
        if is_empty:
            raise InputError("the file is empty", where=str(self.path))
        if not line.strip():
            raise InputError("the first line is blank", where=str(self.path), mend="begin with the names of columns")
        try:
            text = line.decode().strip("\r\n")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise InputError("not a text file", where=str(self.path), mend="give CSV, CSV.gz or Parquet")
        delimiter = max(_DELIMITERS, key=text.count)
        return [name.strip().strip('"') for name in text.split(delimiter)], delimiter

    def _chunks(self) -> Iterator[tuple[bytes, bool]]:
        """(bytes behind the header, whether they are the last)."""
        with self._reading(), self._open() as file:
            file.readline()
            chunk = file.read(_CHUNK_BYTES)
            while chunk:
                following = file.read(_CHUNK_BYTES)
                yield chunk, not following
                chunk = following

    def _reading(self) -> "_Reading":
        return _Reading(self.path)


class _Reading:
    """Turns what reading a broken file raises into an InputError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, gzip.BadGzipFile) and not self._begins_as_gzip():
            raise InputError("not a gzip file", where=str(self._path), mend="rename it") from error
        if isinstance(error, gzip.BadGzipFile):
            what = "the gzip file is damaged, or other bytes follow its end"
            raise InputError(what, where=str(self._path), mend="gzip -t tests it") from error
        if isinstance(error, EOFError | zlib.error):
            raise InputError("the gzip file is cut short or damaged", where=str(self._path)) from error
        if isinstance(error, OSError):
            raise InputError(f"can't be read: {error.strerror}", where=str(self._path)) from error

    def _begins_as_gzip(self) -> bool:
        with self._path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"


def _parquet_columns(path: Path) -> list[str]:
    # Imported here, as loading it takes longer than reading most CSV files.
    from connectors.parquet import parquet_columns  # noqa: PLC0415

    return parquet_columns(path)


def _parquet_lines(path: Path, wanted: Container[str]) -> Iterator[tuple[bytes, bool]]:
    from connectors.parquet import parquet_lines  # noqa: PLC0415

    return parquet_lines(path, wanted)


def read_trades(file: TradeFile, validate: Validate | None = None) -> Iterator[TradeBatch]:
    """The trades and rejects of a file, in order, validated if ``validate`` is given."""
    for raw in file.batches():
        rows, text = file.decoder.decode_rows(raw)
        if validate:
            validate(rows, text)
        yield file.decoder.finish(raw, rows, text)
