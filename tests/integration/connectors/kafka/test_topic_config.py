"""A broker tells a topic's configuration; a topic that isn't there has none."""

import uuid

from connectors.kafka.topic_config import TopicConfig, topic_config
from tests.servers.kafka import make_topic


def test_what_a_broker_says(kafka_bootstrap: str) -> None:
    topic = f"config-{uuid.uuid4().hex[:8]}"
    make_topic(kafka_bootstrap, topic, 1, {"cleanup.policy": "compact", "retention.ms": "-1"})
    found = topic_config(kafka_bootstrap, topic)
    assert found.is_known
    assert (found.values["cleanup.policy"], found.values["retention.ms"]) == ("compact", "-1")
    assert topic_config(kafka_bootstrap, topic + "x") == TopicConfig({}, is_known=False)
