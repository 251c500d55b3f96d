"""Writes records to another topic under a new key, exactly once, by Kafka's own transactions.

The rekey flow hands in batches of one source partition with keys, values and timestamps. The records of a batch and the
source offset behind them are one transaction. A batch that comes again after a crash is cut to what that offset says is
missing. So each source record stands in the target once for readers of committed records, which is the default. This
needs nothing of the flow's own recovery state, as the offsets live in the target's cluster.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.closing import quietly
from schemas.errors import StateIncompatible, Unreachable
from sinks.kafka.refusals import ENDED, reason_of, refusal

__all__ = ["KafkaRekeySink", "KeyedRecords"]

ANSWER_S: Final = 20.0
NO_TOPIC_MS: Final = 10_000
"""A topic that isn't there is one that the brokers only don't know yet for this long; a commit waits longer for it."""
TRANSACTION_MS: Final = 30_000
PAUSE_S: Final = 0.5
_log = structlog.get_logger()


class KeyedRecords(NamedTuple):
    """Records of a source partition in offset order. next_offset: behind the last record read, refused ones too."""

    partition: int
    offsets: Sequence[int]
    keys: Sequence[bytes]
    values: Sequence[bytes]
    timestamps_ms: Sequence[int]
    next_offset: int


class KafkaRekeySink(DynamicSink[KeyedRecords]):
    """Items: KeyedRecords. source_id: what the cluster calls the source topic, to notice that it was made anew."""

    def __init__(
        self,
        bootstrap: str,
        source: str,
        source_id: str,
        target: str,
        *,
        properties: Mapping[str, Any] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._given = (bootstrap, source, source_id, target, dict(properties or {}), stop or threading.Event())

    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_RekeyPart":  # noqa: ARG002
        return _RekeyPart(*self._given, worker_index)


class _RekeyPart(StatelessSinkPartition[KeyedRecords]):
    """One worker's producer. Its transactional id shuts out a predecessor that still lives."""

    def __init__(
        self,
        bootstrap: str,
        source: str,
        source_id: str,
        target: str,
        properties: dict[str, Any],
        stop: threading.Event,
        worker: int,
    ) -> None:
        self._source, self._source_id, self._target, self._stop = source, source_id, target, stop
        self._where = f"{bootstrap} {target}"
        self._done: dict[int, int] = {}
        client = {"log_level": 2, **properties, "bootstrap.servers": bootstrap}
        self._group = f"tapeflow-rekey-{source}-{target}"
        self._offsets = Consumer({**client, "group.id": self._group, "enable.auto.commit": False})
        self._options = {
            "client.id": "tapeflow-rekey",
            "linger.ms": 5,
            "delivery.report.only.error": True,
            "topic.metadata.propagation.max.ms": NO_TOPIC_MS,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 500_000,
            **client,
            "transactional.id": f"{self._group}-{worker}",
            "transaction.timeout.ms": TRANSACTION_MS,
        }
        self._undelivered: KafkaError | None = None
        self._producer: Producer | None = None
        try:
            self._ready()
        except KafkaException as error:
            if error.args[0].code() in _REFUSED:
                raise refusal(error.args[0], topic=target, where=self._where, group=self._group) from error
            # Only a start is this strict; later on a broker that is away is waited for.
            raise Unreachable(
                f"Kafka began no transaction: {error.args[0].str()}",
                where=self._where,
                mend="rekey needs a broker with transactions, and the right to use them",
            ) from error

    def write_batch(self, items: list[KeyedRecords]) -> None:
        """All items in one transaction, begun again for as long as the brokers are away."""
        while True:
            try:
                return self._write(items)
            except ENDED as error:
                # A commit says only that messages failed; their reports say why.
                self._judge(self._undelivered or reason_of(error))

    def close(self) -> None:
        with quietly("the consumer of committed offsets"):
            self._offsets.close()

    def _write(self, items: list[KeyedRecords]) -> None:
        producer = self._ready()
        left = [(item, self._missing_from(item)) for item in items]
        left = [(item, first) for item, first in left if item.next_offset > self._done[item.partition]]
        if not left:
            return
        producer.begin_transaction()
        reached: dict[int, int] = {}
        for item, first in left:
            for index in range(first, len(item.offsets)):
                self._produce(producer, item, index)
            reached[item.partition] = item.next_offset
        positions = [
            TopicPartition(self._source, partition, offset, metadata=self._source_id)
            for partition, offset in reached.items()
        ]
        producer.send_offsets_to_transaction(positions, self._offsets.consumer_group_metadata(), ANSWER_S)
        producer.commit_transaction(ANSWER_S)
        self._done.update(reached)

    def _produce(self, producer: Producer, item: KeyedRecords, index: int) -> None:
        stamp = item.timestamps_ms[index]
        while True:
            try:
                producer.produce(
                    self._target,
                    item.values[index],
                    item.keys[index],
                    timestamp=max(stamp, 0),
                    on_delivery=self._reported,
                )
            except BufferError:
                producer.poll(0.1)
            else:
                return

    def _reported(self, error: KafkaError | None, _: object) -> None:
        """Keep the first reason; the messages behind it are purged with their transaction."""
        self._undelivered = self._undelivered or error

    def _ready(self) -> Producer:
        if self._producer is None:
            producer = Producer(self._options)
            producer.init_transactions(ANSWER_S)
            # What was under way is committed or gone now, so the offsets have to be asked for again.
            self._done.clear()
            self._producer = producer
        return self._producer

    def _missing_from(self, item: KeyedRecords) -> int:
        """Index of the first record that isn't in the target yet."""
        if item.partition not in self._done:
            self._done[item.partition] = self._committed(item.partition)
        done = self._done[item.partition]
        if not item.offsets or item.offsets[0] >= done:
            return 0
        return next((index for index, offset in enumerate(item.offsets) if offset >= done), len(item.offsets))

    def _committed(self, partition: int) -> int:
        (found,) = self._offsets.committed([TopicPartition(self._source, partition)], ANSWER_S)
        if found.error is not None:
            raise KafkaException(found.error)
        if found.offset >= 0 and found.metadata and self._source_id and found.metadata != self._source_id:
            raise StateIncompatible(
                f"topic {self._source} was re-created since {self._target} was written from it",
                where=self._group,
                mend=f"delete the consumer group {self._group}, or write to another topic",
            )
        return max(found.offset, 0)

    def _judge(self, error: KafkaError) -> None:
        """Begin anew after what passes; raise for what doesn't."""
        # A transaction that failed can't be told apart from one that committed unseen, except by asking again.
        self._producer, self._undelivered = None, None
        if error.code() in _SHUT_OUT:
            raise StateIncompatible("another worker writes the same topic", where=self._where, mend="stop one of them")
        if error.code() in _REFUSED:
            raise refusal(error, topic=self._target, where=self._where, group=self._group)
        _log.warning("kafka_awaited", where=self._where, error=error.str())
        if self._stop.wait(PAUSE_S):
            raise Unreachable("stopped while Kafka was down", where=self._where, mend=error.str())


_SHUT_OUT: Final = frozenset(
    {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}  # noqa: SLF001
)
_REFUSED: Final = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,  # noqa: SLF001
        KafkaError.INVALID_TRANSACTION_TIMEOUT, KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.INVALID_RECORD, KafkaError.POLICY_VIOLATION,
    }
)  # fmt: skip
