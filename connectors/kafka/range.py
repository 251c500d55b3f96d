"""Plain iterators over a bounded range of a topic, without Bytewax: for verification, oracles and reports.

``read_range`` yields raw batches, ``read_records`` single records; both end when every partition has reached its end
offset. Every record of [start, end) that the topic still holds is yielded once, in offset order per partition. A range
whose beginning has expired is an error. ``ranges_between`` finds offsets by time.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.kafka.native_poll import open_poll
from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.poll import Drained, Poll, cut
from connectors.kafka.questions import TopicQuestions, misplaced
from schemas.columns import RawBatch
from schemas.errors import InputError, Unreachable

__all__ = ["OffsetRange", "Record", "ranges_between", "read_range", "read_records"]

WAIT_S: Final = 0.05
STALL_S: Final = 30.0

OffsetRange = tuple[int, int]
"""[start, end) of one partition."""


@dataclass(frozen=True, slots=True)
class Record:
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None


def ranges_between(options: KafkaReadOptions, start: Position, end: Position) -> dict[int, OffsetRange]:
    """The range of every partition between two positions; an end before its start makes an empty range."""
    with TopicQuestions(options) as questions:
        partitions = range(questions.facts().partitions)
        starts = questions.resolve(start, partitions)
        ends = questions.resolve(end, partitions, unnamed="latest")
    return {partition: (starts[partition], max(starts[partition], ends[partition])) for partition in partitions}


def read_range(
    options: KafkaReadOptions,
    ranges: Mapping[int, OffsetRange],
    *,
    stall_s: float = STALL_S,
    open_poll: Callable[[KafkaReadOptions, int], Poll] = open_poll,
) -> Iterator[RawBatch]:
    """Batches of each partition's [start, end), partitions interleaved.

    Raises OffsetExpired, InputError (a range beyond the topic's end, an error in a partition) or Unreachable when
    nothing came for ``stall_s`` seconds.
    """
    left = {partition: span for partition, span in ranges.items() if span[0] < span[1]}
    if not left:
        return
    _check(options, left)
    poll = open_poll(options, len(left))
    try:
        poll.assign({partition: start for partition, (start, _) in left.items()})
        moved_at = time.monotonic()
        while left:
            found = poll.drain(left, options.batch_records_max)
            if found:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > stall_s:
                raise Unreachable(f"topic {options.topic} gave nothing for {stall_s:g} s", where=options.bootstrap)
            else:
                poll.wait(WAIT_S)
            for partition, drained in found.items():
                if (batch := _within(options.topic, partition, left[partition][1], drained)) is not None:
                    yield batch
                reached = drained.end_offset if drained.batch is None else int(drained.batch.offsets[-1]) + 1
                if max(reached, drained.end_offset) >= left[partition][1]:
                    del left[partition]
                    poll.pause(partition)
    finally:
        poll.close()


def read_records(options: KafkaReadOptions, ranges: Mapping[int, OffsetRange]) -> Iterator[Record]:
    """As read_range, record by record."""
    for batch in read_range(options, ranges):
        nulls = set(batch.nulls)
        offsets, stamps = batch.offsets.tolist(), batch.timestamps_ms.tolist()
        for index in range(len(batch)):
            value = None if index in nulls else batch.value(index)
            yield Record(batch.partition, offsets[index], stamps[index], batch.keys[index], value)


def _check(options: KafkaReadOptions, ranges: Mapping[int, OffsetRange]) -> None:
    with TopicQuestions(options) as questions:
        count = questions.facts().partitions
        if beyond := [partition for partition in ranges if not 0 <= partition < count]:
            raise InputError(f"topic {options.topic} has no partition {beyond[0]}", where=options.bootstrap)
        for partition, (low, high) in questions.watermarks(ranges).items():
            start, end = ranges[partition]
            if trouble := misplaced(options.topic, partition, start, low, high):
                raise trouble
            if end > high:
                raise InputError(f"{options.topic}[{partition}] ends at {high}, before {end}")


def _within(topic: str, partition: int, end: int, drained: Drained) -> RawBatch | None:
    if drained.error and drained.batch is None:
        raise InputError(f"{topic}[{partition}] can't be read at {drained.error_offset}: code {drained.error}")
    batch = cut(drained.batch, end) if drained.batch is not None else None
    return batch if batch is not None and len(batch) else None
