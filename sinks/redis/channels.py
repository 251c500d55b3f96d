"""Adds messages of a flow to the streams of the analytics channels, each once whatever is written again.

Bytewax items are (shard key, the messages of a batch). One thread and one connection serve all partitions of a topic. A
script compares each entry's order with the last one that went out for its partition, so a crash, a replay or a second
writer adds nothing. ``snapshot`` returns when all that was handed over is in Redis; a Redis that is down is waited for.
"""

import threading
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from schemas.channels import ENTRIES_KEPT, channel_stream, event_fields
from schemas.desk import DeskEntry
from schemas.names import sent_key
from sinks.handover import Handover
from sinks.redis.scripted import Scripted
from sinks.redis.scripts import ADD_ENTRIES
from sinks.shared import SharedSink

__all__ = ["ChannelSink", "ChannelWriter"]

CALL_ENTRIES_MAX: Final = 500
"""Entries of one call of the script: it takes a few milliseconds, in which Redis does nothing else."""
WAITING_MAX: Final = 64
Entries = tuple[int, Sequence[DeskEntry]]
"""A partition and its messages, in order."""


class ChannelWriter:
    """Owns the connection; used by one thread. ``topic``: where the records came from."""

    def __init__(self, url: str, topic: str, stop: threading.Event | None = None) -> None:
        self._redis = Scripted(url, stop)
        self._script = self._redis.script(ADD_ENTRIES)
        self._topic = topic

    def write(self, groups: Sequence[Entries]) -> None:
        """Returns when Redis took all. Raises Unreachable when stopped while it is down, SettingError for a right that
        is missing, WriteFailed for any other refusal."""
        for partition, entries in groups:
            for order_key, part in self._by_order_key(partition, entries).items():
                for first in range(0, len(part), CALL_ENTRIES_MAX):
                    self._add(order_key, part[first : first + CALL_ENTRIES_MAX])

    def close(self) -> None:
        self._redis.close()

    def _by_order_key(self, partition: int, entries: Sequence[DeskEntry]) -> dict[str, list[DeskEntry]]:
        """Entries that one key says the last order of: all of a partition; in a cluster, where streams lie in several
        slots, those of a stream."""
        found: dict[str, list[DeskEntry]] = {}
        for entry in entries:
            key = self._redis.names.beside(channel_stream(entry.channel), sent_key(self._topic, partition))
            found.setdefault(key, []).append(entry)
        return found

    def _add(self, order_key: str, entries: Sequence[DeskEntry]) -> None:
        streams: dict[str, int] = {}
        arguments: list[Any] = [ENTRIES_KEPT]
        for entry in entries:
            number = streams.setdefault(channel_stream(entry.channel), len(streams) + 2)
            fields = event_fields(entry.kind, entry.data, written_ms=entry.time_ms, symbols=entry.symbols)
            pairs = [text for name, value in fields.items() for text in (name, value.decode())]
            arguments += [entry.order, number, msgspec.msgpack.encode(pairs)]
        self._redis.run(self._script, [order_key, *streams], arguments)


class ChannelSink(SharedSink[Sequence[DeskEntry]]):
    """Items: (shard key, messages of one partition in order). ``shards``: partitions of the topic."""

    def __init__(self, url: str, topic: str, shards: int, *, stop: threading.Event | None = None) -> None:
        writer = ChannelWriter(url, topic, stop)
        self._handover: Handover[Entries] = Handover(writer.write, name="channel-writer", depth=WAITING_MAX)
        super().__init__(shards, (self._handover,), {"Redis": writer.close})

    def put(self, partition: int, item: Sequence[DeskEntry]) -> None:
        self._handover.put((partition, item))
