"""A compacted topic as readers of settings want it: all that is there, then what changes."""

import time

import pytest

from connectors.kafka.compacted import CompactedTopic, Entry
from schemas.errors import MissingObject
from tests.integration.connectors.kafka_feeding import Feed, options
from tests.servers.kafka import make_topic


def until(topic: CompactedTopic, count: int) -> list[Entry]:
    found: list[Entry] = []
    deadline = time.monotonic() + 30
    while len(found) < count and time.monotonic() < deadline:
        found += topic.changes()
    return found


def test_everything_then_changes(kafka_bootstrap: str) -> None:
    name = make_topic(kafka_bootstrap, "settings-of-users", 2, {"cleanup.policy": "compact"})
    feed = Feed(kafka_bootstrap, name)
    feed.producer.produce(name, b"1", b"a", partition=0)
    feed.producer.produce(name, b"2", b"b", partition=1)
    feed.producer.produce(name, None, b"a", partition=0)
    assert feed.producer.flush(30) == 0
    topic = CompactedTopic(options(kafka_bootstrap, name))
    found = sorted(topic.read(), key=lambda each: each.partition)
    assert found == [Entry(0, b"a", b"1"), Entry(0, b"a", None), Entry(1, b"b", b"2")]
    assert list(topic.changes()) == []
    feed.producer.produce(name, b"3", b"c", partition=1)
    assert feed.producer.flush(30) == 0
    assert until(topic, 1) == [Entry(1, b"c", b"3")]
    topic.close()
    one = CompactedTopic(options(kafka_bootstrap, name), [1])
    assert [each.value for each in one.read()] == [b"2", b"3"]
    one.close()


def test_an_empty_topic_gives_nothing_and_a_missing_one_is_said(kafka_bootstrap: str) -> None:
    topic = CompactedTopic(options(kafka_bootstrap, make_topic(kafka_bootstrap, "no-settings-yet")))
    assert list(topic.read()) == []
    topic.close()
    with pytest.raises(MissingObject):
        CompactedTopic(options(kafka_bootstrap, "no-such-settings"))
