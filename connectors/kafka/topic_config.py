"""What a broker says of a topic's configuration: retention, compaction, whose clock its records carry.

``produce`` and ``doctor`` ask. A broker that can't be asked, such as the embedded one, says nothing; a login that may
not ask is told apart from it.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

__all__ = ["TopicConfig", "topic_config"]

ANSWER_S: Final = 5.0


class TopicConfig(NamedTuple):
    """``values``: by name, empty where the broker doesn't tell. is_known: False where it wasn't allowed to ask, or
    nobody answered."""

    values: Mapping[str, str | None]
    is_known: bool = True


def topic_config(
    bootstrap: str, topic: str, properties: Mapping[str, str | int | float | bool] | None = None
) -> TopicConfig:
    admin = AdminClient({"log_level": 2, **(properties or {}), "bootstrap.servers": bootstrap})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        answer: dict[str, Any] = admin.describe_configs([resource], request_timeout=ANSWER_S)[resource].result(ANSWER_S)
    except KafkaException as error:
        return TopicConfig({}, is_known=error.args[0].code() == KafkaError._UNSUPPORTED_FEATURE)  # noqa: SLF001
    except TimeoutError:
        return TopicConfig({}, is_known=False)
    return TopicConfig({name: entry.value for name, entry in answer.items()})
