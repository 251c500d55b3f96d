"""What the login in use may do with topics and groups, as the brokers say it.

``doctor`` asks before a flow runs into a refusal. Brokers tell what is allowed when a topic or a group is described
(KIP-430); whether a topic may be made is asked by a creation that is only validated. Nothing is changed. A broker that
doesn't tell, such as the embedded one, gives None: then nothing is known, and nothing is claimed.
"""

from typing import Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connectors.kafka.log import KafkaLog, broker_error
from connectors.kafka.options import DEFAULTS, KafkaReadOptions
from schemas.errors import TapeflowError

__all__ = ["KafkaRights", "TopicRights"]


TIMED_OUT: Final[int] = KafkaError._TIMED_OUT  # noqa: SLF001


class TopicRights(NamedTuple):
    """``exists``: False also where the login may not see it. ``allowed``: operations such as READ, None if unknown."""

    exists: bool
    allowed: frozenset[str] | None

    def lacks(self, *wanted: str) -> list[str]:
        """Those of ``wanted`` that aren't allowed; none where it isn't known."""
        return [] if self.allowed is None else [each for each in wanted if each not in self.allowed]


class KafkaRights:
    """Asks with the options' brokers and properties. Every question raises Unreachable when no broker answers."""

    def __init__(self, options: KafkaReadOptions) -> None:
        self._options = options
        self._log = KafkaLog(options.topic, level="debug")
        self._timeout_s = options.timeout_ms / 1000
        properties = {**options.client_properties(), "error_cb": self._log.error}
        self._admin = AdminClient(properties, logger=self._log)

    def topic(self, name: str) -> TopicRights:
        try:
            asked = self._admin.describe_topics(
                TopicCollection([name]), include_authorized_operations=True, request_timeout=self._timeout_s
            )
            operations = asked[name].result(self._timeout_s).authorized_operations
        except (KafkaException, TimeoutError) as error:
            code = _code(error)
            if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return TopicRights(False, None)
            if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                return TopicRights(False, frozenset())
            raise self._failed(f"asking for rights on topic {name}", error) from error
        return TopicRights(True, _names(operations))

    def may_create(self, name: str) -> bool | None:
        """Whether the topic could be made; None where the broker doesn't say."""
        try:
            wanted = [NewTopic(name, num_partitions=1, replication_factor=-1)]
            asked = self._admin.create_topics(wanted, validate_only=True, request_timeout=self._timeout_s)
            asked[name].result(self._timeout_s)
        except (KafkaException, TimeoutError) as error:
            code = _code(error)
            if code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
                return False
            return True if code == KafkaError.TOPIC_ALREADY_EXISTS else None
        return True

    def may_use_group(self) -> bool | None:
        """READ on the consumer group that the client names; None where the broker doesn't say."""
        group = str(self._options.properties.get("group.id", DEFAULTS["group.id"]))
        try:
            asked = self._admin.describe_consumer_groups(
                [group], include_authorized_operations=True, request_timeout=self._timeout_s
            )
            allowed = _names(asked[group].result(self._timeout_s).authorized_operations)
        except (KafkaException, TimeoutError) as error:
            return False if _code(error) == KafkaError.GROUP_AUTHORIZATION_FAILED else None
        return None if allowed is None else "READ" in allowed

    def _failed(self, doing: str, error: KafkaException | TimeoutError) -> TapeflowError:
        cause = error if isinstance(error, KafkaException) else KafkaException(KafkaError(TIMED_OUT))
        return broker_error(doing, cause, self._log, self._options.bootstrap)


def _code(error: KafkaException | TimeoutError) -> int:
    return int(error.args[0].code()) if isinstance(error, KafkaException) else TIMED_OUT


def _names(operations: object) -> frozenset[str] | None:
    return frozenset(each.name for each in operations) if isinstance(operations, list) and operations else None
