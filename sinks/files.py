"""Writes bars and refused records as files: CSV (.gz too) or Parquet by the name's ending, CSV to standard output.

``tapeflow bars`` hands in BarBatches and Rejects as the flow makes them. A file appears whole or not at all: it is
written beside its place and moved there. Bars are sorted by symbol, interval and start, and decimals are plain, with no
digit lost. Bars are kept until the end, because a late trade may still revise the first one. Only the last revision of
a bar is written.
"""

import csv
import gzip
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Generic, TextIO, TypeVar

import numpy as np
import polars as pl
from bytewax.outputs import DynamicSink, StatelessSinkPartition

from kernels.decimal_text import QUOTE_SCALE, SCALE, texts_i128, texts_u256
from schemas.columns import BAR, BarBatch, BarRows
from schemas.errors import InputError
from schemas.intervals import INTERVALS
from schemas.rejects import Reject

__all__ = ["BAR_COLUMNS", "REJECT_COLUMNS", "BarTable", "RejectTable", "TableSink", "check_output"]

STDOUT: Final = "-"
BAR_COLUMNS: Final = (
    *("symbol", "interval", "start_ms", "open", "high", "low", "close", "volume", "quote_volume", "vwap"),
    *("trade_count", "buy_volume", "revision", "final"),
)
REJECT_COLUMNS: Final = ("reason", "detail", "file", "row", "record")
PARQUET_TYPES: Final = {
    "start_ms": pl.Int64(),
    **{name: pl.Decimal(38, SCALE) for name in ("open", "high", "low", "close", "volume", "vwap", "buy_volume")},
    "quote_volume": pl.Decimal(38, QUOTE_SCALE),
    "trade_count": pl.Int64(),
    "revision": pl.Int32(),
    "row": pl.Int64(),
}
Columns = Mapping[str, Sequence[str]]
Place = Callable[[Reject], tuple[str, int]]
Item = TypeVar("Item")


def check_output(path: str) -> None:
    """Raise InputError when nothing could be written at ``path``, before any work is done for it."""
    if path == STDOUT:
        return
    target = Path(path)
    if target.is_dir():
        raise InputError("can't write: it is a folder", where=path, mend="give the name of a file")
    if not target.parent.is_dir():
        raise InputError("can't write: no such folder", where=str(target.parent), mend="make it first")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise InputError("can't write: no permission", where=path, mend="choose another place")


class TableSink(DynamicSink[Item], Generic[Item]):
    """Hands each item to ``add`` of a table; the command writes the table when the flow has ended well."""

    def __init__(self, add: Callable[[Item], None]) -> None:
        self._add = add

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_TablePart[Item]":  # noqa: ARG002
        return _TablePart(self._add)


class _TablePart(StatelessSinkPartition[Item], Generic[Item]):
    def __init__(self, add: Callable[[Item], None]) -> None:
        self._add = add

    def write_batch(self, items: list[Item]) -> None:
        for item in items:
            self._add(item)


class BarTable:
    """Bars of the chosen ``intervals`` (indices into INTERVALS), the newest revision of each."""

    def __init__(self, intervals: Iterable[int]) -> None:
        self._wanted = np.zeros(len(INTERVALS), bool)
        self._wanted[list(intervals)] = True
        self._names: dict[str, int] = {}
        self._parts: list[BarRows] = []

    def add(self, batch: BarBatch) -> None:
        rows = batch.rows[self._wanted[batch.rows["interval"]]]
        if not len(rows):
            return
        codes = np.array([self._names.setdefault(name, len(self._names)) for name in batch.symbols], np.int32)
        rows["symbol"] = codes[rows["symbol"]]
        self._parts.append(rows)

    def write(self, path: str) -> int:
        """Write the table and give its number of bars."""
        rows = self._sorted()
        _write(path, BAR_COLUMNS, bar_columns(list(self._names), rows))
        return len(rows)

    def _sorted(self) -> BarRows:
        rows = np.concatenate(self._parts) if self._parts else np.zeros(0, BAR)
        names = list(self._names)
        rank = np.empty(len(names), np.int64)
        rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
        symbols = rank[rows["symbol"]]
        # Stable: of equal keys the last is the newest revision.
        order = np.lexsort((rows["start_us"], rows["interval"], symbols))
        rows, symbols = rows[order], symbols[order]
        same = (
            (symbols[1:] == symbols[:-1])
            & (rows["interval"][1:] == rows["interval"][:-1])
            & (rows["start_us"][1:] == rows["start_us"][:-1])
        )
        newest: BarRows = rows[np.r_[~same, True][: len(rows)]]
        return newest


