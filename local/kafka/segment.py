"""One file of a partition's log: record batches, as producers framed them, one after the other.

``log`` appends to the newest segment and reads from any. A batch is in the file as a whole or not at all: what a kill
left half-written at the end is cut off when the file is opened. There is no index file. The index is rebuilt from the
61-byte batch heads at the start, which reads a few bytes per batch and can't disagree with the data.
"""

import os
import struct
import weakref
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["HEAD_BYTES", "BatchHead", "Extent", "Segment", "read_head"]

HEAD_BYTES: Final = 61
_LENGTH_FROM: Final = 12
"""The length field counts what follows it: offset (8) and length (4) come before."""
_HEAD: Final = struct.Struct(">qiibIhiqqqhii")


@dataclass(frozen=True, slots=True)
class BatchHead:
    """The head of a record batch (magic 2). ``size`` counts the whole batch; times are ms since the epoch."""

    base_offset: int
    size: int
    magic: int
    last_delta: int
    base_timestamp_ms: int
    max_timestamp_ms: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    count: int


def read_head(data: bytes | memoryview) -> BatchHead:
    """The head from the first ``HEAD_BYTES`` bytes of a batch."""
    base, length, _, magic, _, _, last, first_ms, max_ms, producer, epoch, sequence, count = _HEAD.unpack_from(data)
    return BatchHead(base, length + _LENGTH_FROM, magic, last, first_ms, max_ms, producer, epoch, sequence, count)


@dataclass(frozen=True, slots=True)
class Extent:
    """A piece of a segment's file that holds whole batches; empty when ``size`` is 0."""

    segment: "Segment"
    position: int
    size: int


class Segment:
    """``path`` is named after the first offset it may hold. Not locked: its log is."""

    def __init__(self, path: Path, base_offset: int) -> None:
        self.path = path
        self.base_offset = base_offset
        self.end_offset = base_offset
        # Held open as long as anyone refers to the segment, also after its path is gone.
        self.fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        weakref.finalize(self, os.close, self.fd)
        self.size = 0
        self._offsets = array("q")
        self._positions = array("q")
        self._max_timestamps_ms = array("q")

    @classmethod
    def open(cls, path: Path, base_offset: int) -> "tuple[Segment, list[BatchHead]]":
        """The segment of an existing file, and the heads of its batches; a torn end is cut off."""
        segment = cls(path, base_offset)
        length = os.fstat(segment.fd).st_size
        heads: list[BatchHead] = []
        while segment.size + HEAD_BYTES <= length:
            head = read_head(os.pread(segment.fd, HEAD_BYTES, segment.size))
            if head.magic != 2 or head.base_offset < segment.end_offset or segment.size + head.size > length:
                break
            segment._index(head)
            heads.append(head)
        if segment.size < length:
            os.truncate(path, segment.size)
        return segment, heads

    def _index(self, head: BatchHead) -> None:
        self._offsets.append(head.base_offset)
        self._positions.append(self.size)
        self._max_timestamps_ms.append(head.max_timestamp_ms)
        self.size += head.size
        self.end_offset = head.base_offset + head.last_delta + 1

    def append(self, head: BatchHead, batch: memoryview) -> None:
        """Write one batch, whose bytes already carry ``head.base_offset``."""
        left = batch
        try:
            while left:
                left = left[os.write(self.fd, left) :]
        except OSError:
            os.truncate(self.path, self.size)
            raise
        self._index(head)

    def extent(self, offset: int, size_max: int) -> Extent:
        """Whole batches from the one that holds ``offset`` on, up to ``size_max`` bytes but at least one."""
        first = max(bisect_right(self._offsets, offset) - 1, 0)
        start = self._positions[first] if self._positions else 0
        if start == self.size:
            return Extent(self, start, 0)
        if self.size - start <= size_max:
            return Extent(self, start, self.size - start)
        behind = bisect_right(self._positions, start + size_max) - 1
        after = max(behind, first + 1)
        end = self._positions[after] if after < len(self._positions) else self.size
        return Extent(self, start, end - start)

    def first_at(self, timestamp_ms: int) -> tuple[int, int] | None:
        """(offset, its batch's greatest time) of the first batch that reaches ``timestamp_ms``."""
        for index, max_timestamp_ms in enumerate(self._max_timestamps_ms):
            if max_timestamp_ms >= timestamp_ms:
                return self._offsets[index], max_timestamp_ms
        return None
