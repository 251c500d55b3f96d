from pathlib import Path

import pytest

from local.kafka.log import BrokerError
from local.kafka.topics import Topics
from tests.unit.local.kafka.batches import batch


def opened(folder: Path) -> Topics:
    return Topics(folder, default_partitions=3, segment_bytes=1000, retention_bytes=0, batch_bytes_max=1000)


def test_topics_and_commits_are_there_after_opening_again(tmp_path: Path) -> None:
    topics = opened(tmp_path)
    topics.create("trades", 5)
    topics.partitions("by-default", create=True)
    topics.log("trades", 4).append(memoryview(batch(2)))
    topics.commit("g", {("trades", 4): (2, "note"), ("a/b", 0): (1, "")})
    again = opened(tmp_path)
    assert again.names() == ["by-default", "trades"]
    assert [len(again.partitions(name)) for name in again.names()] == [3, 5]
    assert again.log("trades", 4).end_offset == 2
    assert again.committed("g") == {("trades", 4): (2, "note"), ("a/b", 0): (1, "")}
    assert again.committed("other") == {}


def test_deleted_topic_is_gone_and_may_come_back_empty(tmp_path: Path) -> None:
    topics = opened(tmp_path)
    topics.create("t", 1)
    topics.log("t", 0).append(memoryview(batch(2)))
    topics.delete("t")
    assert opened(tmp_path).names() == []
    topics.create("t", 1)
    assert topics.log("t", 0).end_offset == 0


def test_topic_grows_and_never_shrinks(tmp_path: Path) -> None:
    topics = opened(tmp_path)
    topics.create("t", 2)
    topics.grow("t", 4)
    assert len(opened(tmp_path).partitions("t")) == 4
    with pytest.raises(BrokerError) as refused:
        topics.grow("t", 4)
    assert refused.value.code == 37


@pytest.mark.parametrize(("name", "count", "code"), [("..", 1, 17), ("a/b", 1, 17), ("", 1, 17), ("t", 0, 37)])
def test_bad_topics_are_refused(tmp_path: Path, name: str, count: int, code: int) -> None:
    with pytest.raises(BrokerError) as refused:
        opened(tmp_path).create(name, count)
    assert refused.value.code == code


def test_unknown_topic_and_partition_are_the_same_error(tmp_path: Path) -> None:
    topics = opened(tmp_path)
    topics.create("t", 1)
    for name, partition in (("nope", 0), ("t", 1), ("t", -1)):
        with pytest.raises(BrokerError) as refused:
            topics.log(name, partition)
        assert refused.value.code == 3
