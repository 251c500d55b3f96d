import threading
from collections.abc import Callable, Iterable

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

import connectors.kafka.source
from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.poll import Drained
from connectors.kafka.questions import TopicFacts
from connectors.kafka.reader import KafkaReader
from connectors.kafka.source import KafkaPart, KafkaSource, empty_trades
from schemas.columns import TRADE, RawBatch, TradeBatch
from schemas.errors import OffsetExpired, StateIncompatible
from tests.unit.connectors.kafka.fake_poll import FakePoll, records

FACTS = TopicFacts("t", "id", 1)
OPTIONS = KafkaReadOptions(bootstrap="b:1", topic="t")


def decode(batch: RawBatch) -> TradeBatch:
    made = empty_trades(batch.topic, batch.partition, int(batch.offsets[-1]) + 1)
    made.read, made.caught_up = len(batch), False
    return made


def part(
    poll: FakePoll,
    offset: int = 0,
    end: int | None = None,
    high: int = 100,
    stop: threading.Event | None = None,
    clock_ahead_s: Callable[[], float] = lambda: 0.0,
) -> KafkaPart[TradeBatch]:
    return KafkaPart(
        KafkaReader(OPTIONS, FACTS, poll.opener),
        FACTS,
        0,
        offset,
        end,
        high,
        decode=decode,
        empty=empty_trades,
        stop=stop or threading.Event(),
        start="earliest",
        clock_ahead_s=clock_ahead_s,
    )


class TwoPartitions:
    """In place of TopicQuestions: a topic of partitions 0 and 1, each [0, 100)."""

    def __init__(self, _options: KafkaReadOptions) -> None: ...

    def __enter__(self) -> "TwoPartitions":
        return self

    def __exit__(self, *_error: object) -> None: ...

    def check_start(self) -> TopicFacts:
        return TopicFacts("t", "id", 2)

    def watermarks(self, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
        return dict.fromkeys(partitions, (0, 100))

    def resolve(self, _position: Position, partitions: Iterable[int]) -> dict[int, int]:
        return dict.fromkeys(partitions, 0)


@pytest.mark.parametrize(
    ("resumed", "lines"),
    [(("00000",), 1), (("00001",), 1), (("00000", "00001"), 0), ((), 0)],
    ids=["new", "first", "all", "none"],
)
def test_partitions_that_a_resume_finds_new_are_said_once(
    monkeypatch: pytest.MonkeyPatch, resumed: tuple[str, ...], lines: int
) -> None:
    monkeypatch.setattr(connectors.kafka.source, "TopicQuestions", TwoPartitions)
    source = KafkaSource(OPTIONS, decode, open_poll=FakePoll().opener)
    state = {"version": 1, "topic": "t", "topic_id": "id", "start": "earliest", "next_offset": 7}
    with capture_logs() as logs:
        for name in source.list_parts():
            source.build_part("in", name, state if name in resumed else None)
        assert len(logs) == lines
        for name in source.list_parts():
            source.build_part("in", name, state)
    assert len(logs) == lines, "the next execution knows both"
    assert all("TAPEFLOW_SOURCE_EPOCH" in line["consequence"] for line in logs)


def test_the_position_moves_with_what_is_handed_out() -> None:
    reading = part(FakePoll({0: records(0, 0, 1, 2)}, {0: records(0, 3)}))
    assert reading.snapshot()["next_offset"] == 0
    assert [item.read for item in reading.next_batch()] == [3]
    assert reading.snapshot() == {
        "version": 1,
        "topic": "t",
        "topic_id": "id",
        "start": "earliest",
        "next_offset": 3,
    }
    assert (reading.position().lag, reading.position().high_watermark) == (97, 100)


def test_the_lag_grows_while_nobody_polls() -> None:
    poll = FakePoll({0: records(0, 98, 99)}, {0: Drained(end_offset=100)})
    reading = part(poll, offset=98)
    assert reading.position().lag == 2, "before the client is there"
    for _ in range(2):
        list(reading.next_batch())
    assert (reading.position().lag, reading.position().caught_up) == (0, True)
    poll.marks = (0, 140)
    assert (reading.position().lag, reading.position().high_watermark) == (40, 140)
    reading.close()
    assert reading.position().lag == 0, "as it was known, and no question to a closed client"


def test_caught_up_before_an_open_transaction_is_no_lag() -> None:
    reading = part(FakePoll({0: Drained(end_offset=98)}), offset=98)
    list(reading.next_batch())
    assert reading.position().lag == 0


def test_a_client_that_can_not_say_leaves_the_lag_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_partition: int) -> tuple[int, int]:
        raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))

    poll = FakePoll({0: records(0, 0)})
    reading = part(poll)
    list(reading.next_batch())
    monkeypatch.setattr(poll, "watermarks", refuse)
    assert reading.position().lag == 99


