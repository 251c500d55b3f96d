"""The log of one partition: append record batches, read them from any offset, forget the oldest.

``topics`` holds one per partition, ``api`` writes and reads it. Offsets are dense and never reused, also across a
restart. A batch that a producer sends again after a lost answer is stored once. An answered batch survives kill -9 of
the broker (it is in the page cache), but not a power cut. Batches stay compressed and unopened from producer to
consumer, which is why a broker in Python keeps up with millions of records.
"""

import struct
import threading
from collections import deque
from pathlib import Path
from typing import Final

from local.kafka.segment import HEAD_BYTES, BatchHead, Extent, Segment, read_head

__all__ = ["BrokerError", "PartitionLog"]

OFFSET_OUT_OF_RANGE: Final = 1
CORRUPT_MESSAGE: Final = 2
MESSAGE_TOO_LARGE: Final = 10
OUT_OF_ORDER_SEQUENCE: Final = 45
INVALID_PRODUCER_EPOCH: Final = 47
UNSUPPORTED_FOR_MESSAGE_FORMAT: Final = 43

REMEMBERED: Final = 5
"""Batches per producer that a repeat is compared with: as many as a producer may have in flight."""


class BrokerError(Exception):
    """A Kafka error ``code`` for one topic or partition."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Producer:
    """What an idempotent producer last wrote here: (first sequence, count, base offset), newest last."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.batches: deque[tuple[int, int, int]] = deque(maxlen=REMEMBERED)


class PartitionLog:
    """``segment_bytes``: where a file ends; ``retention_bytes``: whole old files beyond it are dropped (0 = never)."""

    def __init__(self, folder: Path, *, segment_bytes: int, retention_bytes: int, batch_bytes_max: int) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._retention_bytes = retention_bytes
        self._batch_bytes_max = batch_bytes_max
        self._lock = threading.Lock()
        self._producers: dict[int, _Producer] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._segments: list[Segment] = []
        for path in sorted(folder.glob("*.log")):
            segment, heads = Segment.open(path, int(path.stem))
            self._segments.append(segment)
            for head in heads:
                self._remember(head)
        self._start_file = folder / "start"
        asked = int(self._start_file.read_text()) if self._start_file.exists() else 0
        if not self._segments:
            self._segments.append(self._new_segment(asked))
        self.start_offset = max(asked, self._segments[0].base_offset)

    def _new_segment(self, base_offset: int) -> Segment:
        return Segment(self._folder / f"{base_offset:020d}.log", base_offset)

    @property
    def end_offset(self) -> int:
        """The offset that the next record will get."""
        return self._segments[-1].end_offset

    # -- write

    def append(self, data: memoryview) -> int:
        """Store the batches in ``data`` (writable, it gets the offsets); the first one's base offset.

        Raises BrokerError: corrupt, too large, out of sequence.
        """
        first = -1
        with self._lock:
            while data:
                head = self._checked(data)
                batch, data = data[: head.size], data[head.size :]
                known = self._repeated(head)
                offset = self.end_offset if known is None else known
                if known is None:
                    self._store(head, batch)
                first = offset if first < 0 else first
        return first

    def _checked(self, data: memoryview) -> BatchHead:
        if len(data) < HEAD_BYTES:
            raise BrokerError(CORRUPT_MESSAGE)
        head = read_head(data)
        if head.magic != 2:
            raise BrokerError(UNSUPPORTED_FOR_MESSAGE_FORMAT)
        if head.size > self._batch_bytes_max:
            raise BrokerError(MESSAGE_TOO_LARGE)
        if not HEAD_BYTES <= head.size <= len(data) or head.count < 1 or head.last_delta != head.count - 1:
            raise BrokerError(CORRUPT_MESSAGE)
        return head

    def _store(self, head: BatchHead, batch: memoryview) -> None:
        offset = self.end_offset
        # Neither field is under the batch's checksum, so that a broker can set them.
        struct.pack_into(">q", batch, 0, offset)
        struct.pack_into(">i", batch, 12, 0)
        if self._segments[-1].size and self._segments[-1].size + head.size > self._segment_bytes:
            self._segments.append(self._new_segment(offset))
            self._drop_old()
        stored = read_head(batch)
        self._segments[-1].append(stored, batch)
        self._remember(stored)

    def _remember(self, head: BatchHead) -> None:
        if head.producer_id < 0:
            return
        producer = self._producers.get(head.producer_id)
        if producer is None or producer.epoch != head.producer_epoch:
            producer = self._producers[head.producer_id] = _Producer(head.producer_epoch)
        producer.batches.append((head.base_sequence, head.count, head.base_offset))

    def _repeated(self, head: BatchHead) -> int | None:
        """The base offset of a batch that is here already; BrokerError when one before it is missing."""
        producer = self._producers.get(head.producer_id)
        if head.producer_id < 0 or producer is None:
            return None
        if head.producer_epoch < producer.epoch:
            raise BrokerError(INVALID_PRODUCER_EPOCH)
        if head.producer_epoch > producer.epoch:
            return None
        for sequence, count, offset in producer.batches:
            if (sequence, count) == (head.base_sequence, head.count):
                return offset
        sequence, count, _ = producer.batches[-1]
        if head.base_sequence != (sequence + count) % (1 << 31):
            raise BrokerError(OUT_OF_ORDER_SEQUENCE)
        return None

    # -- read

    def read(self, offset: int, size_max: int) -> Extent:
        """Where whole batches from ``offset`` on stand; empty at the end. BrokerError for an offset not held."""
        with self._lock:
            if not self.start_offset <= offset <= self.end_offset:
                raise BrokerError(OFFSET_OUT_OF_RANGE)
            holding = self._segments[0]
            for segment in self._segments:
                if segment.base_offset > offset:
                    break
                holding = segment
            if offset >= holding.end_offset:
                return Extent(holding, holding.size, 0)
            return holding.extent(offset, size_max)

    def offset_at(self, timestamp_ms: int) -> tuple[int, int]:
        """(offset, time) where records of ``timestamp_ms`` or later begin, to the batch; (-1, -1) when there are
        none.
        """
        with self._lock:
            for segment in self._segments:
                found = segment.first_at(timestamp_ms)
                if found and segment.end_offset > self.start_offset:
                    return max(found[0], self.start_offset), found[1]
        return -1, -1

    # -- forget

    def delete_before(self, offset: int) -> int:
        """Forget every record below ``offset`` (-1: all of them); the new start."""
        with self._lock:
            wanted = self.end_offset if offset == -1 else offset
            if not 0 <= wanted <= self.end_offset:
                raise BrokerError(OFFSET_OUT_OF_RANGE)
            self._move_start(wanted)
            return self.start_offset

    def _drop_old(self) -> None:
        total = sum(segment.size for segment in self._segments)
        keep = 0
        while self._retention_bytes and total > self._retention_bytes and keep < len(self._segments) - 1:
            total -= self._segments[keep].size
            keep += 1
        if keep:
            self._move_start(self._segments[keep].base_offset)

    def _move_start(self, offset: int) -> None:
        if offset <= self.start_offset:
            return
        # First the promise, then the files: a kill between the two must not bring records back.
        fresh = self._start_file.with_suffix(".new")
        fresh.write_text(str(offset))
        fresh.replace(self._start_file)
        self.start_offset = offset
        while len(self._segments) > 1 and self._segments[0].end_offset <= offset:
            self._segments.pop(0).path.unlink()
