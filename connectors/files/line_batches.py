"""Cuts a stream of text into batches of whole lines, with row numbers as offsets.

CSV and JSON files both go through here on their way to a decoder. A line ends at a line feed, a carriage return or
both; blank lines are no rows. Memory is bounded by one chunk and the longest line allowed, beyond which the file is
no table and InputError is raised.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from connectors.csv.kernel import cut_lines
from connectors.files.encodings import TextStream
from schemas.columns import NO_TIMESTAMP, Longs, RawBatch
from schemas.errors import InputError

__all__ = ["LineBatch", "cut_batches", "slice_batch"]

CHUNK_BYTES: Final = 4 * 2**20
LINE_BYTES_MAX: Final = 64 * 2**20


class LineBatch(RawBatch):
    """Lines of a file: ``offsets`` are row numbers from 0, ``topic`` is the file's name. A value is its line, bare."""

    __slots__ = ()

    def value(self, index: int) -> bytes:
        return RawBatch.value(self, index).rstrip(b"\r\n").rpartition(b"\n")[2].rpartition(b"\r")[2]


def cut_batches(stream: TextStream, name: str, where: str, records_max: int) -> Iterator[LineBatch]:
    """The lines that are left in ``stream``, the first one with offset 0."""
    row, rest = 0, b""
    for chunk, last in _chunks(stream):
        data, at = rest + chunk if rest else chunk, 0
        count = records_max
        while count == records_max:
            ends = np.empty(records_max, np.int64)
            count = int(cut_lines(np.frombuffer(data, np.uint8)[at:], ends, last))
            if count:
                used = int(ends[count - 1])
                yield _batch(name, data[at : at + used], ends[:count], row)
                at, row = at + used, row + count
        # Line ends left over end blank lines, any number of which may stand between two rows.
        rest = data[max(at, data.rfind(b"\n") + 1, data.rfind(b"\r", at) + 1) :]
        if len(rest) > LINE_BYTES_MAX:
            raise InputError(f"a line of more than {len(rest)} bytes", where=where, mend="is it a CSV?")


def slice_batch(raw: RawBatch, start: int, stop: int) -> LineBatch:
    """Records ``start`` to ``stop`` of a batch."""
    first = int(raw.ends[start - 1]) if start else 0
    last = int(raw.ends[stop - 1]) if stop else 0
    batch = _batch(raw.topic, raw.data[first:last], raw.ends[start:stop] - first, 0)
    batch.offsets = raw.offsets[start:stop]
    return batch


def _chunks(stream: TextStream) -> Iterator[tuple[bytes, bool]]:
    """(bytes, whether they are the last)."""
    chunk = stream.read(CHUNK_BYTES)
    while chunk:
        following = stream.read(CHUNK_BYTES)
        yield chunk, not following
        chunk = following


def _batch(name: str, data: bytes, ends: Longs, row: int) -> LineBatch:
    count = len(ends)
    return LineBatch(
        topic=name,
        partition=0,
        data=data,
        ends=ends,
        offsets=np.arange(row, row + count),
        timestamps_ms=np.full(count, NO_TIMESTAMP, np.int64),
        keys=[None] * count,
    )
