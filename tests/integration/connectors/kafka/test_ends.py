"""Where partitions end, on a real broker: two offsets where a transaction is open, and a line where none answers."""

import threading
import uuid

import pytest
from confluent_kafka import Producer

from connectors.kafka.ends import LogEnd, TopicEnds
from local.ports import free_port
from schemas.errors import Unreachable
from tests.chaos.world import until
from tests.integration.connectors.kafka_feeding import Feed, options
from tests.servers.kafka import make_topic


def test_each_partition_has_its_end(kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"ends-{uuid.uuid4().hex}", 3)
    Feed(kafka_bootstrap, topic).send([b"a", b"b"], 1)
    ends = TopicEnds(options(kafka_bootstrap, topic))
    assert ends.ask([0, 1, 2]) == {0: LogEnd(0, 0), 1: LogEnd(2, 2), 2: LogEnd(0, 0)}
    assert ends.ask([1]) == {1: LogEnd(2, 2)}
    assert ends.ask([]) == {}


def test_records_of_an_open_transaction_lie_behind_the_stable_end(kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"ends-{uuid.uuid4().hex}", 1)
    Feed(kafka_bootstrap, topic).send([b"before"])
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": uuid.uuid4().hex})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"open", partition=0)
    assert producer.flush(30) == 0
    ends = TopicEnds(options(kafka_bootstrap, topic))
    (found,) = ends.ask([0]).values()
    assert (found, found.hidden) == (LogEnd(1, 2), 1)
    producer.commit_transaction(30)
    until(lambda: ends.ask([0])[0].hidden == 0, 10, "the end of the transaction")


def test_what_comes_while_it_is_asked_does_not_look_hidden(kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"ends-{uuid.uuid4().hex}", 1)
    ends, ended = TopicEnds(options(kafka_bootstrap, topic)), threading.Event()
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "linger.ms": 0})

    def send() -> None:
        while not ended.wait(0.0005):
            producer.produce(topic, b"x")
            producer.poll(0)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        until(lambda: ends.ask([0])[0].high, 10, "the first record")
        found = [ends.ask([0])[0] for _ in range(100)]
    finally:
        ended.set()
        thread.join()
        producer.flush(10)
    assert len({each.high for each in found}) > 10
    assert {each.hidden for each in found} == {0}


def test_a_broker_that_does_not_answer_is_said() -> None:
    with pytest.raises(Unreachable):
        TopicEnds(options(f"127.0.0.1:{free_port()}", "nowhere", timeout_ms=500)).ask([0])
