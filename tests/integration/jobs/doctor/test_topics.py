"""Topics as doctor's checks see them: offsets of those that are there, nothing of others, rights that are lacking."""

import uuid

from connectors.kafka.rights import KafkaRights
from flows.reading import read_options
from jobs.doctor.topics import rights_lacking, topic_marks
from runtime.settings.whole import load_settings
from tests.integration.connectors.kafka_feeding import Feed
from tests.servers.kafka import make_topic
from tests.servers.kafka_acl import AclBroker

USER = "doctor"


def test_a_topic_and_none(kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"marks-{uuid.uuid4().hex[:8]}", 2)
    settings = load_settings(kafka_bootstrap=kafka_bootstrap)
    Feed(kafka_bootstrap, topic).send([b"one", b"two"], 1)
    assert topic_marks(settings, topic) == {0: (0, 0), 1: (0, 2)}
    assert topic_marks(settings, f"no-{topic}") is None
    assert list(rights_lacking(KafkaRights(read_options(settings)), topic, "READ", "WRITE")) == []


def test_what_a_login_may_not_do() -> None:
    with AclBroker(USER) as broker:
        broker.make_topic("seen", 1, {})
        broker.allow(USER, "TOPIC", "seen", "DESCRIBE")
        settings = load_settings(kafka_bootstrap=broker.secured, kafka_properties=broker.login(USER))
        (found,) = rights_lacking(KafkaRights(read_options(settings)), "seen", "READ", "DESCRIBE")
        assert (found.name, found.state, found.what) == ("rights on seen", "failed", "READ is missing")
        assert found.todo == "grant READ on topic seen"
