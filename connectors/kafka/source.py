"""The Kafka source of every flow: Bytewax parts that emit one decoded batch per partition and poll.

Records come from connectors.kafka.reader, ``decode`` makes a table of them, and the flow gets that table as one item. A
partition's resume state is its next offset. Every record from the start on is handed to ``decode`` exactly once per
execution, in offset order. A record that can't be read any more is an error (OffsetExpired, StateIncompatible), never a
silent jump. After a restart a partition may have nothing left to read; it then emits one empty batch, ``caught_up``, so
that its bars can be closed. One more such batch comes when the host's clock is set back: it wakes steps that wait for a
time that is now far away.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
import structlog
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition

from connectors.kafka.native_poll import open_poll
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.poll import Drained, Poll, cut
from connectors.kafka.questions import TopicFacts, TopicQuestions, misplaced
from connectors.kafka.reader import KafkaReader, recreated
from schemas.closing import quietly
from schemas.columns import TRADE, RawBatch, TradeBatch
from schemas.errors import StateIncompatible
from schemas.shards import part_names, partition_of

__all__ = ["KafkaPart", "KafkaSource", "PartitionPosition", "StopFlag", "empty_trades"]

STATE_VERSION: Final = 1
AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""As next_awake: always due. The reader waits in its poll, so the engine's own pause would only add to latency."""
CLOCK_STEP_S: Final = 0.2
"""A wall clock that falls behind the monotonic one by more at once was set back, not slewed."""


class Batch(Protocol):
    """What ``decode`` returns: anything that can be told that it is the last for now."""

    caught_up: bool


class StopFlag(Protocol):
    """Such as threading.Event: once set, every part ends before its next batch."""

    def is_set(self) -> bool: ...


B = TypeVar("B", bound=Batch)


@dataclass(frozen=True, slots=True)
class PartitionPosition:
    """How far one partition is: ``next_offset`` of what the flow got; ``lag`` in records, as of the last answer to the
    client, which stops asking once its queue is full; ``began_at``: next_offset at the start;
    ``hidden``: offsets behind an open transaction, if known."""

    topic: str
    partition: int
    next_offset: int
    high_watermark: int
    lag: int
    caught_up: bool
    began_at: int = 0
    hidden: int = 0


def empty_trades(topic: str, partition: int, next_offset: int) -> TradeBatch:
    """The batch of a partition where there was nothing to read."""
    return TradeBatch(topic, partition, np.empty(0, TRADE), b"", 0, next_offset, caught_up=True)


