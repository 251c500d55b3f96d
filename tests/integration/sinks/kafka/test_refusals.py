"""A producer whose login may not write ends in one line, whatever the client hands over in the same moment."""

from collections.abc import Iterator
from typing import Any

import pytest

from jobs.produce.kafka_writer import RecordWriter
from schemas.errors import SettingError
from sinks.kafka.sink import CheckedProducer
from tests.servers.kafka import KafkaBroker, make_topic

LOGIN = {"sasl.mechanism": "PLAIN", "sasl.username": "few", "sasl.password": "secret"}
ROUND_TRIPS = 30
"""Questions to the broker that take longer, all together, than it needs to refuse a producer's number."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    with KafkaBroker(tmp_path_factory.mktemp("refused"), users={"few": "secret"}) as broker:
        make_topic(broker.bootstrap, "closed", 1)
        yield broker


@pytest.fixture
def properties() -> dict[str, str]:
    return {"security.protocol": "SASL_PLAINTEXT", **LOGIN}


def ask(client: Any) -> None:
    """Let the broker's refusal wait beside the reports of what it concerns."""
    for _ in range(ROUND_TRIPS):
        client.list_topics(timeout=10)


def test_a_sink_says_the_right_that_is_missing(broker: KafkaBroker, properties: dict[str, str]) -> None:
    producer = CheckedProducer(broker.login_bootstrap, "closed", properties=properties)
    producer.send(b"key", b"value", [])
    ask(producer._producer)
    with pytest.raises(SettingError, match="Kafka refuses WRITE on topic closed"):
        producer.flush()


def test_produce_says_the_right_that_is_missing(broker: KafkaBroker, properties: dict[str, str]) -> None:
    writer = RecordWriter(broker.login_bootstrap, "closed", {**properties})
    writer.send([b"value"] * 10, [b"key"] * 10)
    ask(writer._producer)
    with pytest.raises(SettingError, match="Kafka refuses WRITE on topic closed"):
        writer.finish(30)
    with pytest.raises(SettingError, match="Kafka refuses WRITE on topic closed"):
        writer.send([b"value"], [b"key"])
