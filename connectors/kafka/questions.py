"""The questions asked of a topic before reading it: is it there, which one is it, where do its partitions lie.

connectors.kafka.source asks when parts are built, the commands ask before a flow starts. A position is always resolved
to a concrete offset before the first read, so that a resume never depends on when ``latest`` was evaluated. A topic is
known by its id as well as its name, because offsets of a re-created topic mean other records.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.kafka.log import KafkaLog, broker_error
from connectors.kafka.options import KafkaReadOptions, Position
from schemas.errors import InputError, MissingObject, OffsetExpired, SettingError, StateIncompatible, TapeflowError

__all__ = ["TopicFacts", "TopicQuestions", "misplaced", "open_consumer"]

NO_TOPIC_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"
RETRY_S: Final = 0.1
PATIENCE_S: Final = 1.0
"""With the leader of a partition, the first time; then twice as much, up to the timeout."""
FAILOVER_S: Final = 30.0
"""How long others may take to lead in place of a broker that died. By default it is missed after 9 s, or later where it
was the controller too."""
_ASK_AGAIN: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.OFFSET_NOT_AVAILABLE,  # a new leader doesn't know the end yet
        KafkaError._TIMED_OUT,  # noqa: SLF001 - the client's names
        KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001 - of a question that waits for a broker to come back
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._DESTROY_BROKER,  # noqa: SLF001 - the new metadata have it no more
    }
)


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """``topic_id`` is what the cluster called the topic when it was created; empty where the cluster can't say."""

    topic: str
    topic_id: str
    partitions: int


def open_consumer(options: KafkaReadOptions, log: KafkaLog, queues: int = 1) -> Any:
    """A Consumer that subscribes to nothing. Raises SettingError for a property librdkafka doesn't know."""
    try:
        return Consumer(options.consumer_properties(queues), error_cb=log.error, logger=log)
    except (KafkaException, ValueError, TypeError) as error:
        detail = error.args[0]
        text = detail.str() if isinstance(detail, KafkaError) else str(detail)
        raise SettingError(f"Kafka client refused its properties: {text}", mend="check kafka_properties") from error


