"""Tells Kafka how far a flow is, as offsets of a consumer group, so that Kafka's own tools see it.

flows.lookout calls it every few seconds with the positions of a flow; kafka-consumer-groups, Burrow and lag exporters
read what it wrote. Nobody of ours does: a flow goes on where its own recovery state says. It never waits for a broker.
What a broker refuses is one warning, and is tried again later.
"""

from collections.abc import Mapping
from concurrent.futures import Future, wait
from typing import Any, Final

import structlog
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.kafka.log import KafkaLog
from connectors.kafka.options import KafkaReadOptions

__all__ = ["GroupOffsets"]

MEMBERS: Final = frozenset({KafkaError.UNKNOWN_MEMBER_ID, KafkaError.NON_EMPTY_GROUP})
REFUSED: Final = {
    KafkaError.GROUP_AUTHORIZATION_FAILED: "grant READ on the group, or set TAPEFLOW_KAFKA_GROUP to one that is yours",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "grant READ on the topic",
    **dict.fromkeys(MEMBERS, "consumers of somebody else are in the group: set TAPEFLOW_KAFKA_GROUP to another one"),
}
"""What doesn't pass by itself, with what mends it. All else is an outage, which others tell of."""

_log = structlog.get_logger()


class GroupOffsets:
    """Of one topic in one ``group``. The client connects at the first ``tell`` and stays."""

    def __init__(self, options: KafkaReadOptions, group: str) -> None:
        self._options = options
        self._group = group
        self._quiet = KafkaLog(options.topic, level="debug")
        self._admin: AdminClient | None = None
        self._told: dict[int, int] = {}
        self._asked: Future[ConsumerGroupTopicPartitions] | None = None
        self._is_refused = False

    def tell(self, offsets: Mapping[int, int]) -> None:
        """The next offset of each partition; raises nothing. Told is what changed, once the last answer is here."""
        if self._asked is not None and not self._asked.done():
            return
        try:
            self._hear()
        except KafkaException as error:
            self._told.clear()
            self._say(error.args[0])
        changed = {partition: each for partition, each in offsets.items() if self._told.get(partition) != each}
        if not changed:
            return
        try:
            self._asked = self._ask(changed)
        except KafkaException as error:  # no client could be had
            self._say(error.args[0])
        else:
            self._told |= changed

    def finish(self, offsets: Mapping[int, int], wait_s: float) -> None:
        """Tells the last ones, and waits so long for each answer that is still to come."""
        self._await(wait_s)
        self.tell(offsets)
        self._await(wait_s)

    def _await(self, wait_s: float) -> None:
        if self._asked is not None:
            wait([self._asked], wait_s)

    def _ask(self, offsets: Mapping[int, int]) -> "Future[ConsumerGroupTopicPartitions]":
        if self._admin is None:
            properties: dict[str, Any] = {**self._options.client_properties(), "error_cb": self._quiet.error}
            self._admin = AdminClient(properties, logger=self._quiet)
        topic = self._options.topic
        places = [TopicPartition(topic, partition, offset) for partition, offset in sorted(offsets.items())]
        asked = self._admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(self._group, places)])
        return asked[self._group]

    def _hear(self) -> None:
        """Raises KafkaException for what the last answer refuses."""
        answer, self._asked = self._asked, None
        if answer is None:
            return
        for place in answer.result().topic_partitions or ():
            if place.error is not None:
                raise KafkaException(place.error)
        self._is_refused = False

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
