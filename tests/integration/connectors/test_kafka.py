"""The source on a real broker: where it starts, ends and resumes, what it refuses, what it costs when idle."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Literal

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.questions import TopicQuestions
from schemas.errors import MissingObject, OffsetExpired, SettingError, StateIncompatible, Unreachable
from schemas.shards import part_names
from tests.integration.connectors.kafka_feeding import Feed, numbered, options, reading
from tests.servers.kafka import KafkaBroker, free_port, make_topic

KIND = Literal["native", "messages"]


@pytest.fixture(params=["native", "messages"])
def kind(request: pytest.FixtureRequest) -> KIND:
    kind: KIND = request.param
    return kind


@pytest.fixture(scope="module")
def thousand(kafka_bootstrap: str) -> str:
    """A topic of two partitions: 1000 numbers in the first, timestamps 1,000,000 s + n ms, three in the second."""
    topic = make_topic(kafka_bootstrap, "thousand", 2, {"retention.ms": "-1"})
    feed = Feed(kafka_bootstrap, topic)
    for number in range(1000):
        feed.producer.produce(topic, b"%d" % number, partition=0, timestamp=1_000_000_000 + number)
    feed.send(numbered(0, 3), 1, timestamp=1_000_000_500)
    return topic


@pytest.mark.parametrize(
    ("start", "first", "second"),
    [
        ("earliest", list(range(1000)), [0, 1, 2]),
        ('{"0": 990}', list(range(990, 1000)), [0, 1, 2]),
        ('{"0": 1000, "1": 2}', [], [2]),
        ("1970-01-12T13:46:40.500Z", list(range(500, 1000)), [0, 1, 2]),
        ("1970-01-12T13:46:40.501", list(range(501, 1000)), []),
        ("1980-01-01", [], []),
        ("latest", [], []),
    ],
)
def test_start_positions(
    kind: KIND, kafka_bootstrap: str, thousand: str, start: str, first: list[int], second: list[int]
) -> None:
    hand = reading(options(kafka_bootstrap, thousand, start, poll=kind, batch_records_max=300))
    hand.until(lambda: all(position.caught_up for position in hand.source.positions()))
    hand.close()
    assert (hand.offsets(0), hand.offsets(1)) == (first, second)
    assert [state["next_offset"] for state in hand.states().values()] == [1000, 3]
    assert all([item.caught_up for item in hand.items if item.partition == p] for p in (0, 1))


@pytest.mark.parametrize(
    ("start", "end", "first", "second"),
    [
        ("earliest", "latest", list(range(1000)), [0, 1, 2]),
        ("earliest", '{"0": 10, "1": 0}', list(range(10)), []),
        ('{"0": 7, "1": 2}', '{"0": 10}', [7, 8, 9], [2]),
        ("1970-01-12T13:46:40.100Z", "1970-01-12T13:46:40.200Z", list(range(100, 200)), []),
        ("latest", "latest", [], []),
    ],
)
def test_a_bounded_read_ends(
    kind: KIND, kafka_bootstrap: str, thousand: str, start: str, end: str, first: list[int], second: list[int]
) -> None:
    hand = reading(options(kafka_bootstrap, thousand, start, end, poll=kind, batch_records_max=64))
    hand.until(lambda: not hand.parts)
    assert (hand.offsets(0), hand.offsets(1)) == (first, second)


def test_values_come_through_as_they_are(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"values-{kind}", config={"max.message.bytes": str(4 << 20)})
    big = b"m" * (1 << 20)
    Feed(kafka_bootstrap, topic, {"message.max.bytes": 4 << 20}).send([None, b"", big, None, b"last"])
    hand = reading(options(kafka_bootstrap, topic, end="latest", poll=kind))
    hand.until(lambda: not hand.parts)
    assert hand.values() == [None, b"", big, None, b"last"]


def test_caught_up_is_said_with_the_last_records_and_for_an_empty_partition(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"caught-{kind}", 2)
    feed = Feed(kafka_bootstrap, topic)
    feed.send(numbered(0, 10), 0)
    hand = reading(options(kafka_bootstrap, topic, poll=kind, batch_records_max=4))
    hand.until(lambda: {item.partition for item in hand.items if item.caught_up} == {0, 1})
    assert [item.caught_up for item in hand.items if item.partition == 0] == [False, False, True]
    assert [item.offsets for item in hand.items if item.partition == 1] == [[]]
    feed.send([b"more"], 1)
    hand.until(lambda: hand.offsets(1) == [0])
    assert hand.items[-1].caught_up
    hand.close()


def test_a_transactional_topic_is_read_over_its_markers(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"transactions-{kind}")
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "transactional.id": f"t-{kind}"})
    producer.init_transactions(30)
    for values, ending in ((b"ab", producer.commit_transaction), (b"cd", producer.abort_transaction)):
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, bytes([value]))
        producer.flush(30)  # an abort would drop what wasn't sent
        ending(30)
    hand = reading(options(kafka_bootstrap, topic, poll=kind))
    hand.until(lambda: hand.source.positions()[0].next_offset == 6)
    assert hand.values() == [b"a", b"b"]
    assert hand.source.positions()[0].caught_up
    assert hand.items[-1].caught_up
    bounded = reading(options(kafka_bootstrap, topic, end="latest", poll=kind))
    bounded.until(lambda: not bounded.parts)
    assert bounded.values() == [b"a", b"b"]
    hand.close()


def test_a_state_resumes_behind_the_last_batch_handed_out(kind: KIND, kafka_bootstrap: str, thousand: str) -> None:
    first = reading(options(kafka_bootstrap, thousand, poll=kind, batch_records_max=100))
    first.until(lambda: len(first.offsets(0)) >= 300)
    states = first.states()
    first.close()
    second = reading(options(kafka_bootstrap, thousand, "latest", end="latest", poll=kind), states)
    second.until(lambda: not second.parts)
    assert first.offsets(0) + second.offsets(0) == list(range(1000))
    assert first.offsets(1) + second.offsets(1) == [0, 1, 2]


def test_a_stop_flag_ends_every_part(kafka_bootstrap: str, thousand: str) -> None:
    stop = threading.Event()
    hand = reading(options(kafka_bootstrap, thousand), stop=stop)
    hand.until(lambda: bool(hand.items))
    stop.set()
    states = hand.states()
    hand.turn()
    assert not hand.parts
    assert states[part_names(2)[0]]["next_offset"] == len(hand.offsets(0))


def test_expired_offsets_are_an_error(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"expired-{kind}")
    Feed(kafka_bootstrap, topic).send(numbered(0, 100))
    hand = reading(options(kafka_bootstrap, topic, poll=kind, batch_records_max=10))
    hand.until(lambda: len(hand.offsets()) >= 10)
    states = hand.states()
    hand.close()
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.delete_records([TopicPartition(topic, 0, 50)])[TopicPartition(topic, 0)].result(30)
    with pytest.raises(OffsetExpired, match=r"offset \d+ is gone, the topic now begins at 50 .*empty recovery_dir"):
        reading(options(kafka_bootstrap, topic, poll=kind), states)
    with pytest.raises(OffsetExpired):
        reading(options(kafka_bootstrap, topic, '{"0": 49}', poll=kind))


def test_offsets_that_expire_under_a_slow_reader_are_an_error(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"slow-{kind}")
    feed = Feed(kafka_bootstrap, topic)
    feed.send(numbered(0, 10))
    hand = reading(options(kafka_bootstrap, topic, poll=kind))
    feed.send(numbered(10, 100))
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.delete_records([TopicPartition(topic, 0, 50)])[TopicPartition(topic, 0)].result(30)
    with pytest.raises(OffsetExpired, match="offset 0 is gone, the topic now begins at 50"):
        hand.until(lambda: bool(hand.items))
    hand.close()


def test_a_re_created_topic_is_refused(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"anew-{kind}")
    Feed(kafka_bootstrap, topic).send(numbered(0, 100))
    hand = reading(options(kafka_bootstrap, topic, poll=kind))
    hand.until(lambda: len(hand.offsets()) == 100)
    states = hand.states()
    hand.close()
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.delete_topics([topic])[topic].result(30)
    deadline = time.monotonic() + 20
    while True:
        try:
            check_topic(options(kafka_bootstrap, topic))
        except MissingObject:
            break
        assert time.monotonic() < deadline
    make_topic(kafka_bootstrap, topic)
    with pytest.raises(StateIncompatible, match="re-created"):
        reading(options(kafka_bootstrap, topic, poll=kind), states)
    # Without the topic's id (an old cluster), its end still gives it away.
    nameless = {part: {**state, "topic_id": ""} for part, state in states.items()}
    with pytest.raises(StateIncompatible, match="offset 100 lies beyond the topic's end 0"):
        reading(options(kafka_bootstrap, topic, poll=kind), nameless)
    Feed(kafka_bootstrap, topic).send(numbered(0, 200))
    with pytest.raises(StateIncompatible, match="re-created"):
        reading(options(kafka_bootstrap, topic, poll=kind), states)


@pytest.mark.thorough
def test_a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing(kind: KIND) -> None:
    with KafkaBroker() as broker:
        topic = broker.make_topic("survivor", 2)
        feed = Feed(broker.bootstrap, topic, {"message.timeout.ms": 60_000})
        feed.send(numbered(0, 2000), 0)
        feed.send(numbered(0, 2000), 1)
        hand = reading(options(broker.bootstrap, topic, poll=kind, batch_records_max=50))
        hand.until(lambda: len(hand.offsets(0)) >= 500)
        broker.kill()
        for _ in range(100):
            hand.turn()
        broker.start()
        feed.send(numbered(2000, 3000), 0)
        hand.until(lambda: len(hand.offsets(0)) + len(hand.offsets(1)) >= 5000, seconds=40)
        hand.close()
        assert hand.offsets(0) == list(range(3000))
        assert hand.values(0) == list(numbered(0, 3000))
        assert hand.offsets(1) == list(range(2000))


def test_a_missing_topic_is_one_line(kafka_bootstrap: str) -> None:
    began = time.monotonic()
    with pytest.raises(MissingObject, match=r"^topic nowhere does not exist \(") as caught:
        reading(options(kafka_bootstrap, "nowhere"))
    assert time.monotonic() - began < 10
    assert "\n" not in str(caught.value)
    assert "nowhere" not in AdminClient({"bootstrap.servers": kafka_bootstrap}).list_topics(timeout=10).topics


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def check_topic(read: KafkaReadOptions) -> None:
    with TopicQuestions(read) as questions:
        questions.facts()


def test_an_unreachable_broker_is_one_line_within_ten_seconds(deaf_port: int) -> None:
    for port, timeout_ms in ((free_port(), 1000), (deaf_port, 6000)):
        began = time.monotonic()
        with pytest.raises(Unreachable, match="Kafka did not answer") as caught:
            check_topic(options(f"127.0.0.1:{port}", "any", timeout_ms=timeout_ms))
        assert time.monotonic() - began < 10
        assert "\n" not in str(caught.value)


def test_a_property_nobody_knows_is_a_setting_error(kafka_bootstrap: str) -> None:
    with pytest.raises(SettingError, match="kafka_properties"):
        check_topic(KafkaReadOptions(bootstrap=kafka_bootstrap, topic="any", properties={"no.such": "thing"}))


def test_positions_tell_the_lag(kafka_bootstrap: str, thousand: str) -> None:
    hand = reading(options(kafka_bootstrap, thousand, batch_records_max=10))
    hand.until(lambda: len(hand.offsets(0)) >= 10)
    position = hand.source.positions()[0]
    assert position.next_offset == len(hand.offsets(0))
    assert (position.high_watermark, position.lag) == (1000, 1000 - position.next_offset)
    hand.until(lambda: all(position.caught_up for position in hand.source.positions()))
    assert [position.lag for position in hand.source.positions()] == [0, 0]
    hand.close()


def test_the_lag_grows_while_a_sink_holds_the_flow_up(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"held-up-{kind}", 1)
    feed = Feed(kafka_bootstrap, topic)
    feed.send(numbered(0, 3))
    hand = reading(options(kafka_bootstrap, topic, poll=kind))
    hand.until(lambda: len(hand.offsets()) == 3 and hand.source.positions()[0].caught_up)
    feed.send(numbered(3, 10))
    waited, lags = threading.Event(), {0}
    for _ in range(1000):  # without a turn of the hand: only the client's own threads run
        lags.add(hand.source.positions()[0].lag)
        if 7 in lags or waited.wait(0.01):
            break
    assert max(lags) == 7
    hand.until(lambda: len(hand.offsets()) == 10)
    assert hand.source.positions()[0].lag == 0
    hand.close()
    assert hand.source.positions()[0].lag == 0


def test_a_scrape_may_come_while_the_client_closes(kind: KIND, kafka_bootstrap: str, thousand: str) -> None:
    hand = reading(options(kafka_bootstrap, thousand, poll=kind))
    hand.until(lambda: len(hand.offsets(0)) == 1000 and len(hand.offsets(1)) == 3)
    ended, scrapes = threading.Event(), []

    def scrape() -> None:
        while not ended.is_set():
            scrapes.append(hand.source.positions())

    scraper = threading.Thread(target=scrape)
    scraper.start()
    hand.until(lambda: len(scrapes) > 100)
    hand.close()
    ended.set()
    scraper.join(30)
    assert [position.lag for position in hand.source.positions()] == [0, 0]


def test_a_quiet_topic_costs_little_and_answers_soon(kind: KIND, kafka_bootstrap: str) -> None:
    topic = make_topic(kafka_bootstrap, f"quiet-{kind}", 4)
    feed = Feed(kafka_bootstrap, topic)
    hand = reading(options(kafka_bootstrap, topic, "latest", poll=kind))
    hand.until(lambda: len(hand.items) == 4)
    began, cpu = time.monotonic(), time.process_time()
    hand.until(lambda: time.monotonic() - began > 2)
    assert time.process_time() - cpu < 0.4
    for number in range(20):
        feed.send([b"%d" % number], number % 4)
        sent = time.monotonic()
        wanted = [b"%d" % number]
        hand.until(lambda: bool(hand.items) and hand.items[-1].values == wanted)  # noqa: B023 - called at once
        assert time.monotonic() - sent < 1
    hand.close()
