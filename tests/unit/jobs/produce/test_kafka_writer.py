"""What a broker answers to a new topic, without a broker: whose mistake it is."""

from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException

from jobs.produce import kafka_writer
from schemas.errors import SettingError, TapeflowError, Unreachable, WriteFailed


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError.INVALID_PARTITIONS, SettingError),
        (KafkaError.POLICY_VIOLATION, SettingError),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, SettingError),
        (KafkaError.INVALID_REPLICATION_FACTOR, WriteFailed),
        (KafkaError._TIMED_OUT, Unreachable),
    ],
)
def test_a_refused_topic_tells_whose_mistake_it_is(
    code: int, kind: type[TapeflowError], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broker:
        def __init__(self, _properties: object) -> None: ...

        def create_topics(self, _topics: object, **_timeouts: float) -> dict[str, "Future[None]"]:
            answer: Future[None] = Future()
            answer.set_exception(KafkaException(KafkaError(code)))
            return {"trades": answer}

    monkeypatch.setattr(kafka_writer, "AdminClient", Broker)
    with pytest.raises(kind):
        kafka_writer.ensure_topic("127.0.0.1:1", "trades", 3000)
