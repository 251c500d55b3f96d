"""A sink whose partitions share what they write with: the threads and connections of a worker, closed with the last.

Sinks of Redis, of a desk's channels and of alerts derive from it and say what becomes of an item. Each item goes to one
of ``lanes``, which work while the flow goes on; at the end of an epoch all of them have worked on everything. A part
that closes raises nothing, as the engine closes parts while it unwinds from an error.
"""

import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from runtime.tracing.tracer import INTERNAL, tracer
from schemas.closing import quietly
from schemas.shards import part_names, partition_of
from sinks.handover import Handover

__all__ = ["SharedSink"]

Item = TypeVar("Item")


class SharedSink(FixedPartitionedSink[Item, None], Generic[Item]):
    """Bytewax items are (shard key, Item). ``shards``: how many partitions the topic has.

    lanes: drained at the end of an epoch. servers: how each connection is closed, by its server's name.
    """

    def __init__(
        self, shards: int, lanes: Sequence[Handover[Any]], servers: Mapping[str, Callable[[], object]]
    ) -> None:
        self._shards = shards
        self._lanes = lanes
        self._servers = servers
        self._lock = threading.Lock()
        self.parts = 0

    @abstractmethod
    def put(self, partition: int, item: Item) -> None:
        """Hand over one item of a partition. Raises what an earlier one met."""

    def drain(self) -> None:
        """Returns when all that was handed over is written; raises what that met."""
        for lane in self._lanes:
            lane.drain()

    def flush(self) -> None:
        """Returns when an epoch may become durable."""
        self.drain()

    def list_parts(self) -> list[str]:
        return part_names(self._shards)

    def part_fn(self, item_key: str) -> int:
        return partition_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_SharedPart[Item]":  # noqa: ARG002
        with self._lock:
            self.parts += 1
        return _SharedPart(self, partition_of(for_part))

    def release(self) -> None:
        """The last part to close ends the threads and the connections."""
        with self._lock:
            self.parts -= 1
            if self.parts:
                return
        for lane in self._lanes:
            lane.close()
        for server, close in self._servers.items():
            with quietly(server):
                close()


class _SharedPart(StatefulSinkPartition[Item, None], Generic[Item]):
    def __init__(self, sink: SharedSink[Item], partition: int) -> None:
        self._sink = sink
        self._partition = partition

    def write_batch(self, values: list[Item]) -> None:
        for item in values:
            self._sink.put(self._partition, item)

    def snapshot(self) -> None:
        with tracer().span("epoch", INTERNAL):
            self._sink.flush()

    def close(self) -> None:
        self._sink.release()
