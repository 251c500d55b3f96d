"""Writes dead letters and final bars to Kafka topics, with every delivery checked.

Bytewax items are (shard key, list of Reject) and (shard key, BarBatch). ``snapshot`` returns when brokers have
acknowledged everything, and raises when one message was refused for good. A broker that is down is waited for. After a
crash the records since the last snapshot are written again: dead letters carry their source's topic, partition and
offset, by which a reader drops the second copy, and bars are keyed, so compaction does. A dead letter that is too big
for its topic is cut, and a header says so: it must never stop the flow.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.outage import OUTAGES, STOP_GRACE_S
from schemas.avro import BAR_SCHEMA_ID
from schemas.columns import BarBatch
from schemas.errors import SettingError, TapeflowError, Unreachable
from schemas.rejects import Reject
from schemas.shards import part_names, partition_of
from sinks.kafka.avro_bars import bar_records
from sinks.kafka.refusals import ENDED, reason_of, refusal

__all__ = ["BarsTopicSink", "CheckedProducer", "DeadLetterSink", "Outgoing", "ensure_topic"]

REACH_S: Final = 5.0
ADMIN_S: Final = 8.0
BROKER_STAMPED: Final = {"message.timestamp.type": "LogAppendTime"}
"""A broker refuses records stamped an hour ahead of its clock, and ours may be that wrong. When a letter or bar is of
stands in the record itself."""
LETTER_BYTES_MAX: Final = 16 * 1024 * 1024
"""Asked for a dead-letter topic that we create: any record that its source topic took fits."""
GONE_MS: Final = 3_000
"""How long a topic may be unknown before it counts as deleted; it was there when the flow started."""
CUT_BYTES: Final = 64 * 1024
REFUSALS_MAX: Final = 3

Headers = list[tuple[str, str | bytes | None]]

_log = structlog.get_logger()


def ensure_topic(
    bootstrap: str,
    topic: str,
    *,
    partitions: int = 1,
    config: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
) -> bool:
    """Create ``topic`` where it is missing (the broker's default replication and clock); True if it was created.

    Raises Unreachable when no broker answers, SettingError when the broker refuses the topic.
    """
    admin = AdminClient({**(properties or {}), "bootstrap.servers": bootstrap}, logger=_SILENT)
    try:
        if topic in admin.list_topics(timeout=REACH_S).topics:
            return False
        settled = {**BROKER_STAMPED, **(config or {})}
        wanted = NewTopic(topic, num_partitions=partitions, replication_factor=-1, config=settled)
        admin.create_topics([wanted], operation_timeout=ADMIN_S, request_timeout=ADMIN_S)[topic].result()
    except KafkaException as error:
        reason = error.args[0]
        if reason.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        if reason.code() in _UNREACHABLE:
            raise Unreachable(
                "Kafka does not answer",
                where=bootstrap,
                mend=f"start it or set TAPEFLOW_KAFKA_BOOTSTRAP ({reason.str()})",
            ) from error
        if reason.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            # One that we may not see looks like one that isn't there.
            raise refusal(reason, topic=topic, where=bootstrap, right="DESCRIBE and CREATE") from error
        raise SettingError(f"Kafka refused to create topic {topic}", where=bootstrap, mend=reason.str()) from error
    return True


_SILENT: Final = logging.getLogger("librdkafka")
_SILENT.setLevel(logging.CRITICAL + 1)  # what it says is told by its callbacks and answers too
_UNREACHABLE: Final = frozenset(
    {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE}  # noqa: SLF001
)
_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD})
_FOR_ANOTHER: Final = KafkaError._INVALID_DIFFERENT_RECORD  # noqa: SLF001 - only a neighbour in the batch was wrong


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. timestamp_ms 0: as the client's clock says; known_ms: given instead if that is refused.

    partition -1: the one that the key says.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    may_cut: bool
    known_ms: int = 0
    timestamp_ms: int = 0
    refusals: int = 0
    partition: int = -1

    def smaller(self) -> "Outgoing":
        """The message to send instead of one that was refused as too large."""
        size = len(self.value or b"")
        if not self.may_cut or size <= CUT_BYTES:
            return replace(self, refusals=self.refusals + 1)
        _log.warning("dead_letter_cut", bytes=size)
        headers: Headers = [*self.headers, ("cut_from_bytes", str(size).encode())]
        return replace(self, value=(self.value or b"")[:CUT_BYTES], headers=headers, refusals=self.refusals + 1)


class CheckedProducer:
    """An idempotent producer for one topic that remembers its first failed delivery and raises it."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        properties: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._topic, self._where = topic, f"{bootstrap} {topic}"
        self._stop = stop or threading.Event()
        self._error: TapeflowError | None = None
        self._give_up_s = 0.0
        self._again: list[Outgoing] = []
        self._clock_refused = False
        self._producer = Producer(
            {
                "linger.ms": 20,
                "compression.type": "lz4",
                **(properties or {}),
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "message.timeout.ms": 0,  # a broker that is down is waited for
                "topic.metadata.propagation.max.ms": GONE_MS,
                "message.max.bytes": LETTER_BYTES_MAX + 1024 * 1024,
            },
            logger=_SILENT,
        )

    def send(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        *,
        may_cut: bool = False,
        known_ms: int = 0,
        partition: int = -1,
    ) -> None:
        """Queue one message; blocks while the queue is full. ``may_cut``: if too large, send its beginning instead.

        ``known_ms``: a timestamp to give it if the broker refuses ours, since our clock may be wrong; 0 for none.
        ``partition``: where it goes, -1 for the one that its key says.
        """
        self._send(Outgoing(key, value, headers, may_cut, known_ms, partition=partition))

    def _send(self, message: "Outgoing") -> None:
        def delivered(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                self._failed(error, message)

        while True:
            self._raise_failure()
            try:
                self._producer.produce(
                    self._topic,
                    message.value,
                    message.key,
                    message.partition,
                    headers=message.headers,
                    timestamp=message.known_ms if self._clock_refused else message.timestamp_ms,
                    on_delivery=delivered,
                )
            except BufferError:
                self._wait_for_room()
            except KafkaException as error:  # over message.max.bytes, or refused before: not even queued
                self._serve(0)
                self._failed(error.args[0], message)
                return
            else:
                self._serve(0)
                return

    def flush(self) -> None:
        """Returns when all is acknowledged. Raises what sinks.kafka.refusals makes of a refusal, or Unreachable when
        stopped while waiting."""
        with OUTAGES.asking("kafka", self._where) as ask:
            waiting = len(self._producer)
            while self._flush(0.5) or self._again:
                again, self._again = self._again, []
                for message in again:
                    self._send(message)
                self._raise_failure()
                self._wait(0)
                if len(self._producer) < waiting:
                    ask.heard()
                waiting = len(self._producer)
        self._raise_failure()

    def _wait_for_room(self) -> None:
        with OUTAGES.asking("kafka", self._where):
            full = len(self._producer)
            while self._error is None and len(self._producer) >= full:
                self._wait(0.1)

    def _wait(self, seconds: float) -> None:
        """Serve deliveries; raises Unreachable when the flow has been stopping for too long."""
        self._serve(seconds)
        if not self._stop.is_set():
            return
        now_s = time.monotonic()
        self._give_up_s = self._give_up_s or now_s + STOP_GRACE_S
        if now_s >= self._give_up_s:
            raise Unreachable("stopped while Kafka was down", where=self._where)

    def _raise_failure(self) -> None:
        if self._error is not None:
            raise self._error

    def _serve(self, seconds: float) -> None:
        """Take what was delivered or refused meanwhile."""
        try:
            self._producer.poll(seconds)
        except ENDED as error:
            self._ended(reason_of(error))

    def _flush(self, seconds: float) -> int:
        try:
            return self._producer.flush(seconds)
        except ENDED as error:
            self._ended(reason_of(error))
            return len(self._producer)

    def _ended(self, error: KafkaError) -> None:
        """An idempotent producer ends by its first refusal, whose reason is told here, once."""
        self._error = self._error or refusal(error, topic=self._topic, where=self._where)

    def _distrust_clock(self) -> None:
        """From here on messages carry times that the broker took before, until the flow starts again; said once."""
        if not self._clock_refused:
            self._clock_refused = True
            _log.warning(
                "stamp_refused", topic=self._topic, next="set this host's clock; letters get their records' times"
            )

    def _failed(self, error: KafkaError, message: "Outgoing") -> None:
        # A broker refuses whole batches as too large, so a small message beside a large one gets another chance.
        if error.code() in _TOO_LARGE and message.refusals < REFUSALS_MAX:
            if error.code() == KafkaError.INVALID_RECORD and message.refusals > 0:
                self._distrust_clock()  # brokers call a batch with several wrong stamps invalid, and don't say why
            self._again.append(message.smaller())  # not sent from here: this runs inside the client's own poll
            return
        is_stamp = error.code() == KafkaError.INVALID_TIMESTAMP and message.known_ms > 0
        if (is_stamp or error.code() == _FOR_ANOTHER) and message.refusals < REFUSALS_MAX:
            if is_stamp:
                self._distrust_clock()
            self._again.append(replace(message, refusals=message.refusals + 1))
            return
        self._error = self._error or refusal(error, topic=self._topic, where=self._where)


class _KafkaPart(StatefulSinkPartition[Any, None]):
    def __init__(self, sink: "_KafkaSink") -> None:
        self._sink = sink

    def write_batch(self, values: list[Any]) -> None:
        for value in values:
            self._sink.write(value)

    def snapshot(self) -> None:
        self._sink.producer.flush()


class _KafkaSink(FixedPartitionedSink[Any, None]):
    """Parts are shards; all of a worker's share one producer."""

    def __init__(self, shards: int, producer: CheckedProducer) -> None:
        self._shards = shards
        self.producer = producer

    def write(self, item: Any) -> None:
        raise NotImplementedError

    def list_parts(self) -> list[str]:
        return part_names(self._shards)

    def part_fn(self, item_key: str) -> int:
        return partition_of(item_key)

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _KafkaPart:  # noqa: ARG002
        return _KafkaPart(self)


class DeadLetterSink(_KafkaSink):
    """Items: (shard key, Sequence[Reject]). The record's own key and bytes; all else stands in headers.

    Headers, UTF-8: reason, detail, topic, partition, offset, timestamp (ms), flow, time (ISO 8601, when written).
    Creates the topic where it is missing. ``flow`` names the job that refused the record.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        shards: int,
        *,
        flow: str,
        properties: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        ensure_topic(bootstrap, topic, config={"max.message.bytes": str(LETTER_BYTES_MAX)}, properties=properties)
        super().__init__(shards, CheckedProducer(bootstrap, topic, properties=properties, stop=stop))
        self._flow = flow.encode()

    def write(self, item: Sequence[Reject]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").encode()
        for reject in item:
            headers: Headers = [
                ("reason", reject.reason.label.encode()),
                ("detail", reject.detail.encode()[:1000]),
                ("topic", reject.topic.encode()),
                ("partition", str(reject.partition).encode()),
                ("offset", str(reject.offset).encode()),
                ("timestamp", str(reject.timestamp_ms).encode()),
                ("flow", self._flow),
                ("time", now),
            ]
            self.producer.send(reject.key, reject.value, headers, may_cut=True, known_ms=reject.timestamp_ms)


class BarsTopicSink(_KafkaSink):
    """Items: (shard key, BarBatch of final bars), as Avro ``Bar`` keyed ``symbol|interval|start ms``.

    Creates the topic, compacted, where it is missing. ``schema_id``: the registry's id of the Bar schema.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        shards: int,
        *,
        schema_id: int = BAR_SCHEMA_ID,
        properties: Mapping[str, str] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        ensure_topic(bootstrap, topic, partitions=shards, config={"cleanup.policy": "compact"}, properties=properties)
        super().__init__(shards, CheckedProducer(bootstrap, topic, properties=properties, stop=stop))
        self._schema_id = schema_id

    def write(self, item: BarBatch) -> None:
        for key, value in bar_records(item, self._schema_id):
            self.producer.send(key, value, [])
