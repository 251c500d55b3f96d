"""What the Kafka tests share: producing to exact places, and driving a source by hand or in a flow."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Producer

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.source import KafkaSource
from schemas.columns import RawBatch


@dataclass
class Seen:
    """A decoded batch that keeps everything, so that tests can compare it."""

    partition: int
    offsets: list[int]
    values: list[bytes | None]
    keys: list[bytes | None]
    timestamps_ms: list[int]
    caught_up: bool = False


def see(batch: RawBatch) -> Seen:
    size = len(batch)
    assert size > 0, "decode is only called for records"
    return Seen(
        batch.partition,
        batch.offsets.tolist(),
        [None if index in batch.nulls else batch.value(index) for index in range(size)],
        [batch.keys[index] for index in range(size)],
        batch.timestamps_ms.tolist(),
    )


def nothing(_topic: str, partition: int, next_offset: int) -> Seen:
    return Seen(partition, [], [], [], [], caught_up=True)


@dataclass
class Feed:
    """A producer into one topic that waits for every acknowledgement, in order also where a broker refuses at first."""

    bootstrap: str
    topic: str
    properties: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ordered = {"bootstrap.servers": self.bootstrap, "linger.ms": 0, "enable.idempotence": True}
        self.producer = Producer({**ordered, **self.properties})

    def send(self, values: Iterable[bytes | None], partition: int = 0, **rest: Any) -> None:
        for value in values:
            self.producer.produce(self.topic, value, partition=partition, **rest)
        assert self.producer.flush(30) == 0


class Hand:
    """Drives the parts of a source as Bytewax does, in this thread."""

    def __init__(self, source: KafkaSource[Seen], states: dict[str, Any] | None = None) -> None:
        self.source = source
        self.parts = {name: source.build_part("in", name, (states or {}).get(name)) for name in source.list_parts()}
        self.items: list[Seen] = []

    def turn(self) -> list[Seen]:
        got: list[Seen] = []
        for name, part in list(self.parts.items()):
            try:
                got.extend(part.next_batch())
            except StopIteration:
                del self.parts[name]
        self.items.extend(got)
        return got

    def until(self, done: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"waited {seconds} s; {self.source.positions()}"
            self.turn()

    def offsets(self, partition: int = 0) -> list[int]:
        return [offset for item in self.items if item.partition == partition for offset in item.offsets]

    def values(self, partition: int = 0) -> list[bytes | None]:
        return [value for item in self.items if item.partition == partition for value in item.values]

    def states(self) -> dict[str, Any]:
        return {name: part.snapshot() for name, part in self.parts.items()}

    def close(self) -> None:
        for part in self.parts.values():
            part.close()


def options(bootstrap: str, topic: str, start: str = "earliest", end: str = "", **rest: Any) -> KafkaReadOptions:
    return KafkaReadOptions(
        bootstrap=bootstrap,
        topic=topic,
        start=Position.parse(start),
        end=Position.parse(end) if end else None,
        **rest,
    )


def reading(options: KafkaReadOptions, states: dict[str, Any] | None = None, **rest: Any) -> Hand:
    return Hand(KafkaSource(options, see, empty=nothing, **rest), states)


def numbered(first: int, last: int) -> Iterator[bytes]:
    return (b"%d" % number for number in range(first, last))
