"""Where the partitions of a topic end now, asked by a client of its own, however busy or stuck the reader is.

flows.lookout asks it on a timer, for lag, and ``doctor`` and ``verify`` once. Two offsets tell more than one: behind
the stable end lie the records of transactions that are still open, which no reader of ours is given.
Each question is one request per broker and kind of end, whatever the number of partitions.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from connectors.kafka.log import KafkaLog, broker_error
from connectors.kafka.options import KafkaReadOptions
from schemas.errors import SettingError, TapeflowError

__all__ = ["LogEnd", "TopicEnds"]

GRACE_S: Final = 2.0
OUTDATED: Final = frozenset(
    {KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.NOT_LEADER_FOR_PARTITION}
)
"""A broker came back. The client knows an older state of it and wouldn't learn by this kind of question: it is opened
anew."""


class LogEnd(NamedTuple):
    """``stable``: the first offset that readers aren't given yet; ``high``: the offset that the next record gets."""

    stable: int
    high: int

    @property
    def hidden(self) -> int:
        """Offsets from the first open transaction on."""
        return max(self.high - self.stable, 0)


class TopicEnds:
    """Asks about one topic. The client connects at the first question and stays."""

    def __init__(self, options: KafkaReadOptions) -> None:
        self._options = options
        self._timeout_s = options.timeout_ms / 1000
        self._log = KafkaLog(options.topic, level="debug")
        self._admin: AdminClient | None = None

    def ask(self, partitions: Iterable[int]) -> dict[int, LogEnd]:
        """The ends of the partitions, without those whose broker doesn't answer while others do.

        Raises Unreachable when none answers, SettingError when they refuse.
        """
        high = self._ends(partitions, IsolationLevel.READ_UNCOMMITTED)
        # Asked later: what comes between the two questions of a busy topic must not look hidden.
        stable = self._ends(high, IsolationLevel.READ_COMMITTED)
        return {partition: LogEnd(min(end, high[partition]), high[partition]) for partition, end in stable.items()}

    def _ends(self, partitions: Iterable[int], level: IsolationLevel) -> Mapping[int, int]:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(self._options.topic, partition): latest for partition in partitions}
        if not asked:
            return {}
        try:
            if self._admin is None:
                properties = {**self._options.client_properties(), "error_cb": self._log.error}
                self._admin = AdminClient(properties, logger=self._log)
            answers = self._admin.list_offsets(asked, isolation_level=level, request_timeout=self._timeout_s)
        except KafkaException as error:
            raise self._failed(error) from error
        found, refused = {}, None
        for place, answer in answers.items():
            try:
                found[place.partition] = answer.result(self._timeout_s + GRACE_S).offset
            except KafkaException as error:
                refused = error
                if error.args[0].code() in OUTDATED:
                    self._admin = None
            except TimeoutError:
                refused = refused or KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
        if not found and refused is not None:
            raise self._failed(refused)
        return found

    def _failed(self, error: KafkaException) -> TapeflowError:
        if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return SettingError(
                f"not allowed to ask where topic {self._options.topic} ends",
                where=self._options.bootstrap,
                mend="ask for DESCRIBE on it",
            )
        return broker_error("asking where the topic ends", error, self._log, self._options.bootstrap)
