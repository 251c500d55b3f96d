"""A client that knows an older state of a broker than the broker itself is not asked again.

A broker that does so for minutes can't be made at will, so the client stands in; real ones are asked in
tests/integration/connectors/kafka/test_ends.py.
"""

from collections.abc import Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from connectors.kafka import ends as ends_module
from connectors.kafka.ends import LogEnd, TopicEnds
from connectors.kafka.options import KafkaReadOptions
from schemas.errors import Unreachable

made: list["Client"] = []


class Client:
    """The first one that is made meets an outdated epoch in partition 0."""

    def __init__(self, *_: object, **__: object) -> None:
        self.is_first = not made
        made.append(self)

    def list_offsets(self, asked: Mapping[TopicPartition, Any], **_: object) -> dict[TopicPartition, Future[Any]]:
        return {place: self._answer(place.partition) for place in asked}

    def _answer(self, partition: int) -> Future[Any]:
        future: Future[Any] = Future()
        if self.is_first and partition == 0:
            future.set_exception(KafkaException(KafkaError(KafkaError.FENCED_LEADER_EPOCH)))
        else:
            future.set_result(SimpleNamespace(offset=7))
        return future


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> TopicEnds:
    made.clear()
    monkeypatch.setattr(ends_module, "AdminClient", Client)
    return TopicEnds(KafkaReadOptions(bootstrap="127.0.0.1:1", topic="trades"))


def test_the_next_question_is_asked_by_a_client_that_knows_the_broker(ends: TopicEnds) -> None:
    with pytest.raises(Unreachable):
        ends.ask([0])
    assert ends.ask([0]) == {0: LogEnd(7, 7)}
    assert len(made) == 2


def test_other_partitions_are_told_meanwhile(ends: TopicEnds) -> None:
    assert ends.ask([0, 1]) == {1: LogEnd(7, 7)}
    assert ends.ask([0, 1]) == {0: LogEnd(7, 7), 1: LogEnd(7, 7)}
