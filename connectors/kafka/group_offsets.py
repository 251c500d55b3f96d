"""Tells Kafka how far a flow is, as offsets of a consumer group, so that Kafka's own tools see it.

flows.lookout calls it every few seconds with the positions of a flow; kafka-consumer-groups, Burrow and lag exporters
read what it wrote. Nobody of ours does: a flow goes on where its own recovery state says. It never waits for a broker.
What a broker refuses is one warning, and is tried again later. It commits as a consumer that joins no group, since the
client's questions about groups can abort a process when a connection breaks (librdkafka, issue 4605).
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.kafka.log import KafkaLog
from connectors.kafka.options import KafkaReadOptions

__all__ = ["GroupOffsets"]

TURN_S: Final = 0.05
ANSWER_S: Final = 60.0
"""An answer that is still to come after so long comes no more."""
OTHERS: Final = "consumers of somebody else are in the group: set TAPEFLOW_KAFKA_GROUP to another one"
REFUSED: Final = {
    KafkaError.GROUP_AUTHORIZATION_FAILED: "grant READ on the group, or set TAPEFLOW_KAFKA_GROUP to one that is yours",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "grant READ on the topic",
    KafkaError.UNKNOWN_MEMBER_ID: OTHERS,
    KafkaError.ILLEGAL_GENERATION: OTHERS,
    KafkaError.INVALID_COMMIT_OFFSET_SIZE: "set TAPEFLOW_KAFKA_GROUP to a shorter name",
}
"""What doesn't pass by itself, with what mends it. All else is an outage, which others tell of."""

_log = structlog.get_logger()


class GroupOffsets:
    """Of one topic in one ``group``; used by one thread. The client connects at the first ``tell`` and stays."""

    def __init__(self, options: KafkaReadOptions, group: str) -> None:
        self._options = options
        self._group = group
        self._quiet = KafkaLog(options.topic, level="debug")
        self._consumer: Consumer | None = None
        self._told: dict[int, int] = {}
        self._asked_s: float | None = None
        self._is_refused = False

    def tell(self, offsets: Mapping[int, int]) -> None:
        """The next offset of each partition; raises nothing. Told is what changed, once the last answer is here."""
        self._hear(0.0)
        if self._asked_s is not None and time.monotonic() - self._asked_s < ANSWER_S:
            return
        changed = {partition: each for partition, each in offsets.items() if self._told.get(partition) != each}
        if not changed:
            return
        places = [TopicPartition(self._options.topic, partition, each) for partition, each in sorted(changed.items())]
        try:
            if self._consumer is None:
                self._consumer = self._open()
            self._consumer.commit(offsets=places, asynchronous=True)
        except KafkaException as error:  # no client could be had, or no coordinator is known
            self._say(error.args[0])
        else:
            self._asked_s = time.monotonic()
            self._told |= changed

    def finish(self, offsets: Mapping[int, int], wait_s: float) -> None:
        """Tells the last ones, and waits so long for each answer that is still to come."""
        self._hear(wait_s)
        self.tell(offsets)
        self._hear(wait_s)

    def _open(self) -> Consumer:
        properties: dict[str, Any] = {
            **self._options.client_properties(),
            "group.id": self._group,
            "enable.auto.commit": False,
            "on_commit": self._answered,
            "error_cb": self._quiet.error,
        }
        return Consumer(properties, logger=self._quiet)

    def _hear(self, wait_s: float) -> None:
        """Let the client call back, for ``wait_s`` at most while an answer is still to come."""
        until_s = time.monotonic() + wait_s
        while self._consumer is not None:
            left_s = until_s - time.monotonic() if self._asked_s is not None else 0.0
            event = self._consumer.poll(min(max(left_s, 0.0), TURN_S))
            if event is not None and (error := event.error()) is not None:
                self._answered(error, ())  # no coordinator is told to this login, so no other answer comes
            if left_s <= 0:
                return

    def _answered(self, error: KafkaError | None, places: Sequence[TopicPartition]) -> None:
        """For ``on_commit``."""
        self._asked_s = None
        failed = error or next((place.error for place in places if place.error is not None), None)
        if failed is None:
            self._is_refused = False
        else:
            self._told.clear()
            self._say(failed)

    def _say(self, error: KafkaError) -> None:
        mend = REFUSED.get(error.code())
        if mend is None:
            _log.debug("group_offsets_delayed", group=self._group, error=error.str())
        elif not self._is_refused:
            self._is_refused = True
            _log.warning(
                "group_offsets_refused",
                group=self._group,
                topic=self._options.topic,
                error=error.str(),
                mend=mend,
                consequence="Kafka's own tools don't see how far the flow is; it goes on all the same",
            )
