"""Bounded reads without a flow: every record of a range once, by offset or by time."""

import pytest

from connectors.kafka.options import Position
from connectors.kafka.range import Record, ranges_between, read_range, read_records
from schemas.errors import InputError
from tests.integration.connectors.kafka_feeding import Feed, numbered, options
from tests.servers.kafka import make_topic


@pytest.fixture(scope="module")
def hundred(kafka_bootstrap: str) -> str:
    topic = make_topic(kafka_bootstrap, "hundred", 2, {"retention.ms": "-1"})
    feed = Feed(kafka_bootstrap, topic)
    for number in range(100):
        feed.producer.produce(topic, b"%d" % number, key=b"k%d" % number, partition=0, timestamp=1_000_000 + number)
    feed.send([None], 1, timestamp=1_000_050)
    return topic


def test_a_range_is_read_once_and_no_further(kafka_bootstrap: str, hundred: str) -> None:
    batches = list(read_range(options(kafka_bootstrap, hundred, batch_records_max=7), {0: (10, 60), 1: (0, 1)}))
    offsets = [offset for batch in batches if batch.partition == 0 for offset in batch.offsets.tolist()]
    assert offsets == list(range(10, 60))
    assert b"".join(batch.data for batch in batches) == b"".join(numbered(10, 60))


def test_records_carry_everything(kafka_bootstrap: str, hundred: str) -> None:
    found = sorted(read_records(options(kafka_bootstrap, hundred), {0: (98, 100), 1: (0, 1)}), key=lambda r: r.offset)
    assert found == [
        Record(1, 0, 1_000_050, None, None),
        Record(0, 98, 1_000_098, b"k98", b"98"),
        Record(0, 99, 1_000_099, b"k99", b"99"),
    ]


def test_ranges_by_time(kafka_bootstrap: str, hundred: str) -> None:
    def between(start: int, end: int) -> dict[int, tuple[int, int]]:
        first, last = Position("time", time_ms=start), Position("time", time_ms=end)
        return ranges_between(options(kafka_bootstrap, hundred), first, last)

    assert between(1_000_010, 1_000_020) == {0: (10, 20), 1: (0, 0)}
    assert between(1_000_090, 9_000_000) == {0: (90, 100), 1: (1, 1)}
    assert between(1_000_020, 1_000_010) == {0: (20, 20), 1: (0, 0)}
    whole = ranges_between(options(kafka_bootstrap, hundred), Position("earliest"), Position("latest"))
    assert whole == {0: (0, 100), 1: (0, 1)}


@pytest.mark.parametrize(("ranges", "line"), [({5: (0, 1)}, "no partition 5"), ({0: (0, 101)}, "ends at 100, before")])
def test_a_range_that_is_not_there_is_refused(
    kafka_bootstrap: str, hundred: str, ranges: dict[int, tuple[int, int]], line: str
) -> None:
    with pytest.raises(InputError, match=line):
        list(read_range(options(kafka_bootstrap, hundred), ranges))


@pytest.mark.parametrize("named", [{7: 0}, {0: 5, 7: 0}])
def test_a_position_in_a_partition_that_is_not_there_is_refused(
    kafka_bootstrap: str, hundred: str, named: dict[int, int]
) -> None:
    there, strange = Position("earliest"), Position("offsets", offsets=named)
    for start, end in ((strange, Position("latest")), (there, strange)):
        with pytest.raises(InputError, match=r'no partition 7 \(\{.*"7": 0\}\): its partitions are 0 to 1'):
            ranges_between(options(kafka_bootstrap, hundred), start, end)


def test_an_empty_range_asks_nobody() -> None:
    assert list(read_range(options("127.0.0.1:1", "any"), {0: (5, 5)})) == []
