"""Takes records out of the Kafka client, many at a time, as columns: one RawBatch per partition and drain.

connectors.kafka.source and connectors.kafka.range drive it. Two classes do the same and pass the same tests:
MessagePoll, here, goes through the client's Message objects; NativePoll (connectors.kafka.native_poll) copies records
by compiled code. Every record is handed out once and in offset order per partition, until ``assign`` says otherwise.
Errors and ends of partitions are facts in the answer, never exceptions. Waiting and draining are separate calls, since
``consume(n, timeout)`` waits for n records or the whole timeout, which is latency on a quiet topic.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import Any, Final, Protocol

import numpy as np
from confluent_kafka import Message, TopicPartition

from connectors.kafka.log import KafkaLog
from connectors.kafka.options import KafkaReadOptions
from schemas.columns import RawBatch
from schemas.traces import TRACEPARENT, TRACEPARENT_BYTES, BatchTrace, is_sampled

__all__ = ["PARTITION_EOF", "Drained", "MessagePoll", "Poll", "cached_watermarks", "cut"]

PARTITION_EOF: Final = -191
"""librdkafka's code for an end of partition, which isn't an error."""
NO_OFFSET: Final = -1


@dataclass(slots=True)
class Drained:
    """What one drain found in one partition: records, an end (offset one past the last record), an error, or several.

    error: the librdkafka code, 0 for none; error_offset: where it happened.
    """

    batch: RawBatch | None = None
    end_offset: int = NO_OFFSET
    error: int = 0
    error_offset: int = NO_OFFSET


class Poll(Protocol):
    """One client, assigned to partitions of one topic. Not thread-safe: one worker thread owns it."""

    def assign(self, offsets: Mapping[int, int]) -> None:
        """Read exactly these partitions from these offsets on; what was read ahead is dropped."""

    def wait(self, seconds: float) -> None:
        """After a drain that found nothing: return when there may be something, or after ``seconds``.

        Other threads run meanwhile.
        """

    def drain(self, partitions: Iterable[int], records_max: int) -> dict[int, Drained]:
        """What is there now, at most about ``records_max`` records per partition. Never waits."""

    def watermarks(self, partition: int) -> tuple[int, int]:
        """(low, high) as of the last answer of the broker, without asking; negative while unknown."""

    def pause(self, partition: int) -> None:
        """Read no further in this partition."""

    def close(self) -> None: ...


def cut(batch: RawBatch, end: int) -> RawBatch:
    """The records of ``batch`` below offset ``end``."""
    keep = int(np.searchsorted(batch.offsets, end))
    if keep == len(batch):
        return batch
    return RawBatch(
        topic=batch.topic,
        partition=batch.partition,
        data=batch.data[: int(batch.ends[keep - 1]) if keep else 0],
        ends=batch.ends[:keep],
        offsets=batch.offsets[:keep],
        timestamps_ms=batch.timestamps_ms[:keep],
        keys=batch.keys,
        nulls=[index for index in batch.nulls if index < keep],
        trace=batch.trace,
    )


def cached_watermarks(consumer: Any, topic: str, partition: int) -> tuple[int, int]:
    """As Poll.watermarks."""
    marks = consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
    return marks if marks is not None else (NO_OFFSET, NO_OFFSET)


class MessageKeys:
    """Keys, fetched from the messages when asked for."""

    __slots__ = ("_messages",)

    def __init__(self, messages: list[Any]) -> None:
        self._messages = messages

    def __getitem__(self, index: int) -> bytes | None:
        key: bytes | None = self._messages[index].key()
        return key

    def __iter__(self) -> Iterator[bytes | None]:
        return (message.key() for message in self._messages)


class MessagePoll:
    """Poll through ``Consumer.consume``: works wherever the client does."""

    def __init__(self, options: KafkaReadOptions, consumer: Any, log: KafkaLog) -> None:
        self._topic = options.topic
        self._consumer = consumer
        self._log = log
        self._traced = options.traced
        self._first: list[Any] = []
        self._held: dict[int, list[Any]] = {}
        self._paused: set[int] = set()

    def assign(self, offsets: Mapping[int, int]) -> None:
        self._first, self._held, self._paused = [], {}, set()
        self._consumer.assign([TopicPartition(self._topic, partition, at) for partition, at in offsets.items()])

    def wait(self, seconds: float) -> None:
        if not self._first and not self._held and (message := self._consumer.poll(seconds)) is not None:
            self._first = [message]

    def drain(self, partitions: Iterable[int], records_max: int) -> dict[int, Drained]:
        wanted = set(partitions)
        if not self._held.keys() - wanted:
            # Records of a partition nobody wants now are held back, and no more are taken while there are any,
            # so that a slow step bounds memory.
            room = records_max - len(self._first)
            messages = self._first + (self._consumer.consume(room, 0) if room else [])
            self._first = []
            self._sort(messages)
        return {
            partition: self._columns(partition, self._held.pop(partition))
            for partition in wanted
            if partition in self._held
        }

    def watermarks(self, partition: int) -> tuple[int, int]:
        return cached_watermarks(self._consumer, self._topic, partition)

    def pause(self, partition: int) -> None:
        self._consumer.pause([TopicPartition(self._topic, partition)])
        self._paused.add(partition)
        self._held.pop(partition, None)

    def close(self) -> None:
        self._consumer.close()

    def _sort(self, messages: list[Any]) -> None:
        if not messages:
            return
        # The client hands out one partition after the other in long runs, so runs are cut instead of records sorted.
        places = np.fromiter(map(Message.partition, messages), np.int32, len(messages))
        cuts = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(messages)]
        for start, stop in pairwise(cuts):
            partition = int(places[start])
            if partition not in self._paused:
                self._held.setdefault(partition, []).extend(messages[start:stop])

    def _columns(self, partition: int, messages: list[Any]) -> Drained:
        drained = Drained()
        if any(map(Message.error, messages)):
            for message in messages:
                if (error := message.error()) is None:
                    continue
                if error.code() == PARTITION_EOF:
                    drained.end_offset = message.offset()
                else:
                    drained.error, drained.error_offset = error.code(), message.offset() or NO_OFFSET
            messages = [message for message in messages if message.error() is None]
        if messages:
            drained.batch = self._batch(partition, messages)
        return drained

    def _batch(self, partition: int, messages: list[Any]) -> RawBatch:
        trace = None
        if self._traced is not None:
            trace = BatchTrace(time.time_ns(), _traceparents(messages, self._traced(len(messages))))
        values: list[Any] = list(map(Message.value, messages))
        nulls: list[int] = []
        if None in values:
            nulls = [index for index, value in enumerate(values) if value is None]
            values = [value or b"" for value in values]
        # (kind, time) of each message, kind 0 being no timestamp; flat, as an array of tuples costs thrice as much.
        flat = chain.from_iterable(map(Message.timestamp, messages))
        stamps = np.fromiter(flat, np.int64, 2 * len(messages)).reshape(-1, 2)
        return RawBatch(
            topic=self._topic,
            partition=partition,
            data=b"".join(values),
            ends=np.cumsum(np.fromiter(map(len, values), np.int64, len(values))),
            offsets=np.fromiter(map(Message.offset, messages), np.int64, len(messages)),
            timestamps_ms=np.where(stamps[:, 0] == 0, -1, stamps[:, 1]),
            keys=MessageKeys(messages),
            nulls=nulls,
            trace=trace,
        )


def _traceparents(messages: list[Any], wanted: int) -> list[str]:
    """Of the records that have a sampled one, the first so many."""
    found = (
        value[:TRACEPARENT_BYTES].decode("latin-1")
        for message in messages
        for name, value in message.headers() or ()
        if name == TRACEPARENT and isinstance(value, bytes) and is_sampled(value)
    )
    return list(islice(found, wanted))
