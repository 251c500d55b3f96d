"""What a login may do, as a real broker with ACLs says it; nothing is changed, and nothing claimed that isn't known."""

import uuid
from collections.abc import Iterator

import pytest

from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.rights import KafkaRights, TopicRights
from tests.integration.connectors.kafka_feeding import options
from tests.integration.gateway.rest_server import eventually
from tests.servers.kafka_acl import AclBroker

USER = "reader"


@pytest.fixture(scope="module")
def broker() -> Iterator[AclBroker]:
    with AclBroker(USER) as broker:
        yield broker


@pytest.fixture
def topic(broker: AclBroker) -> str:
    return broker.make_topic(f"rights-{uuid.uuid4().hex}")


@pytest.fixture
def asked(broker: AclBroker, topic: str) -> KafkaReadOptions:
    return options(broker.secured, topic, properties=broker.login(USER))


def test_what_is_granted_is_told_and_the_rest_is_lacking(
    broker: AclBroker, topic: str, asked: KafkaReadOptions
) -> None:
    rights = KafkaRights(asked)
    assert rights.topic(topic) == TopicRights(False, frozenset())
    broker.allow(USER, "TOPIC", topic, "DESCRIBE", "READ")
    found = rights.topic(topic)
    assert found.exists
    assert found.lacks("READ", "WRITE", "DESCRIBE") == ["WRITE"]


def test_whether_a_topic_may_be_made_is_asked_without_making_it(
    broker: AclBroker, topic: str, asked: KafkaReadOptions
) -> None:
    rights, new = KafkaRights(asked), f"new-{uuid.uuid4().hex}"
    assert rights.may_create(new) is False
    broker.allow(USER, "TOPIC", new, "CREATE", "DESCRIBE")
    assert rights.may_create(new) is True
    assert rights.topic(new) == TopicRights(False, None)


def test_the_group_is_that_of_the_properties(broker: AclBroker, topic: str, asked: KafkaReadOptions) -> None:
    assert KafkaRights(asked).may_use_group() is False
    group = f"group-{uuid.uuid4().hex}"
    broker.allow(USER, "GROUP", group, "READ", "DESCRIBE")
    named = options(asked.bootstrap, topic, properties={**broker.login(USER), "group.id": group})
    # A broker that has just started has no coordinator of groups yet, and doesn't say.
    eventually(lambda: KafkaRights(named).may_use_group() is True, 30)


def test_where_nothing_is_known_nothing_is_lacking() -> None:
    assert TopicRights(True, None).lacks("READ", "WRITE") == []