class KafkaSource(FixedPartitionedSource, Generic[B]):  # type: ignore[type-arg]
    """Source of the batches that ``decode`` makes, one part per partition, named as schemas.shards says.

    decode is called with non-empty batches only. empty makes the item that says no more than caught_up.
    stop ends all parts (so that a signal can drain the flow); what end of input means is up to the flow.
    """

    def __init__(
        self,
        options: KafkaReadOptions,
        decode: Callable[[RawBatch], B],
        *,
        empty: Callable[[str, int, int], Any] = empty_trades,
        stop: StopFlag | None = None,
        open_poll: Callable[[KafkaReadOptions, int], Poll] = open_poll,
    ) -> None:
        self._options = options
        self._on_list: Callable[[], None] = lambda: None
        self._until_due_s: Callable[[], float] = lambda: math.inf
        self._decode = decode
        self._empty = empty
        self._stop = stop or threading.Event()
        self._open_poll = open_poll
        self._lock = threading.Lock()
        self._facts: TopicFacts | None = None
        self._marks: Mapping[int, tuple[int, int]] = {}
        self._starts: Mapping[int, int] | None = None
        self._ends: Mapping[int, int] = {}
        self._readers: dict[int, KafkaReader] = {}
        self._parts: dict[int, KafkaPart[B]] = {}
        self._resumed: dict[int, bool] = {}

    def list_parts(self) -> list[str]:
        """Asks the brokers. Raises MissingObject, SettingError or Unreachable."""
        with self._lock:
            facts = self._known()
        self._on_list()
        return part_names(facts.partitions)

    def build_part(self, step_id: str, for_part: str, resume_state: Any | None) -> "KafkaPart[B]":  # noqa: ARG002
        """Raises OffsetExpired or StateIncompatible when ``resume_state`` no longer fits the topic."""
        partition = partition_of(for_part)
        with self._lock:
            facts = self._known()
            self._note(partition, resume_state is not None)
            if resume_state is None:
                offset = self._start_offsets(facts)[partition]
            else:
                offset = self._resume_offset(facts, resume_state)
            high = self._check_offset(facts, partition, offset)
            # One client per worker thread: parts are built on the thread that will read them.
            thread = threading.get_ident()
            if thread not in self._readers:
                self._readers[thread] = KafkaReader(self._options, facts, self._open_poll, self._until_due_s)
            part = KafkaPart(
                self._readers[thread], facts, partition, offset, self._ends.get(partition), high,
                decode=self._decode, empty=self._empty, stop=self._stop, start=str(self._options.start),
            )  # fmt: skip
            self._parts[partition] = part
        return part

    def positions(self) -> list[PartitionPosition]:
        """Of every partition that this process reads; safe to call from any thread."""
        return [part.position() for _, part in sorted(self._parts.copy().items())]

    def when_listed(self, call: Callable[[], None]) -> None:
        """``call`` is called whenever the engine asks for the parts, which it does when it starts."""
        self._on_list = call

    def wait_no_longer_than(self, until_due_s: Callable[[], float]) -> None:
        """``until_due_s``: how long until a step of the flow wants to be called; a hint, asked before each wait."""
        self._until_due_s = until_due_s

    @property
    def is_resumed(self) -> bool:
        """Whether any part of this process began where recovery state says."""
        return any(self._resumed.copy().values())

    @property
    def is_reading(self) -> bool:
        """Whether a part of this process is open."""
        return any(part.is_open for part in self._parts.copy().values())

    def _known(self) -> TopicFacts:
        if self._facts is None:
            with TopicQuestions(self._options) as questions:
                facts = questions.check_start()
                self._marks = questions.watermarks(range(facts.partitions))
                if self._options.end is not None:
                    self._ends = questions.resolve(self._options.end, range(facts.partitions), unnamed="latest")
                self._facts = facts
        return self._facts

    def _note(self, partition: int, resumed: bool) -> None:
        """Say once, at the first resume with them, that partitions are new: nothing else would tell what freezes."""
        if partition in self._resumed:
            self._resumed.clear()  # another execution with this source
        was_mixed = len(set(self._resumed.values())) > 1
        self._resumed[partition] = resumed
        if not was_mixed and len(set(self._resumed.values())) > 1:
            structlog.get_logger().warning(
                "partitions_added",
                topic=self._options.topic,
                consequence="symbols that moved there stay as they are in Redis unless TAPEFLOW_SOURCE_EPOCH was"
                " raised by one with this restart",
                mend="docs/recovery.md, More partitions",
            )

    def _start_offsets(self, facts: TopicFacts) -> Mapping[int, int]:
        if self._starts is None:
            with TopicQuestions(self._options) as questions:
                self._starts = questions.resolve(self._options.start, range(facts.partitions))
        return self._starts

    def _check_offset(self, facts: TopicFacts, partition: int, offset: int) -> int:
        if misplaced(facts.topic, partition, offset, *self._marks[partition]):
            # The marks may be older than the offset, if this source served an earlier execution.
            with TopicQuestions(self._options) as questions:
                self._marks = questions.watermarks(range(facts.partitions))
        if trouble := misplaced(facts.topic, partition, offset, *self._marks[partition]):
            raise trouble
        return self._marks[partition][1]

    def _resume_offset(self, facts: TopicFacts, state: Any) -> int:
        if state["version"] != STATE_VERSION:
            raise StateIncompatible(
                f"the recovery state of topic {facts.topic} has version {state['version']}, not {STATE_VERSION}",
                mend="resume with the release that wrote it, or start anew with an empty recovery_dir",
            )
        if state["topic"] != facts.topic:
            raise StateIncompatible(
                f"the recovery state is of topic {state['topic']}, not {facts.topic}",
                mend="set kafka_topic back or use another recovery_dir",
            )
        if state["topic_id"] and facts.topic_id and state["topic_id"] != facts.topic_id:
            raise recreated(facts.topic)
        if state["start"] != str(self._options.start):
            structlog.get_logger().info("kafka_start_ignored", topic=facts.topic, why="resumed from recovery state")
        offset: int = state["next_offset"]
        return offset


