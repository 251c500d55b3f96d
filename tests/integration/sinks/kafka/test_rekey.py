"""Records under new keys by transactions, on a real broker: once each, whatever is written again."""

import uuid

import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.errors import MissingObject, StateIncompatible, TapeflowError
from sinks.kafka.rekey import KafkaRekeySink, KeyedRecords
from tests.servers.kafka import make_topic


def records(first: int, last: int) -> KeyedRecords:
    offsets = range(first, last)
    return KeyedRecords(
        0,
        offsets,
        [b"k%d" % each for each in offsets],
        [b"%d" % each for each in offsets],
        [1_000] * len(offsets),
        last,
    )


def values_in(bootstrap: str, topic: str) -> list[bytes]:
    """Values of committed records, in order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "t", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[bytes] = []
    while True:
        message = consumer.poll(10)
        assert message is not None
        if message.error():
            consumer.close()
            return found
        found.append(message.value() or b"")


@pytest.fixture
def names(kafka_bootstrap: str) -> tuple[str, str]:
    word = uuid.uuid4().hex
    source, target = (make_topic(kafka_bootstrap, f"{name}-{word}", 1) for name in ("source", "target"))
    return source, target


def test_what_comes_again_is_cut_to_what_is_missing(kafka_bootstrap: str, names: tuple[str, str]) -> None:
    source, target = names
    first = KafkaRekeySink(kafka_bootstrap, source, "id-1", target).build("write", 0, 1)
    first.write_batch([records(0, 5)])
    first.write_batch([records(3, 7), records(0, 2)])
    first.close()
    second = KafkaRekeySink(kafka_bootstrap, source, "id-1", target).build("write", 0, 1)
    second.write_batch([records(5, 9)])
    second.close()
    assert values_in(kafka_bootstrap, target) == [b"%d" % each for each in range(9)]


def test_a_predecessor_is_shut_out(kafka_bootstrap: str, names: tuple[str, str]) -> None:
    source, target = names
    sink = KafkaRekeySink(kafka_bootstrap, source, "id-1", target)
    old = sink.build("write", 0, 1)
    old.write_batch([records(0, 1)])
    new = sink.build("write", 0, 1)
    with pytest.raises(StateIncompatible, match="another worker writes the same topic"):
        old.write_batch([records(1, 2)])
    new.write_batch([records(1, 2)])
    for part in (old, new):
        part.close()
    assert values_in(kafka_bootstrap, target) == [b"0", b"1"]


def test_a_source_that_was_made_anew_is_another_one(kafka_bootstrap: str, names: tuple[str, str]) -> None:
    source, target = names
    first = KafkaRekeySink(kafka_bootstrap, source, "id-1", target).build("write", 0, 1)
    first.write_batch([records(0, 1)])
    first.close()
    second = KafkaRekeySink(kafka_bootstrap, source, "id-2", target).build("write", 0, 1)
    with pytest.raises(StateIncompatible, match="was re-created"):
        second.write_batch([records(0, 1)])
    second.close()


@pytest.mark.thorough
def test_a_target_that_is_not_there_is_said(kafka_bootstrap: str, names: tuple[str, str]) -> None:
    part = KafkaRekeySink(kafka_bootstrap, names[0], "id-1", f"none-{uuid.uuid4().hex}").build("write", 0, 1)
    with pytest.raises(TapeflowError) as raised:
        part.write_batch([records(0, 1)])
    assert isinstance(raised.value, MissingObject) or "no topic" in str(raised.value)
    part.close()
