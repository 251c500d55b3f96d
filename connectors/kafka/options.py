"""What a reader of one Kafka topic may be told: brokers, topic, positions, sizes, and the client's own properties.

Settings are turned into a KafkaReadOptions at the edge; everything under connectors.kafka.source* takes it whole. The
properties that exactness rests on (no commits, no silent offset reset, end-of-partition events) can't be overridden.
Every other librdkafka property passes through, so SASL and TLS need no code here. ``fetch.queue.backoff.ms`` is 1,
because librdkafka's default of 1000 stalls the fetcher whenever its queue is full.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from schemas.errors import SettingError

__all__ = ["KafkaReadOptions", "Position"]

LOCKED: Final = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "allow.auto.create.topics": False,
}
DEFAULTS: Final = {
    "client.id": "tapeflow",
    "group.id": "tapeflow",  # the client asks for one; it is never joined
    "fetch.queue.backoff.ms": 1,
    "fetch.wait.max.ms": 100,
    # Enough to keep a worker busy at 1.4 million records a second; four times as much made it no faster.
    "fetch.max.bytes": 16 << 20,
    "fetch.message.max.bytes": 1 << 20,
    "queued.min.messages": 20_000,
    "check.crcs": False,
    "socket.keepalive.enable": True,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1_000,
}
QUEUE_KBYTES: Final = 32_768
QUEUE_KBYTES_LEAST: Final = 1_024


@dataclass(frozen=True, slots=True)
class Position:
    """A place in every partition: the earliest or latest record, a time (ms, record timestamps), or given offsets."""

    kind: Literal["earliest", "latest", "time", "offsets"]
    time_ms: int = -1
    offsets: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "Position":
        """``earliest``, ``latest``, an ISO 8601 time (UTC unless it says otherwise) or JSON ``{"partition": offset}``.

        Raises SettingError when it's none of these.
        """
        plain = text.strip()
        if plain == "earliest":
            return cls("earliest")
        if plain == "latest":
            return cls("latest")
        try:
            if plain.startswith("{"):
                offsets = {int(partition): int(offset) for partition, offset in json.loads(plain).items()}
                if min([*offsets, *offsets.values()], default=0) < 0:
                    raise ValueError(plain)
                return cls("offsets", offsets=offsets)
            moment = datetime.fromisoformat(plain)
        except (ValueError, TypeError) as error:
            raise SettingError(
                f"{plain!r} is no position in a topic", mend='say earliest, latest, an ISO time or {"0": 42}'
            ) from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return cls("time", time_ms=int(moment.timestamp() * 1000))

    def __str__(self) -> str:
        if self.kind == "time":
            return datetime.fromtimestamp(self.time_ms / 1000, UTC).isoformat()
        return json.dumps({str(k): v for k, v in self.offsets.items()}) if self.kind == "offsets" else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaReadOptions:
    """One topic and how to read it.

    start: where a partition without resume state begins (partitions that ``offsets`` doesn't name: earliest).
    end: where it ends, exclusive; None reads for ever (partitions that ``offsets`` doesn't name: latest at the start).
    batch_records_max: most records in one batch. idle_wait_ms: longest time that one poll of an idle topic blocks.
    timeout_ms: how long a broker may take to answer the questions asked at the start.
    poll: ``native`` copies records out of librdkafka by compiled code, ``messages`` goes through Message objects,
    ``auto`` takes native where its self-check passes. traced: None, or note when a poll began, and the first sampled
    traceparents of its records, as many as this says of their number: looking for them reads memory that nothing else
    does.
    """

    bootstrap: str
    topic: str
    properties: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    start: Position = Position("earliest")
    end: Position | None = None
    batch_records_max: int = 20_000
    idle_wait_ms: int = 10
    timeout_ms: int = 5_000
    poll: Literal["auto", "native", "messages"] = "auto"
    traced: Callable[[int], int] | None = None

    def __post_init__(self) -> None:
        if not self.bootstrap or not self.topic:
            raise SettingError("a Kafka reader needs bootstrap servers and a topic")
        if self.batch_records_max < 1:
            raise SettingError("batch_records_max was under 1")
        for name, value in LOCKED.items():
            if name in self.properties and str(self.properties[name]).lower() != str(value).lower():
                raise SettingError(
                    f"the Kafka property {name} can't be {self.properties[name]!r}",
                    mend="leave it out, exactness rests on it",
                )

    def client_properties(self) -> dict[str, Any]:
        """What any client of this cluster needs: the brokers and the user's own properties."""
        return {**self.properties, "bootstrap.servers": self.bootstrap}

    def consumer_properties(self, queues: int = 1) -> dict[str, Any]:
        """All properties of the Consumer; ``queues`` local queues share the memory for records read ahead."""
        kbytes = max(QUEUE_KBYTES // max(queues, 1), QUEUE_KBYTES_LEAST)
        return {**DEFAULTS, "queued.max.messages.kbytes": kbytes, **self.client_properties(), **LOCKED}
