"""The embedded broker under an unmodified client: what a topic promises, through crashes too."""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from local import probes
from local.ports import free_port
from local.process import ServerProcess

DEADLINE_S = 30.0


class Broker:
    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "local.kafka", "--path", str(folder / "kafka"), "--port", str(self.port)]
        probe = partial(probes.kafka_answers, self.port)
        self.process = ServerProcess("kafka", [*command, *options], probe, folder / "kafka.log", marker=str(folder))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.process.start()
    yield broker
    broker.process.stop()


def eventually(ask: Callable[[], object], wanted: object) -> None:
    """Ask until the answer is ``wanted``; a client may need a moment to find a broker that came back."""
    deadline = time.monotonic() + DEADLINE_S
    answer: object
    while True:
        try:
            answer = ask()
        except KafkaException as error:
            answer = error
        if answer == wanted:
            return
        assert time.monotonic() < deadline, answer


def quiet(_: object) -> None:
    """A broker that is killed on purpose needs no lines on standard error."""


def produce(bootstrap: str, topic: str, count: int, *, start: int = 0, partitions: int = 4, **config: Any) -> None:
    """Values are numbers from ``start`` on, number i in partition i % partitions, at i ms."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "error_cb": quiet} | config)
    for i in range(start, start + count):
        producer.produce(topic, key=b"k", value=b"%d" % i, partition=i % partitions, timestamp=1_000_000 + i)
        producer.poll(0)
    assert producer.flush(DEADLINE_S) == 0


def consumer(bootstrap: str, **config: object) -> Consumer:
    return Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "g", "enable.auto.commit": False, "error_cb": quiet} | config
    )


def numbers(bootstrap: str, topic: str, count: int, *, partitions: int = 4, start: int = 0) -> list[int]:
    """The values of ``count`` records, read from offset ``start`` of every partition, with every header checked."""
    reader = consumer(bootstrap)
    reader.assign([TopicPartition(topic, partition, start) for partition in range(partitions)])
    found: list[int] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(found) < count:
        for message in reader.consume(1000, 0.2):
            assert message.error() is None, message.error()
            value = int(message.value() or b"")
            assert message.partition() == value % partitions
            assert message.key() == b"k"
            assert message.timestamp()[1] == 1_000_000 + value
            found.append(value)
        assert time.monotonic() < deadline, f"{len(found)} of {count}"
    reader.close()
    return sorted(found)


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_come_back_from_the_start_with_every_codec(broker: Broker, codec: str) -> None:
    config: dict[str, Any] = {"compression.type": codec, "enable.idempotence": True}
    produce(broker.bootstrap, f"codec-{codec}", 20_000, **config)
    assert numbers(broker.bootstrap, f"codec-{codec}", 20_000) == list(range(20_000))


def test_more_than_the_mock_broker_keeps_is_kept(broker: Broker) -> None:
    # librdkafka's mock trims a partition beyond 5 MB, which is why this broker exists.
    big = b"x" * 1000
    producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 20})
    for _ in range(12_000):
        producer.produce("large", big, partition=0)
        producer.poll(0)
    assert producer.flush(DEADLINE_S) == 0
    reader = consumer(broker.bootstrap)
    assert reader.get_watermark_offsets(TopicPartition("large", 0), timeout=10) == (0, 12_000)
    reader.close()


def test_one_large_message_passes_and_a_larger_one_is_refused(broker: Broker) -> None:
    limits = {"bootstrap.servers": broker.bootstrap, "message.max.bytes": 64 << 20}
    producer = Producer(limits)
    failures: list[str] = []
    producer.produce("huge", bytes(9 << 20), partition=0)
    producer.produce(
        "huge",
        bytes(20 << 20),
        partition=1,
        on_delivery=lambda error, _: failures.append(error.name() if error else ""),
    )
    assert producer.flush(DEADLINE_S) == 0
    assert failures == ["MSG_SIZE_TOO_LARGE"]
    reader = consumer(broker.bootstrap)
    reader.assign([TopicPartition("huge", 0, 0)])
    message = reader.poll(DEADLINE_S)
    assert message is not None
    assert len(message.value() or b"") == 9 << 20
    reader.close()


def test_topics_are_administered(broker: Broker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic("adm", 2, 1)])["adm"].result(10)
    with pytest.raises(KafkaException, match="TOPIC_ALREADY_EXISTS"):
        admin.create_topics([NewTopic("adm", 2, 1)])["adm"].result(10)
    admin.create_partitions([NewPartitions("adm", 3)])["adm"].result(10)
    eventually(lambda: len(admin.list_topics("adm", timeout=5).topics["adm"].partitions), 3)
    produce(broker.bootstrap, "adm", 300, partitions=3)
    wanted = TopicPartition("adm", 0, 50)
    admin.delete_records([wanted])[wanted].result(10)
    reader = consumer(broker.bootstrap)
    assert reader.get_watermark_offsets(TopicPartition("adm", 0), timeout=10) == (50, 100)
    admin.delete_topics(["adm"])["adm"].result(10)
    eventually(lambda: "adm" in admin.list_topics(timeout=5).topics, False)
    reader.close()


def test_offsets_are_found_by_time_to_the_batch(broker: Broker) -> None:
    for start in range(0, 400, 100):
        produce(broker.bootstrap, "times", 100, start=start, partitions=1)
    reader = consumer(broker.bootstrap)
    found = {
        time_ms: reader.offsets_for_times([TopicPartition("times", 0, time_ms)], timeout=10)[0].offset
        for time_ms in (0, 1_000_250, 1_000_399, 1_000_400)
    }
    reader.close()
    assert found[0] == 0
    # No later record is before it, and it begins at most one batch early.
    assert 200 <= found[1_000_250] <= 250
    assert 300 <= found[1_000_399] <= 399
    assert found[1_000_400] == -1


def test_offset_that_is_gone_is_an_error_of_the_consumer(broker: Broker) -> None:
    produce(broker.bootstrap, "gone", 100, partitions=1)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.delete_records([TopicPartition("gone", 0, 60)])
    reader = consumer(broker.bootstrap, **{"auto.offset.reset": "error"})
    eventually(lambda: reader.get_watermark_offsets(TopicPartition("gone", 0), timeout=5)[0], 60)
    reader.assign([TopicPartition("gone", 0, 10)])
    message = reader.poll(DEADLINE_S)
    assert message is not None
    error = message.error()
    assert error is not None
    assert error.name() == "_AUTO_OFFSET_RESET"
    reader.close()


def test_kill_and_restart_keep_every_answered_record_and_every_commit(tmp_path: Path) -> None:
    broker = Broker(tmp_path, "--partitions", "2", "--segment-mib", "1")
    broker.process.start()
    try:
        reader = consumer(broker.bootstrap)
        for turn in range(3):
            produce(broker.bootstrap, "t", 5000, start=turn * 5000, partitions=2)
            reader.commit(offsets=[TopicPartition("t", 0, turn)], asynchronous=False)
            broker.process.restart(crash=turn != 1)
        assert numbers(broker.bootstrap, "t", 15_000, partitions=2) == list(range(15_000))
        eventually(lambda: reader.committed([TopicPartition("t", 0)], timeout=5)[0].offset, 2)
        reader.close()
    finally:
        broker.process.stop()


def test_producer_rides_through_a_kill_without_a_double(tmp_path: Path) -> None:
    broker = Broker(tmp_path, "--partitions", "1")
    broker.process.start()
    try:
        config = {"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "error_cb": quiet}
        producer = Producer(config | {"reconnect.backoff.max.ms": 200})
        for i in range(30_000):
            producer.produce("t", key=b"k", value=b"%d" % i, partition=0, timestamp=1_000_000 + i)
            producer.poll(0)
            if i in {8000, 19_000}:
                broker.process.restart(crash=True)
        assert producer.flush(DEADLINE_S) == 0
        assert numbers(broker.bootstrap, "t", 30_000, partitions=1) == list(range(30_000))
    finally:
        broker.process.stop()