class KafkaPart(StatefulSourcePartition, Generic[B]):  # type: ignore[type-arg]
    """One partition. Its position moves when a batch is handed to the flow, not when it is read ahead."""

    def __init__(
        self,
        reader: KafkaReader,
        facts: TopicFacts,
        partition: int,
        offset: int,
        end: int | None,
        high: int,
        *,
        decode: Callable[[RawBatch], B],
        empty: Callable[[str, int, int], Any],
        stop: StopFlag,
        start: str,
        clock_ahead_s: Callable[[], float] = lambda: time.time() - time.monotonic(),
    ) -> None:
        self._reader = reader
        self._facts = facts
        self._partition = partition
        self._next_offset = self._began_at = offset
        self._end = end
        self._high = high
        self._caught_up = False
        self._decode = decode
        self._empty = empty
        self._stop = stop
        self._start = start
        self._open = True
        self._clock_ahead_s = clock_ahead_s
        self._was_ahead_s = clock_ahead_s()
        reader.add(partition, offset)

    def next_batch(self) -> Iterable[Any]:
        """At most one item. Raises StopIteration at the end or once stopped."""
        if self._stop.is_set() or (self._end is not None and self._next_offset >= self._end):
            self.close()
            raise StopIteration
        drained = self._reader.take(self._partition)
        if drained is not None:
            return self._accept(drained)
        # Steps downstream asked the engine to wake them by the old clock: without this they would sleep for the jump.
        return [self._nothing()] if self._caught_up and self._clock_was_set_back() else ()

    def next_awake(self) -> datetime:
        return AT_ONCE

    def snapshot(self) -> dict[str, Any]:
        return {
            "version": STATE_VERSION,
            "topic": self._facts.topic,
            "topic_id": self._facts.topic_id,
            "start": self._start,
            "next_offset": self._next_offset,
        }

    def close(self) -> None:
        if self._open:
            self._open = False
            with quietly(f"{self._facts.topic}[{self._partition}]"):
                self._reader.remove(self._partition)

    @property
    def is_open(self) -> bool:
        return self._open

    def position(self) -> PartitionPosition:
        next_offset, polled_high, caught_up = self._next_offset, self._high, self._caught_up
        high = max(polled_high, self._reader.fetched_high(self._partition) if self._open else -1)
        # Records of an open transaction may stand before the high mark: caught up all the same.
        lag = 0 if caught_up and high == polled_high else max(high - next_offset, 0)
        return PartitionPosition(self._facts.topic, self._partition, next_offset, high, lag, caught_up, self._began_at)

    def _accept(self, drained: Drained) -> list[Any]:
        low, high = self._reader.watermarks(self._partition)
        self._high = max(self._high, high)
        item = None
        if (batch := drained.batch) is not None:
            first, last = int(batch.offsets[0]), int(batch.offsets[-1])
            if first != self._next_offset:
                self._check_hole(first, low)
            if self._end is not None and last >= self._end:
                batch, last = cut(batch, self._end), self._end - 1
            item = self._decode(batch) if len(batch) else None
            self._next_offset = last + 1
        # Behind the last record there may be markers of transactions, which only the end-of-partition event tells.
        self._next_offset = max(self._next_offset, drained.end_offset)
        said_so = self._caught_up
        self._caught_up = self._next_offset >= self._high or drained.end_offset == self._next_offset
        if item is not None:
            item.caught_up = self._caught_up
            return [item]
        return [self._nothing()] if self._caught_up and not said_so else []

    def _nothing(self) -> Any:
        return self._empty(self._facts.topic, self._partition, self._next_offset)

    def _clock_was_set_back(self) -> bool:
        before_s, self._was_ahead_s = self._was_ahead_s, self._clock_ahead_s()
        return self._was_ahead_s < before_s - CLOCK_STEP_S

    def _check_hole(self, first: int, low: int) -> None:
        # Compaction and transactions leave honest holes; only records deleted below us, or a log begun anew, are loss.
        where = f"{self._facts.topic}[{self._partition}]"
        if first < self._next_offset:
            raise StateIncompatible(
                f"offset {first} came after {self._next_offset - 1}", where=where, mend="the topic was truncated"
            )
        if trouble := misplaced(self._facts.topic, self._partition, self._next_offset, low, max(low, first)):
            raise trouble
