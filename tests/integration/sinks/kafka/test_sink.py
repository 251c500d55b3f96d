"""Dead letters and bars in a real Kafka: original bytes, headers, checked deliveries, a broker that goes away."""

import io
import random
import threading
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from struct import unpack

import fastavro
import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource

from schemas.avro import BAR_SCHEMA_ID, load_schema
from schemas.errors import Unreachable, WriteFailed
from schemas.rejects import Reason, Reject
from sinks.kafka.sink import BarsTopicSink, CheckedProducer, DeadLetterSink, Outgoing, ensure_topic
from tests.servers.kafka import KafkaBroker, make_topic
from tests.unit.sinks.rows import START_US, bars


@pytest.fixture
def topic() -> str:
    return f"sink-{uuid.uuid4().hex[:12]}"


def read(bootstrap: str, topic: str, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
    found: list[Message] = []
    for _ in range(200):
        found += [message for message in consumer.consume(1000, 0.1) if message.error() is None]
        if len(found) >= count:
            break
    consumer.close()
    return found


def reject(offset: int, value: bytes | None, key: bytes | None = b"AAPL") -> Reject:
    return Reject(Reason.CORRUPT, "cut short", "trades", 3, offset, 1_700_000_000_000, key, value)


def test_a_topic_that_we_make_goes_by_the_brokers_clock(kafka_bootstrap: str, topic: str) -> None:
    """A host whose clock is hours ahead writes letters all the same; the broker would refuse its stamps."""
    assert ensure_topic(kafka_bootstrap, topic, config={"cleanup.policy": "compact"})
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    answers: list[KafkaError | None] = []
    stamp_ms = (int(time.time()) + 7_200) * 1000
    producer.produce(topic, b"value", b"key", timestamp=stamp_ms, on_delivery=lambda error, _: answers.append(error))
    assert producer.flush(30) == 0
    assert answers == [None]
    [message] = read(kafka_bootstrap, topic, 1)
    assert message.timestamp()[1] < stamp_ms


def test_a_letter_whose_stamp_is_refused_gets_its_records_time(kafka_bootstrap: str, topic: str) -> None:
    """As on a host whose clock is two hours ahead of the broker's."""
    make_topic(kafka_bootstrap, topic, 1)
    producer, now_ms = CheckedProducer(kafka_bootstrap, topic), int(time.time() * 1000)
    for number in range(3):
        producer._send(Outgoing(b"key", b"%d" % number, [], False, now_ms, now_ms + 7_200_000))
    producer.flush()
    found = read(kafka_bootstrap, topic, 3)
    assert sorted(message.value() for message in found) == [b"0", b"1", b"2"]
    assert {message.timestamp()[1] for message in found} == {now_ms}
    other = CheckedProducer(kafka_bootstrap, topic)
    other._send(Outgoing(b"key", b"of an unknown time", [], False, 0, now_ms + 7_200_000))
    with pytest.raises(WriteFailed, match="Invalid timestamp"):
        other.flush()


def test_a_dead_letter_keeps_key_and_bytes_and_tells_its_origin(kafka_bootstrap: str, topic: str) -> None:
    part = DeadLetterSink(kafka_bootstrap, topic, 1, flow="live").build_part("dead_letters", "00000", None)
    part.write_batch([[reject(5, b"\x00\xff"), reject(6, None, None)], [reject(7, b"")]])
    part.snapshot()
    first, second, third = read(kafka_bootstrap, topic, 3)
    assert (first.key(), first.value(), second.key(), second.value(), third.value()) == (
        b"AAPL", b"\x00\xff", None, None, b"",
    )  # fmt: skip
    headers = dict(first.headers())
    assert headers.pop("time").startswith(b"20")
    assert headers == {
        "reason": Reason.CORRUPT.label.encode(), "detail": b"cut short", "topic": b"trades", "partition": b"3",
        "offset": b"5", "timestamp": b"1700000000000", "flow": b"live",
    }  # fmt: skip
    part.snapshot()
    part.close()


def test_a_letter_that_its_topic_refuses_is_cut_and_says_so(kafka_bootstrap: str, topic: str) -> None:
    ensure_topic(kafka_bootstrap, topic, config={"max.message.bytes": "100000"})
    part = DeadLetterSink(kafka_bootstrap, topic, 1, flow="live").build_part("dead_letters", "00000", None)
    large = random.Random(1).randbytes(2_048_000)
    part.write_batch([[reject(1, large), *(reject(offset, b"small") for offset in range(2, 50))]])
    part.snapshot()
    letters = {dict(message.headers())["offset"]: message for message in read(kafka_bootstrap, topic, 49)}
    assert {letters[str(offset).encode()].value() for offset in range(2, 50)} == {b"small"}
    assert letters[b"1"].value() == large[: 64 * 1024]
    assert dict(letters[b"1"].headers())["cut_from_bytes"] == b"2048000"


def test_a_large_letter_fits_into_a_topic_of_our_own(kafka_bootstrap: str, topic: str) -> None:
    part = DeadLetterSink(kafka_bootstrap, topic, 1, flow="live").build_part("dead_letters", "00000", None)
    part.write_batch([[reject(1, b"x" * 3_000_000)]])
    part.snapshot()
    (letter,) = read(kafka_bootstrap, topic, 1)
    assert letter.value() == b"x" * 3_000_000


def test_bars_are_avro_keyed_and_compacted(kafka_bootstrap: str, topic: str) -> None:
    part = BarsTopicSink(kafka_bootstrap, topic, 2).build_part("bars", "00000", None)
    part.write_batch([bars({"symbol": "BTC/USDT", "interval": "1W", "vwap": None, "version": 9, "final": 1})])
    part.snapshot()
    (message,) = read(kafka_bootstrap, topic, 1)
    assert message.key() == f"BTC/USDT|1W|{START_US // 1000}".encode()
    assert unpack(">bI", message.value()[:5]) == (0, BAR_SCHEMA_ID)
    record = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), load_schema("Bar"), None)
    assert isinstance(record, dict)
    assert (record["close"], record["quote_volume"], record["vwap"]) == (Decimal("1.5"), Decimal("2.25"), None)
    assert (record["version"], record["final"], record["start"].timestamp()) == (9, True, START_US / 1e6)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    config = admin.describe_configs([resource])[resource].result(10)
    assert config["cleanup.policy"].value == "compact"


