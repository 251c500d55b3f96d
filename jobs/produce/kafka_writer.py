"""Puts records on a topic and counts each delivery: the sending half of ``produce`` and of the demo.

Values and keys come in as bytes; a record goes to the partition that Java producers would choose for its key. A record
counts as sent only when the broker has said so. One that can't be delivered is an error, never a silent gap. Sending
again after a lost answer neither doubles a record nor lets later ones overtake it (idempotence).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count, repeat
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # is there all the same

from runtime.settings.whole import Settings
from runtime.tracing.names import DESTINATION, MESSAGING_SYSTEM, OPERATION_NAME, OPERATION_TYPE
from runtime.tracing.tracer import PRODUCER, tracer
from schemas.errors import MissingObject, SettingError, TapeflowError, Unreachable, WriteFailed
from schemas.traces import TRACEPARENT
from sinks.kafka.refusals import ENDED, reason_of, refusal

__all__ = ["NOW", "Delivered", "RecordWriter", "ensure_topic", "trades_writer"]

Delivered = Callable[[Any], None]
"""Takes confluent_kafka's Message of a delivered record: partition, offset, timestamp, key, value."""

Headers: TypeAlias = list[tuple[str, str | bytes | None]] | None

REACH_S: Final = 5.0
NOW: Final = 0
"""As a timestamp: what the client takes for the moment of sending."""
DEFAULTS: Final = {
    "client.id": "tapeflow-produce",
    "enable.idempotence": True,
    "linger.ms": 5,
    "partitioner": "murmur2_random",
    "queue.buffering.max.messages": 500_000,
    "delivery.timeout.ms": 30_000,
    "log_level": 2,
}
WRONG_TOPIC: Final = frozenset(
    {
        KafkaError.INVALID_PARTITIONS,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
"""Answers to a new topic that are about what was asked for."""


class RecordWriter:
    """One producer for one topic. ``delivered`` and ``failed`` count what the broker has answered so far.

    trace_records: 1 in so many begins a trace, where traces are on; 0 for none.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        properties: Mapping[str, str | int | float | bool] | None = None,
        on_delivered: Delivered | None = None,
        trace_records: int = 0,
    ) -> None:
        self._topic, self._where = topic, bootstrap
        self._on_delivered = on_delivered
        self._trace_records = trace_records if tracer().is_on else 0
        self._turns = count(1)
        self.delivered = 0
        self.failed = 0
        self._first_failure = ""
        self._end: TapeflowError | None = None
        try:
            self._producer = Producer({**DEFAULTS, **(properties or {}), "bootstrap.servers": bootstrap})
        except KafkaException as error:
            raise SettingError(
                f"Kafka client refused its properties: {error.args[0].str()}", mend="check kafka_properties"
            ) from None

    def check(self) -> int:
        """Partitions of the topic; raises Unreachable or MissingObject."""
        try:
            found = self._producer.list_topics(self._topic, timeout=REACH_S).topics[self._topic]
        except KafkaException as error:
            raise Unreachable(
                f"Kafka doesn't answer: {error.args[0].str()}", where=self._where, mend="check TAPEFLOW_KAFKA_BOOTSTRAP"
            ) from None
        if found.error is not None or not found.partitions:
            raise MissingObject(
                f"topic {self._topic} does not exist", where=self._where, mend="create it, or give --partitions N"
            )
        return len(found.partitions)

    def send(
        self,
        values: Iterable[bytes | None],
        keys: Iterable[bytes | None],
        timestamps_ms: Iterable[int] = repeat(NOW),
        headers: Headers = None,
    ) -> None:
        """Hand over records; waits while the client's queue is full. Raises WriteFailed after a failed delivery,
        SettingError for a right that is missing.

        timestamps_ms: of the records; NOW is the time of sending. headers: of each record.
        """
        produce, topic, answered = self._producer.produce, self._topic, self._answered
        each_headers = self._traced(headers) if self._trace_records else repeat(headers)
        for value, key, timestamp_ms, own in zip(values, keys, timestamps_ms, each_headers, strict=False):
            while True:
                try:
                    produce(topic, value, key, on_delivery=answered, timestamp=timestamp_ms, headers=own)
                    break
                except BufferError:
                    self._serve(0.1)
                except KafkaException as error:  # not even queued
                    raise self._refused(error) from None
        self._serve(0)
        self._check_failures()

    def finish(self, timeout_s: float = 60.0) -> int:
        """Wait for every answer and give the number delivered. Raises as ``send`` does unless all were."""
        try:
            left = self._producer.flush(timeout_s)
        except ENDED as error:
            raise self._refused(error) from None
        self._check_failures()
        if left:
            raise WriteFailed(f"{left} records are still unanswered after {timeout_s:g} s", where=self._where)
        return self.delivered

    def _traced(self, headers: Headers) -> Iterator[Headers]:
        """The headers of each record: those given, and for 1 in so many the context of a span of its sending."""
        about = {MESSAGING_SYSTEM: "kafka", OPERATION_TYPE: "send", OPERATION_NAME: "send", DESTINATION: self._topic}
        for turn in self._turns:
            if turn % self._trace_records:
                yield headers
                continue
            span = tracer().begin_root(f"send {self._topic}", PRODUCER, time.time_ns(), about, enters=True)
            if span is None:  # too many a second, or traces have ended
                yield headers
                continue
            span.end()
            yield [*(headers or ()), (TRACEPARENT, span.traceparent)]

    def _serve(self, seconds: float) -> None:
        """Take the broker's answers."""
        try:
            self._producer.poll(seconds)
        except ENDED as error:
            raise self._refused(error) from None

    def _refused(self, ended: Exception) -> TapeflowError:
        """Why the client ended: only its first exception tells."""
        self._end = self._end or refusal(reason_of(ended), topic=self._topic, where=self._where)
        return self._end

    def _check_failures(self) -> None:
        if self.failed:
            raise WriteFailed(
                f"{self.failed} records were not delivered: {self._first_failure}",
                where=f"{self._topic} at {self._where}",
            )

    def _answered(self, error: KafkaError | None, message: Any) -> None:
        if error is not None:
            self._first_failure = self._first_failure or error.str()
            self.failed += 1
            return
        self.delivered += 1
        if self._on_delivered is not None:
            self._on_delivered(message)


def ensure_topic(
    bootstrap: str,
    topic: str,
    partitions: int,
    properties: Mapping[str, str | int | float | bool] | None = None,
    config: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Create ``topic``, with ``config``, unless it's there. Raises Unreachable, SettingError for what the broker
    doesn't allow, and WriteFailed for any other refusal."""
    admin = AdminClient({"log_level": 2, **(properties or {}), "bootstrap.servers": bootstrap})
    try:
        wanted = NewTopic(topic, partitions, -1, config=dict(config))
        admin.create_topics([wanted], operation_timeout=REACH_S, request_timeout=REACH_S)[topic].result(REACH_S)
    except KafkaException as error:
        code = error.args[0].code()
        if code == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        if code in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT):  # noqa: SLF001 - the client's names for them
            raise Unreachable("Kafka doesn't answer", where=bootstrap, mend="check TAPEFLOW_KAFKA_BOOTSTRAP") from None
        what = f"can't create topic {topic}: {error.args[0].str()}"
        if code in WRONG_TOPIC:
            raise SettingError(
                what, where=bootstrap, mend="ask for what the broker allows, or create it there"
            ) from None
        raise WriteFailed(what, where=bootstrap) from None
    except TimeoutError:
        raise Unreachable("Kafka doesn't answer", where=bootstrap, mend="check TAPEFLOW_KAFKA_BOOTSTRAP") from None


def trades_writer(settings: Settings) -> RecordWriter:
    """For the topic of trades that ``settings`` name, which must be there. Raises as RecordWriter and its check."""
    writer = RecordWriter(
        settings.kafka_bootstrap,
        settings.kafka_topic,
        settings.kafka_properties,
        trace_records=settings.trace_records,
    )
    writer.check()
    return writer
