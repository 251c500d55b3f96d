"""Dead letters read from their topic, and put back onto their source topic in transactions.

``tapeflow dead-letters`` calls it. A letter and the marker that says it was put back are one transaction, so both are
there or neither. The transactional id is one per dead-letter topic, so of two who requeue at once the older is shut
out. The markers are a compacted topic of their own, keyed by the origin of the letter: a letter may stand twice in its
topic after a crash, but its origin is always one record.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from connectors.kafka.log import KafkaLog
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.questions import open_consumer
from connectors.kafka.range import OffsetRange
from connectors.kafka.requeued import Marker
from schemas.errors import Unreachable, WriteFailed

__all__ = ["ORIGIN_HEADER", "Letter", "RequeueTransaction", "read_letters"]

ORIGIN_HEADER: Final = "tapeflow-origin"
STALL_S: Final = 30.0
TRANSACTION_S: Final = 20.0


class Letter(NamedTuple):
    """One dead letter. partition, offset: where it stands in its own topic. origin_*: the record that was refused.

    cut_from_bytes: the length before a topic's limit cut it, 0 if it is whole.
    """

    partition: int
    offset: int
    reason: str
    detail: str
    origin_topic: str
    origin_partition: int
    origin_offset: int
    timestamp_ms: int
    flow: str
    time: str
    cut_from_bytes: int
    key: bytes | None
    value: bytes | None

    @property
    def origin(self) -> str:
        return self.marker("").origin

    def marker(self, time: str) -> Marker:
        """Says that it was put back at ``time``, ISO 8601."""
        return Marker(
            self.origin_topic, self.origin_partition, self.origin_offset, self.timestamp_ms, time, self.reason
        )


def read_letters(options: KafkaReadOptions, ranges: Mapping[int, OffsetRange]) -> Iterator[Letter]:
    """Letters of each partition's [first, end). Records without our headers are no letters and are passed over."""
    for message in _messages(options, ranges):
        headers = {name: value or b"" for name, value in message.headers() or ()}
        if not {"reason", "topic", "partition", "offset"} <= headers.keys():
            continue
        texts = {name: value.decode("utf-8", "replace") for name, value in headers.items()}
        yield Letter(
            message.partition(), message.offset(), texts["reason"], texts.get("detail", ""), texts["topic"],
            int(texts["partition"]), int(texts["offset"]), int(texts.get("timestamp", "-1")), texts.get("flow", ""),
            texts.get("time", ""), int(texts.get("cut_from_bytes", "0")), message.key(), message.value(),
        )  # fmt: skip


def _messages(options: KafkaReadOptions, ranges: Mapping[int, OffsetRange]) -> Iterator[Any]:
    left = {partition: end for partition, (first, end) in ranges.items() if first < end}
    if not left:
        return
    consumer = open_consumer(options, KafkaLog(options.topic))
    try:
        consumer.assign([TopicPartition(options.topic, partition, ranges[partition][0]) for partition in left])
        moved_s = time.monotonic()
        while left:
            for message in consumer.consume(1000, 0.2):
                partition, error = message.partition(), message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
                    raise Unreachable(f"topic {options.topic} can't be read: {error.str()}", where=options.bootstrap)
                moved_s = time.monotonic()
                reached = message.offset() if error is not None else message.offset() + 1
                if error is None and partition in left and message.offset() < left[partition]:
                    yield message
                if partition in left and reached >= left[partition]:
                    del left[partition]
            if time.monotonic() - moved_s > STALL_S:
                raise Unreachable(f"topic {options.topic} gave nothing for {STALL_S:g} s", where=options.bootstrap)
    finally:
        consumer.close()


class RequeueTransaction:
    """Puts letters back, some at a time, each lot with its markers or not at all; a context manager."""

    def __init__(self, bootstrap: str, letters_topic: str, markers_topic: str, properties: Mapping[str, Any]) -> None:
        self._where, self._markers = bootstrap, markers_topic
        self._producer = Producer(
            {
                "client.id": "tapeflow-requeue",
                "log_level": 2,
                **properties,
                "bootstrap.servers": bootstrap,
                "transactional.id": f"tapeflow-requeue-{letters_topic}",
                "message.max.bytes": 32 << 20,
            }
        )

    def __enter__(self) -> Self:
        """Shuts out whoever requeued before us and waits until what they began is over. Raises Unreachable."""
        try:
            self._producer.init_transactions(TRANSACTION_S)
        except KafkaException as error:
            raise Unreachable(
                f"Kafka began no transaction: {error.args[0].str()}",
                where=self._where,
                mend="requeue needs a broker with transactions, and the right to use them",
            ) from error
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Nothing is left open: put_back ends what it begins."""

    def put_back(self, letters: Sequence[Letter]) -> None:
        """All of ``letters``, or none when it raises WriteFailed."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        producer = self._producer
        try:
            producer.begin_transaction()
            for letter in letters:
                headers: list[tuple[str, str | bytes | None]] = [(ORIGIN_HEADER, letter.origin.encode())]
                self._produce(letter.origin_topic, letter.value, letter.key, letter.origin_partition, headers)
                self._produce(self._markers, letter.marker(now).value(), letter.origin.encode(), 0, [])
            producer.commit_transaction(TRANSACTION_S)
        except KafkaException as error:
            self._abort()
            raise WriteFailed(
                f"nothing of {len(letters)} letters was put back: {error.args[0].str()}", where=self._where
            ) from error

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        headers: list[tuple[str, str | bytes | None]],
    ) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition=partition, headers=headers)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _abort(self) -> None:
        try:
            self._producer.abort_transaction(TRANSACTION_S)
        except KafkaException:
            # The broker aborts by itself when the transaction times out, or has shut us out already.
            return
