"""Ranges of a command line become offsets; what the topic doesn't have is refused by its name."""

import uuid

import pytest

from connectors.kafka.ends import LogEnd
from jobs.topic_range import asked_ranges, hidden_words
from schemas.errors import InputError
from tests.integration.connectors.kafka_feeding import Feed, options
from tests.servers.kafka import make_topic


@pytest.fixture(scope="module")
def topic(kafka_bootstrap: str) -> str:
    topic = make_topic(kafka_bootstrap, f"range-{uuid.uuid4().hex}", 2)
    Feed(kafka_bootstrap, topic).send([b"%d" % number for number in range(5)], 0)
    return topic


def test_ranges_of_every_partition(kafka_bootstrap: str, topic: str) -> None:
    read = options(kafka_bootstrap, topic)
    assert asked_ranges(read, "earliest", "latest") == {0: (0, 5), 1: (0, 0)}
    assert asked_ranges(read, '{"0": 2}', '{"0": 4}')[0] == (2, 4)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ('{"0": 9}', "latest", r"\[0\] ends at 5, before 9"),
        ("earliest", '{"0": 6}', r"\[0\] ends at 5, before 6"),
        ("latest", "latest", "holds no record in that range"),
        ("yesterday", "latest", "yesterday"),
        ('{"7": 0}', "latest", "7"),
    ],
)
def test_what_is_not_there(kafka_bootstrap: str, topic: str, start: str, end: str, words: str) -> None:
    with pytest.raises(Exception, match=words) as refused:
        asked_ranges(options(kafka_bootstrap, topic), start, end)
    assert getattr(refused.value, "exit_code", 0) == 2
    assert isinstance(refused.value, InputError) or "yesterday" in str(refused.value)


def test_what_a_transaction_hides_is_said() -> None:
    assert hidden_words({0: LogEnd(5, 5)}) == ""
    assert hidden_words({1: LogEnd(2, 9), 0: LogEnd(5, 5)}) == (
        "records lie behind an open transaction: 7 of partition 1 from offset 2"
    )