class TopicQuestions:
    """A short-lived client that asks about one topic; use as a context manager."""

    def __init__(self, options: KafkaReadOptions) -> None:
        self._options = options
        self._log = KafkaLog(options.topic, level="debug")
        self._consumer = open_consumer(options, self._log)
        self._timeout_s = options.timeout_ms / 1000

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._consumer.close()

    def facts(self) -> TopicFacts:
        """Raises MissingObject (no such topic), SettingError (not allowed), Unreachable (no answer in timeout_ms)."""
        topic, where = self._options.topic, self._options.bootstrap
        try:
            found = self._consumer.list_topics(topic, timeout=self._timeout_s).topics[topic]
        except KafkaException as error:
            raise self._failed("looking for the topic", error) from error
        code = found.error.code() if found.error else KafkaError.NO_ERROR
        if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise SettingError(
                f"not allowed to read topic {topic}", where=where, mend="ask for READ and DESCRIBE on it"
            )
        if code == KafkaError.TOPIC_EXCEPTION:
            raise SettingError(f"{topic!r} is no valid topic name", where=where)
        if code == KafkaError.UNKNOWN_TOPIC_OR_PART or not found.partitions:
            raise MissingObject(f"topic {topic} does not exist", where=where, mend="create it or check kafka_topic")
        return TopicFacts(topic, self._topic_id(), len(found.partitions))

    def watermarks(self, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
        """(low, high) by partition: the first offset kept and the one the next record gets.

        A leader that died is waited for, while other brokers answer. Raises Unreachable.
        """
        return {partition: self._watermarks(partition) for partition in partitions}

    def _watermarks(self, partition: int) -> tuple[int, int]:
        asked = TopicPartition(self._options.topic, partition)
        until_s, patience_s = time.monotonic() + FAILOVER_S, PATIENCE_S
        while True:
            try:
                timeout_s = min(patience_s, self._timeout_s)
                found: tuple[int, int] = self._consumer.get_watermark_offsets(asked, timeout=timeout_s)
            except KafkaException as error:
                # A topic a moment old, or a broker that just died: the next metadata names the leader.
                may_change = error.args[0].code() in _ASK_AGAIN and time.monotonic() < until_s
                if not may_change or not self._has_answered():
                    raise self._failed("asking for offsets", error) from error
                patience_s *= 2
                time.sleep(RETRY_S)
            else:
                return found

    def _has_answered(self) -> bool:
        """Whether any broker says who leads now; the client remembers it."""
        try:
            self._consumer.list_topics(self._options.topic, timeout=self._timeout_s)
        except KafkaException:
            return False
        return True

    def offsets_at(self, partitions: Iterable[int], time_ms: int) -> dict[int, int]:
        """Offset of the first record with a timestamp of ``time_ms`` or later, else the high watermark."""
        asked = [TopicPartition(self._options.topic, partition, time_ms) for partition in partitions]
        try:
            answers = self._consumer.offsets_for_times(asked, timeout=self._timeout_s)
        except KafkaException as error:
            raise self._failed("asking for offsets by time", error) from error
        found = {answer.partition: answer.offset for answer in answers if answer.offset >= 0}
        beyond = [answer.partition for answer in answers if answer.offset < 0]
        return {**found, **{partition: high for partition, (_, high) in self.watermarks(beyond).items()}}

    def resolve(
        self, position: Position, partitions: Iterable[int], unnamed: Literal["earliest", "latest"] = "earliest"
    ) -> dict[int, int]:
        """Concrete offsets; ``unnamed`` says where partitions stand that an ``offsets`` position leaves out.

        ``partitions`` are all of the topic. Raises InputError when the position names another.
        """
        wanted = list(partitions)
        _check_named(position, self._options.topic, len(wanted))
        if position.kind == "time":
            return self.offsets_at(wanted, position.time_ms)
        if position.kind == "offsets":
            rest = [partition for partition in wanted if partition not in position.offsets]
            given = {partition: position.offsets[partition] for partition in wanted if partition in position.offsets}
            if rest:
                given |= self.resolve(Position(unnamed), rest)
            return given
        side = 0 if position.kind == "earliest" else 1
        return {partition: marks[side] for partition, marks in self.watermarks(wanted).items()}

    def check_start(self) -> TopicFacts:
        """As facts(); raises InputError too, when the start names a partition or an offset that isn't there yet.

        One that retention has taken is left to the source: a flow that resumes no longer needs it.
        """
        facts, start = self.facts(), self._options.start
        _check_named(start, facts.topic, facts.partitions)
        for partition, (_, high) in self.watermarks(start.offsets).items():
            if start.offsets[partition] > high:
                raise InputError(
                    f"offset {start.offsets[partition]} lies beyond the topic's end {high}",
                    where=f"{facts.topic}[{partition}]",
                    mend="check TAPEFLOW_KAFKA_START",
                )
        return facts

    def _topic_id(self) -> str:
        admin = AdminClient(self._options.client_properties(), logger=self._log)
        topic = self._options.topic
        try:
            future = admin.describe_topics(TopicCollection([topic]), request_timeout=self._timeout_s)[topic]
            text = str(future.result(self._timeout_s).topic_id)
        except (KafkaException, TimeoutError):
            # The id is a safeguard, not a need: a broker that can't say leaves the offset checks.
            return ""
        return "" if text == NO_TOPIC_ID else text

    def _failed(self, doing: str, error: KafkaException) -> TapeflowError:
        self._consumer.poll(0)  # serves error_cb, which knows why (a refused login, a closed port)
        return broker_error(doing, error, self._log, self._options.bootstrap)


def _check_named(position: Position, topic: str, partitions: int) -> None:
    """Raises InputError when the position names a partition that the topic doesn't have."""
    if strange := [partition for partition in sorted(position.offsets) if partition >= partitions]:
        raise InputError(
            f"topic {topic} has no partition {strange[0]}",
            where=str(position),
            mend=f"its partitions are 0 to {partitions - 1}",
        )


def misplaced(topic: str, partition: int, offset: int, low: int, high: int) -> TapeflowError | None:
    """Why reading can't go on at ``offset`` of a partition that holds [low, high), or None when it can."""
    where = f"{topic}[{partition}]"
    if offset < low:
        return OffsetExpired(
            f"offset {offset} is gone, the topic now begins at {low}",
            where=where,
            mend=f"{low - offset} offsets were deleted before they were read: start anew with an empty recovery_dir "
            "(kafka_start=earliest takes what is left) and repair the gap from another copy",
        )
    if offset > high:
        return StateIncompatible(
            f"offset {offset} lies beyond the topic's end {high}",
            where=where,
            mend="the topic was re-created or truncated: start anew with an empty recovery_dir, a higher source_epoch",
        )
    return None