def test_an_honest_hole_is_stepped_over() -> None:
    reading = part(FakePoll({0: records(0, 4, 9)}))
    assert [item.read for item in reading.next_batch()] == [2]
    assert reading.snapshot()["next_offset"] == 10


def test_a_hole_below_the_low_watermark_is_loss() -> None:
    with pytest.raises(OffsetExpired, match="offset 0 is gone, the topic now begins at 4"):
        part(FakePoll({0: records(0, 4)}, marks=(4, 100))).next_batch()


def test_a_log_that_goes_back_is_another_log() -> None:
    with pytest.raises(StateIncompatible, match="offset 3 came after 6"):
        part(FakePoll({0: records(0, 3)}), offset=7).next_batch()


def test_it_ends_before_its_end_offset_even_in_a_hole() -> None:
    poll = FakePoll({0: records(0, 0, 1, 8)})
    reading = part(poll, end=5)
    assert [item.read for item in reading.next_batch()] == [2]
    assert reading.snapshot()["next_offset"] == 5
    with pytest.raises(StopIteration):
        reading.next_batch()
    assert poll.closed


def test_it_ends_at_once_when_stopped_and_keeps_its_place() -> None:
    stop = threading.Event()
    reading = part(FakePoll({0: records(0, 0)}, {0: records(0, 1)}), stop=stop)
    reading.next_batch()
    stop.set()
    with pytest.raises(StopIteration):
        reading.next_batch()
    assert reading.snapshot()["next_offset"] == 1


def test_caught_up_rides_on_the_last_batch() -> None:
    reading = part(FakePoll({0: records(0, 98)}, {0: records(0, 99)}, {0: Drained(end_offset=100)}), offset=98)
    assert [[item.caught_up for item in reading.next_batch()] for _ in range(3)] == [[False], [True], []]
    assert reading.position().caught_up


def test_caught_up_is_said_by_an_empty_batch_where_no_record_can() -> None:
    reading = part(FakePoll({0: records(0, 97)}, {0: Drained(end_offset=100)}), offset=97)
    first, second = [list(reading.next_batch()) for _ in range(2)]
    assert [item.caught_up for item in first] == [False]
    assert [(item.read, len(item.rows), item.rows.dtype == TRADE, item.next_offset) for item in second] == [
        (0, 0, True, 100)
    ]
    assert second[0].caught_up
    assert reading.snapshot()["next_offset"] == 100


def test_a_clock_that_is_set_back_wakes_what_waits_for_the_old_one_once() -> None:
    ahead_s = [0.0]
    reading = part(FakePoll({0: records(0, 99)}), offset=99, clock_ahead_s=lambda: ahead_s[0])
    assert [item.caught_up for item in reading.next_batch()] == [True]
    for step_s, woken in ((0.0, 0), (-0.1, 0), (-3600.0, 1), (-3600.0, 0), (3600.0, 0), (0.0, 1)):
        ahead_s[0] = step_s
        items = list(reading.next_batch())
        assert [(item.read, item.caught_up) for item in items] == [(0, True)] * woken
