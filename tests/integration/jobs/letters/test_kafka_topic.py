"""Letters are read from their topic, and put back with their markers in one transaction or not at all."""

import uuid
from collections.abc import Callable

import pytest

from connectors.kafka.requeued import read_markers
from jobs.letters.kafka_topic import ORIGIN_HEADER, Letter, RequeueTransaction, read_letters
from schemas.errors import Unreachable, WriteFailed
from schemas.rejects import Reason, Reject
from sinks.kafka.sink import DeadLetterSink
from tests.integration.connectors.kafka_feeding import Feed, options
from tests.servers.kafka import make_topic

Names = tuple[str, str, str]


@pytest.fixture
def names(kafka_bootstrap: str) -> Names:
    """Topics of trades, letters and markers."""
    word = uuid.uuid4().hex
    config = {"cleanup.policy": "compact"}
    return (
        make_topic(kafka_bootstrap, f"trades-{word}", 2),
        make_topic(kafka_bootstrap, f"letters-{word}", 1),
        make_topic(kafka_bootstrap, f"markers-{word}", 1, config),
    )


@pytest.fixture
def letters(kafka_bootstrap: str, names: Names) -> Callable[[], list[Letter]]:
    trades, topic, _ = names
    part = DeadLetterSink(kafka_bootstrap, topic, 2, flow="history").build_part("write", "00001", None)
    rejects = [Reject(Reason.CORRUPT, "why", trades, 1, offset, 1000, b"k", b"value %d" % offset) for offset in (3, 4)]
    part.write_batch([rejects])
    part.snapshot()
    part.close()
    Feed(kafka_bootstrap, topic).send([b"no letter"], 0)
    return lambda: list(read_letters(options(kafka_bootstrap, topic), {0: (0, 3)}))


def test_letters_have_their_origin_and_what_is_none_is_passed_over(
    letters: Callable[[], list[Letter]], names: Names
) -> None:
    first, second = letters()
    assert (first.reason, first.detail, first.origin_topic, first.flow) == ("corrupt", "why", names[0], "history")
    assert (first.origin_partition, first.origin_offset, first.key, first.value) == (1, 3, b"k", b"value 3")
    assert second.origin == f"{names[0]}/1/4"


def test_a_letter_and_its_marker_are_one_transaction(
    kafka_bootstrap: str, letters: Callable[[], list[Letter]], names: Names
) -> None:
    trades, topic, markers = names
    found = letters()
    with RequeueTransaction(kafka_bootstrap, topic, markers, {}) as transaction:
        transaction.put_back(found[:1])
        with pytest.raises(WriteFailed, match="nothing of 2 letters was put back"):
            transaction.put_back([found[1], found[1]._replace(origin_partition=99)])
    assert set(read_markers(options(kafka_bootstrap, markers))) == {found[0].origin}
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": "t"})
    consumer.assign([TopicPartition(trades, 1, 0)])
    message = consumer.poll(10)
    assert message is not None
    assert (message.value(), message.headers()) == (b"value 3", [(ORIGIN_HEADER, found[0].origin.encode())])
    consumer.close()


def test_of_two_who_requeue_at_once_the_older_is_shut_out(
    kafka_bootstrap: str, letters: Callable[[], list[Letter]], names: Names
) -> None:
    _, topic, markers = names
    with RequeueTransaction(kafka_bootstrap, topic, markers, {}) as older:
        with RequeueTransaction(kafka_bootstrap, topic, markers, {}) as newer:
            newer.put_back(letters()[:1])
        with pytest.raises(WriteFailed):
            older.put_back(letters()[1:])


def test_a_broker_that_is_away_is_said() -> None:
    from jobs.letters import kafka_topic

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kafka_topic, "TRANSACTION_S", 0.5)
        with pytest.raises(Unreachable, match="began no transaction"):
            RequeueTransaction("127.0.0.1:1", "letters", "markers", {}).__enter__()