class RejectTable:
    """Refused records in the order of reading; ``place`` tells the file and the row (from 1) of a reject.

    is_wanted: whether they are kept at all, as a file may be all refused records and no end of them.
    """

    def __init__(self, place: Place, *, is_wanted: bool = True) -> None:
        self._place = place
        self._is_wanted = is_wanted
        self._rejects: list[Reject] = []

    def add(self, reject: Reject) -> None:
        if self._is_wanted:
            self._rejects.append(reject)

    def write(self, path: str) -> int:
        """Write the table and give its number of records."""
        places = [self._place(each) for each in self._rejects]
        columns = {
            "reason": [each.reason.label for each in self._rejects],
            "detail": [each.detail for each in self._rejects],
            "file": [file for file, _ in places],
            "row": [str(row) for _, row in places],
            "record": [(each.value or b"").decode("utf-8", "backslashreplace") for each in self._rejects],
        }
        _write(path, REJECT_COLUMNS, columns)
        return len(self._rejects)


def bar_columns(names: Sequence[str], rows: BarRows) -> Columns:
    """Every column of the file as text, an absent vwap as the empty text."""

    priced = {
        name: texts_i128(rows[f"{name}_hi"], rows[f"{name}_lo"])
        for name in ("open", "high", "low", "close", "volume", "vwap", "buy_volume")
    }
    present = rows["has_vwap"].tolist()
    return {
        **priced,
        "symbol": [names[index] for index in rows["symbol"].tolist()],
        "interval": [INTERVALS[index].name for index in rows["interval"].tolist()],
        "start_ms": [str(start_us // 1000) for start_us in rows["start_us"].tolist()],
        "quote_volume": texts_u256(rows["quote_volume"]),
        "vwap": [text if there else "" for text, there in zip(priced["vwap"], present, strict=True)],
        "trade_count": [str(count) for count in rows["trade_count"].tolist()],
        "revision": [str(revision) for revision in rows["revision"].tolist()],
        "final": ["true" if final else "false" for final in rows["final"].tolist()],
    }


def _write(path: str, names: Sequence[str], columns: Columns) -> None:
    if path == STDOUT:
        _write_csv(sys.stdout, names, columns)
        sys.stdout.flush()
    elif path.lower().endswith((".parquet", ".pq")):
        frame = _frame(path, names, columns)
        with _in_place_of(path) as beside:
            frame.write_parquet(beside)
    else:
        with _in_place_of(path) as beside, _open_text(beside, path.lower().endswith(".gz")) as file:
            _write_csv(file, names, columns)


def _write_csv(file: TextIO, names: Sequence[str], columns: Columns) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*(columns[name] for name in names), strict=True))


def _frame(path: str, names: Sequence[str], columns: Columns) -> pl.DataFrame:
    frame = pl.DataFrame({name: columns[name] for name in names}, schema=dict.fromkeys(names, pl.String()))
    typed = [
        pl.col(name).replace("", None).cast(PARQUET_TYPES[name], strict=True) for name in names if name in PARQUET_TYPES
    ]
    if "final" in names:
        typed.append(pl.col("final") == "true")
    try:
        return frame.with_columns(typed)
    except pl.exceptions.InvalidOperationError:
        raise InputError("a sum has more than Parquet's 38 digits", where=path, mend="write .csv instead") from None


@contextmanager
def _in_place_of(path: str) -> Iterator[str]:
    """A name to write to; moved to ``path`` once the block has ended well. Pipes and devices are written directly."""
    target = Path(path)
    direct = target.exists() and not stat.S_ISREG(target.stat().st_mode)
    beside = target if direct else target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield str(beside)
        if not direct:
            beside.replace(target)
    except OSError as error:
        raise InputError(f"can't write: {error.strerror}", where=path, mend="choose another place") from None
    finally:
        if not direct:
            beside.unlink(missing_ok=True)


@contextmanager
def _open_text(path: str, packed: bool) -> Iterator[TextIO]:
    # mtime=0: the same bars give the same bytes.
    if packed:
        with (
            Path(path).open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped,
            io.TextIOWrapper(zipped, "utf-8", newline="") as text,
        ):
            yield text
    else:
        with Path(path).open("w", encoding="utf-8", newline="") as text:
            yield text
