"""A Poll that hands out what a test scripted, and remembers how it was used."""

from collections.abc import Iterable, Mapping

import numpy as np

from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.poll import Drained
from schemas.columns import RawBatch


def records(partition: int, *offsets: int) -> Drained:
    count = len(offsets)
    return Drained(
        RawBatch(
            topic="t",
            partition=partition,
            data=b"v" * count,
            ends=np.arange(1, count + 1),
            offsets=np.array(offsets),
            timestamps_ms=np.zeros(count, np.int64),
            keys=[None] * count,
        )
    )


class FakePoll:
    """``script`` is one dict per drain; after its end every drain is empty."""

    def __init__(self, *script: dict[int, Drained], marks: tuple[int, int] = (0, 100)) -> None:
        self.script = list(script)
        self.marks = marks
        self.assigned: list[dict[int, int]] = []
        self.drains: list[set[int]] = []
        self.waits = 0
        self.waited_s = 0.0
        self.paused: list[int] = []
        self.closed = False

    def opener(self, _options: KafkaReadOptions, _partitions: int) -> "FakePoll":
        return self

    def assign(self, offsets: Mapping[int, int]) -> None:
        self.assigned.append(dict(offsets))

    def wait(self, seconds: float) -> None:
        self.waits += 1
        self.waited_s += seconds

    def drain(self, partitions: Iterable[int], records_max: int) -> dict[int, Drained]:
        self.drains.append(set(partitions))
        return self.script.pop(0) if self.script else {}

    def watermarks(self, partition: int) -> tuple[int, int]:
        return self.marks

    def pause(self, partition: int) -> None:
        self.paused.append(partition)

    def close(self) -> None:
        self.closed = True