def test_a_topic_is_made_once(kafka_bootstrap: str, topic: str) -> None:
    assert ensure_topic(kafka_bootstrap, topic, partitions=2)
    assert not ensure_topic(kafka_bootstrap, topic)


def test_a_refused_message_is_raised_by_flush(kafka_bootstrap: str, topic: str) -> None:
    ensure_topic(kafka_bootstrap, topic, config={"max.message.bytes": "1000"})
    producer = CheckedProducer(kafka_bootstrap, topic)
    producer.send(None, random.Random(1).randbytes(5000), [])
    with pytest.raises(WriteFailed, match="takes no message so large"):
        producer.flush()


def test_an_absent_broker_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.kafka.sink.REACH_S", 1.0)
    with pytest.raises(Unreachable, match=r"Kafka does not answer \(127.0.0.1:1\)"):
        ensure_topic("127.0.0.1:1", "any")


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[KafkaBroker]:
    with KafkaBroker(tmp_path) as broker:
        yield broker


@pytest.mark.thorough
def test_a_broker_killed_in_mid_run_is_waited_for(own_broker: KafkaBroker, topic: str) -> None:
    part = DeadLetterSink(own_broker.bootstrap, topic, 1, flow="live").build_part("dead_letters", "00000", None)
    part.write_batch([[reject(offset, b"a") for offset in range(100)]])
    part.snapshot()
    own_broker.kill()
    part.write_batch([[reject(offset, b"b") for offset in range(100, 200)]])
    flushed = threading.Event()
    waiting = threading.Thread(target=lambda: (part.snapshot(), flushed.set()), daemon=True)
    waiting.start()
    assert not flushed.wait(2)
    own_broker.start()
    assert flushed.wait(60)
    waiting.join()
    offsets = [int(dict(message.headers())["offset"]) for message in read(own_broker.bootstrap, topic, 200)]
    assert offsets == list(range(200))


def test_a_stop_while_the_broker_is_down_ends_the_wait(
    own_broker: KafkaBroker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.kafka.sink.STOP_GRACE_S", 0.5)
    stop = threading.Event()
    part = DeadLetterSink(own_broker.bootstrap, topic, 1, flow="live", stop=stop).build_part("d", "00000", None)
    own_broker.kill()
    part.write_batch([[reject(1, b"a")]])
    stop.set()
    with pytest.raises(Unreachable, match="stopped while Kafka was down"):
        part.snapshot()
