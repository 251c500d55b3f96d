import math

import pytest

from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.poll import Drained
from connectors.kafka.questions import TopicFacts
from connectors.kafka.reader import KafkaReader
from schemas.errors import SettingError
from tests.unit.connectors.kafka.fake_poll import FakePoll, records

OPTIONS = KafkaReadOptions(bootstrap="b:1", topic="t")


def reader(poll: FakePoll, **offsets: int) -> KafkaReader:
    made = KafkaReader(OPTIONS, TopicFacts("t", "", 3), poll.opener)
    for name, offset in offsets.items():
        made.add(int(name[1:]), offset)
    return made


def test_one_poll_serves_a_round_of_parts() -> None:
    poll = FakePoll({0: records(0, 5), 1: records(1, 7)})
    reading = reader(poll, p0=5, p1=7, p2=0)
    taken = [reading.take(partition) for partition in (0, 1, 2)]
    assert [drained is not None for drained in taken] == [True, True, False]
    assert len(poll.drains) == 1
    assert poll.assigned == [{0: 5, 1: 7, 2: 0}]


def test_it_waits_only_after_an_empty_round_and_once_per_round() -> None:
    poll = FakePoll({0: records(0, 0)})
    reading = reader(poll, p0=0, p1=0)
    for _ in range(2):
        reading.take(0)
        reading.take(1)
        assert poll.waits == 0
    for waits in (1, 2):
        reading.take(0)
        reading.take(1)
        assert poll.waits == waits


@pytest.mark.parametrize(("until_due_s", "waited_s"), [(math.inf, 0.01), (0.004, 0.004), (-1.0, 0.0)])
def test_it_waits_no_longer_than_until_a_step_is_due(until_due_s: float, waited_s: float) -> None:
    poll = FakePoll()
    reading = KafkaReader(OPTIONS, TopicFacts("t", "", 1), poll.opener, lambda: until_due_s)
    reading.add(0, 0)
    while not poll.waits:
        reading.take(0)
    assert poll.waited_s == waited_s


def test_a_partition_that_nobody_takes_from_is_not_drained_further() -> None:
    poll = FakePoll({0: records(0, 0), 1: records(1, 0)}, {0: records(0, 1)})
    reading = reader(poll, p0=0, p1=0)
    assert reading.take(0) is not None
    assert reading.take(0) is not None
    assert poll.drains == [{0, 1}, {0}]
    assert reading.take(1) is not None


def test_a_part_that_joins_later_leaves_the_others_where_they_are() -> None:
    poll = FakePoll({0: records(0, 0, 1, 2)})
    reading = reader(poll, p0=0)
    reading.take(0)
    reading.add(1, 40)
    reading.take(1)
    assert poll.assigned == [{0: 0}, {0: 3, 1: 40}]


def test_the_client_closes_with_its_last_partition() -> None:
    poll = FakePoll()
    reading = reader(poll, p0=0, p1=0)
    reading.take(0)
    reading.remove(0)
    assert (poll.paused, poll.closed) == ([0], False)
    reading.remove(1)
    assert poll.closed


def test_a_passing_error_is_no_more_than_a_line() -> None:
    poll = FakePoll({0: Drained(error=-195)}, {0: records(0, 0)})
    reading = reader(poll, p0=0)
    first = reading.take(0)
    assert first is not None
    assert first.batch is None
    assert reading.take(0) is not None
    assert len(poll.assigned) == 1


def test_a_forbidden_topic_is_a_setting_error() -> None:
    reading = reader(FakePoll({0: Drained(error=29)}), p0=0)
    with pytest.raises(SettingError, match="not allowed"):
        reading.take(0)


def test_a_lost_place_that_cannot_be_judged_yet_is_asked_for_again() -> None:
    options = KafkaReadOptions(bootstrap="127.0.0.1:1", topic="t", timeout_ms=200)
    poll = FakePoll({0: Drained(error=-140)}, {0: records(0, 4)})
    reading = KafkaReader(options, TopicFacts("t", "", 1), poll.opener)
    reading.add(0, 4)
    reading.take(0)
    assert reading.take(0) is not None
    assert poll.assigned == [{0: 4}, {0: 4}]
