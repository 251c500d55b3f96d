"""A compacted topic as its readers want it: what stands in it now, then what changes, entry by entry.

Flows read settings that live in Kafka this way, such as the rules of users and their armed log. Nothing is committed:
each start reads all there is. Entries of a key come in the order of the log, so that the last one counts; a value of
None takes the key back. ``changes`` never waits for a broker; one that is away gives no changes until it is back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat
from typing import Final

import msgspec

from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.questions import TopicQuestions
from connectors.kafka.reader import KafkaReader

__all__ = ["CompactedTopic", "Entry"]

IDLE_MS: Final = 1


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One record: ``value`` None takes ``key`` back."""

    partition: int
    key: bytes
    value: bytes | None


class CompactedTopic:
    """``partitions``: all of the topic unless given. Used by one thread; ``close`` ends the client.

    Raises MissingObject, SettingError or Unreachable where the topic can't be asked for.
    """

    def __init__(self, options: KafkaReadOptions, partitions: Iterable[int] | None = None) -> None:
        with TopicQuestions(options) as questions:
            facts = questions.facts()
            marks = questions.watermarks(range(facts.partitions) if partitions is None else partitions)
        self._reader = KafkaReader(replace(options, idle_wait_ms=IDLE_MS), facts)
        self._next = {partition: low for partition, (low, _) in marks.items()}
        self._ends = {partition: high for partition, (_, high) in marks.items()}
        for partition, offset in self._next.items():
            self._reader.add(partition, offset)

    def read(self) -> Iterator[Entry]:
        """Everything that stood in the topic when this was made, and perhaps some of what came since."""
        while any(self._next[partition] < end for partition, end in self._ends.items()):
            yield from self.changes()

    def changes(self) -> Iterator[Entry]:
        """What has come since the last call, as far as it is here; every one of them must be taken."""
        for partition in self._next:
            drained = self._reader.take(partition)
            if drained is None:
                continue
            self._next[partition] = max(self._next[partition], drained.end_offset)
            if (batch := drained.batch) is None:
                continue
            self._next[partition] = max(self._next[partition], int(batch.offsets[-1]) + 1)
            ends = batch.ends.tolist()
            data, starts = batch.data, [0, *ends[:-1]]
            values: list[bytes | None] = [data[start:end] for start, end in zip(starts, ends, strict=True)]
            for index in batch.nulls:
                values[index] = None
            keys = [key or b"" for key in batch.keys]
            yield from map(Entry, repeat(partition), keys, values)

    def close(self) -> None:
        for partition in self._next:
            self._reader.remove(partition)
