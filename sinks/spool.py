"""Rows of one partition, appended to files that can be cut back to where a snapshot was.

A replay keeps here what doesn't fit memory: bars on their way to a file or a comparison, and the states of sealed bars.
What ``length`` counts is on disk when it returns. ``cut`` forgets everything behind a length that was returned before,
so a repeat after a kill leaves no row twice. Files hold raw bytes of NumPy rows, as only this program reads them, and
only on the machine that wrote them.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from schemas.closing import quietly
from schemas.columns import BAR, BarBatch, Rows
from schemas.errors import StateIncompatible
from schemas.shards import part_names, partition_of
from schemas.storage import writing

__all__ = ["BarSpoolSink", "RowSpool", "spooled_bars"]

PIECE_ROWS: Final = 100_000


class RowSpool:
    """One file of rows of one dtype."""

    def __init__(self, path: Path, dtype: np.dtype[np.void], length: int = 0) -> None:
        """Open at ``length`` rows; raises StateIncompatible when the file holds fewer."""
        self._path, self._dtype = path, dtype
        # Opened for appending as well: a file that isn't there is an empty one.
        with writing(path):
            self._file = path.open("ab")
        there = self._file.tell() // dtype.itemsize
        if there < length:
            self._file.close()
            raise StateIncompatible(
                f"{length} rows were kept, {there} are left", where=str(path), mend="remove the folder and start again"
            )
        with writing(path):
            self._file.truncate(length * dtype.itemsize)
        self._rows = length

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: Rows) -> None:
        if len(rows):
            with writing(self._path):
                self._file.write(np.ascontiguousarray(rows).data)
            self._rows += len(rows)

    def length(self) -> int:
        """Rows so far, all of them on disk."""
        with writing(self._path):
            self._file.flush()
            os.fdatasync(self._file.fileno())
        return self._rows

    def pieces(self) -> Iterator[Rows]:
        """Every row, some at a time."""
        with writing(self._path):
            self._file.flush()
        yield from read_pieces(self._path, self._dtype)

    def close(self) -> None:
        self._file.close()


def read_pieces(path: Path, dtype: np.dtype[np.void]) -> Iterator[Rows]:
    with path.open("rb") as file:
        while data := file.read(PIECE_ROWS * dtype.itemsize):
            yield np.frombuffer(data, dtype)


class BarSpoolSink(FixedPartitionedSink[BarBatch, tuple[int, int]]):
    """Items: (shard key, BarBatch). A partition's batches must share one growing list of symbols."""

    def __init__(self, folder: Path, partitions: int) -> None:
        self._folder, self._partitions = folder, partitions

    def list_parts(self) -> list[str]:
        return part_names(self._partitions)

    def part_fn(self, item_key: str) -> int:
        return partition_of(item_key)

    def build_part(
        self,
        step_id: str,  # noqa: ARG002
        for_part: str,
        resume_state: tuple[int, int] | None,
    ) -> "_SpoolPart":
        return _SpoolPart(self._folder, int(for_part), *(resume_state or (0, 0)))


class _SpoolPart(StatefulSinkPartition[BarBatch, tuple[int, int]]):
    def __init__(self, folder: Path, partition: int, rows: int, names: int) -> None:
        self._rows = RowSpool(_rows_path(folder, partition), BAR, rows)
        self._path = path = _names_path(folder, partition)
        kept = path.read_text("utf-8").splitlines(keepends=True)[:names] if names else []
        with writing(path):
            path.write_text("".join(kept), "utf-8")
            self._names = path.open("a", encoding="utf-8")
        self._named = names

    def write_batch(self, values: list[BarBatch]) -> None:
        for batch in values:
            # Symbols hold neither line ends nor spaces, by the rule that made them valid.
            with writing(self._path):
                self._names.writelines(f"{name}\n" for name in batch.symbols[self._named :])
            self._named = max(self._named, len(batch.symbols))
            self._rows.append(batch.rows)

    def snapshot(self) -> tuple[int, int]:
        with writing(self._path):
            self._names.flush()
        return self._rows.length(), self._named

    def close(self) -> None:
        with quietly("names of spooled bars"):
            self._names.close()
        with quietly("spooled bars"):
            self._rows.close()


def spooled_bars(folder: Path, partition: int) -> BarBatch:
    """The newest version of every bar that a finished BarSpoolSink holds of a partition."""
    path = _rows_path(folder, partition)
    pieces = list(read_pieces(path, BAR)) if path.exists() else []
    if not pieces:
        return BarBatch((), np.zeros(0, BAR))
    rows = np.concatenate(pieces)
    keys = (rows["revision"], rows["version"], rows["start_us"], rows["interval"], rows["symbol"])
    rows = rows[np.lexsort(keys)]
    same = np.ones(len(rows) - 1, bool)
    for name in ("symbol", "interval", "start_us"):
        same &= rows[name][1:] == rows[name][:-1]
    names: Sequence[str] = _names_path(folder, partition).read_text("utf-8").splitlines()
    return BarBatch(names, rows[np.r_[~same, True]])


def _rows_path(folder: Path, partition: int) -> Path:
    return folder / f"bars-{partition}.rows"


def _names_path(folder: Path, partition: int) -> Path:
    return folder / f"bars-{partition}.names"
