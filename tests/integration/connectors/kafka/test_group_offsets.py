"""What Kafka's own tools see of a flow: offsets of a group on a real broker, and one line where a login may not say."""

import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient
from structlog.testing import capture_logs

from connectors.kafka.group_offsets import GroupOffsets
from connectors.kafka.options import KafkaReadOptions
from local.ports import free_port
from tests.chaos.world import until
from tests.integration.connectors.kafka_feeding import Feed, options
from tests.servers.kafka import KafkaBroker, make_topic

WAIT_S = 20.0


def seen(bootstrap: str, group: str) -> dict[int, int]:
    """As an exporter of lag asks."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    (answer,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    return {place.partition: place.offset for place in answer.result(WAIT_S).topic_partitions}


@pytest.fixture
def topic(kafka_bootstrap: str) -> str:
    name = make_topic(kafka_bootstrap, f"group-{uuid.uuid4().hex}", 2)
    Feed(kafka_bootstrap, name).send([b"a", b"b", b"c"], 1)
    return name


@pytest.fixture(scope="module")
def closed() -> Iterator[KafkaBroker]:
    with KafkaBroker(users={"few": "secret"}) as broker:
        make_topic(broker.bootstrap, "closed", 1)
        yield broker


def test_what_was_told_last_is_seen(kafka_bootstrap: str, topic: str) -> None:
    group = f"tapeflow-{uuid.uuid4().hex}"
    offsets = GroupOffsets(options(kafka_bootstrap, topic), group)
    for told in ({0: 0, 1: 1}, {0: 0, 1: 3}, {0: 0, 1: 2}):  # the last is a flow that went back

        def tell_and_see(told: dict[int, int] = told) -> bool:
            offsets.finish(told, WAIT_S)
            return seen(kafka_bootstrap, group) == told

        until(tell_and_see, WAIT_S, "the coordinator of a new broker")


def test_a_group_of_others_is_left_alone_in_one_line(kafka_bootstrap: str, topic: str) -> None:
    group = f"theirs-{uuid.uuid4().hex}"
    member = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
    try:
        member.subscribe([topic])
        until(lambda: member.poll(0.1) is not None, WAIT_S, "a record of the member")
        with capture_logs() as said:
            offsets = GroupOffsets(options(kafka_bootstrap, topic), group)
            for _ in range(3):
                offsets.finish({1: 1}, WAIT_S)
        (line,) = [each for each in said if each["event"] == "group_offsets_refused"]
        assert "TAPEFLOW_KAFKA_GROUP" in line["mend"]
    finally:
        member.close()
    offsets.finish({1: 1}, WAIT_S)
    assert seen(kafka_bootstrap, group)[1] == 1


def test_a_login_without_the_right_is_told_of_once(closed: KafkaBroker) -> None:
    login = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "few",
        "sasl.password": "secret",
    }
    asked = KafkaReadOptions(bootstrap=closed.login_bootstrap, topic="closed", properties=login)
    with capture_logs() as said:
        offsets = GroupOffsets(asked, "tapeflow-live")

        def is_told() -> bool:
            offsets.tell({0: 1})
            return any(each["event"] == "group_offsets_refused" for each in said)

        until(is_told, WAIT_S, "the refusal")
        for offset in range(2, 5):
            offsets.finish({0: offset}, 0.1)
    (line,) = [each for each in said if each["event"] == "group_offsets_refused"]
    assert (line["log_level"], line["group"]) == ("warning", "tapeflow-live")
    assert "grant READ" in line["mend"]


def test_a_broker_that_is_away_is_waited_for_by_nobody() -> None:
    offsets = GroupOffsets(KafkaReadOptions(bootstrap=f"127.0.0.1:{free_port()}", topic="trades"), "tapeflow-live")
    with capture_logs() as said:
        for offset in range(3):
            offsets.tell({0: offset})
    assert not [each for each in said if each["log_level"] == "warning"]
