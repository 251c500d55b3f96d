"""Requests that the broker answers: only what it offers, and errors as codes beside what was asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.kafka import api
from local.kafka.api import VERSIONS, Api
from local.kafka.codec import Reader, Writer
from local.kafka.topics import Topics
from tests.unit.local.kafka.batches import batch


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Api]:
    broker = Api(
        Topics(tmp_path, default_partitions=2, segment_bytes=1 << 20, retention_bytes=0, batch_bytes_max=1 << 20),
        "here",
        9,
    )
    yield broker
    broker.stop()


def asked(broker: Api, key: int, version: int, request: bytes = b"") -> Reader:
    parts = broker.answer(key, version, Reader(memoryview(bytearray(request))))
    assert parts is not None
    return Reader(memoryview(b"".join(part for part in parts if isinstance(part, bytes))))


def create(broker: Api, name: str, partitions: int) -> int:
    topic = Writer().int32(1).text(name).int32(partitions).int16(1).int32(0).int32(0).int32(1000).boolean(False)
    answer = asked(broker, api.CREATE_TOPICS, 2, topic.bytes())
    assert (answer.int32(), answer.int32(), answer.text()) == (0, 1, name)
    return answer.int16()


def test_what_is_offered_is_said_also_to_who_asks_in_a_newer_form(broker: Api) -> None:
    answer = asked(broker, api.API_VERSIONS, 2)
    assert answer.int16() == 0
    assert {answer.int16(): (answer.int16(), answer.int16()) for _ in range(answer.int32())} == VERSIONS
    assert asked(broker, api.API_VERSIONS, 9).int16() == api.UNSUPPORTED_VERSION


def test_what_is_not_offered_is_not_half_answered(broker: Api) -> None:
    for key, version in ((11, 0), (api.FETCH, 4), (api.PRODUCE, 3)):
        with pytest.raises(ValueError, match="offered"):
            asked(broker, key, version)


def test_topics_are_made_once_and_told_with_their_partitions(broker: Api) -> None:
    assert create(broker, "trades", 3) == 0
    assert create(broker, "trades", 3) == 36, "TOPIC_ALREADY_EXISTS"
    answer = asked(broker, api.METADATA, 5, Writer().int32(2).text("trades").text("none").boolean(False).bytes())
    answer.int32()
    assert (answer.int32(), answer.int32(), answer.text(), answer.int32()) == (1, api.NODE, "here", 9)
    answer.nullable_text()
    answer.text()
    answer.int32()
    assert answer.int32() == 2
    assert (answer.int16(), answer.text(), answer.boolean(), answer.int32()) == (0, "trades", False, 3)


def test_records_are_kept_and_a_partition_that_is_not_there_is_a_code(broker: Api) -> None:
    create(broker, "trades", 1)
    data = bytes(batch(3))
    request = Writer().text(None).int16(1).int32(1000).int32(1).text("trades").int32(2).bytes()
    for partition in (0, 7):
        request += Writer().int32(partition).int32(len(data)).bytes() + data
    answer = asked(broker, api.PRODUCE, 7, request)
    assert (answer.int32(), answer.text(), answer.int32()) == (1, "trades", 2)
    assert [(answer.int32(), answer.int16(), answer.int64(), answer.int64(), answer.int64()) for _ in range(2)] == [
        (0, 0, 0, -1, 0),
        (7, 3, -1, -1, -1),
    ]
    ends = Writer().int32(-1).int8(0).int32(1).text("trades").int32(1).int32(0).int64(api.LATEST)
    answer = asked(broker, api.LIST_OFFSETS, 2, ends.bytes())
    assert (answer.int32(), answer.int32(), answer.text(), answer.int32()) == (0, 1, "trades", 1)
    assert (answer.int32(), answer.int16(), answer.int64(), answer.int64()) == (0, 0, -1, 3)


def test_producers_get_ids_that_never_repeat(broker: Api, tmp_path: Path) -> None:
    request = Writer().text(None).int32(1000).bytes()
    ids = []
    for each in (broker, broker):
        answer = asked(each, api.INIT_PRODUCER_ID, 0, request)
        assert (answer.int32(), answer.int16()) == (0, 0)
        ids.append(answer.int64())
    assert ids[0] < ids[1]
