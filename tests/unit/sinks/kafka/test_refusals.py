"""What each refusal of Kafka becomes: which topic, group or login, and which right."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.errors import MissingObject, SettingError, TapeflowError, WriteFailed
from sinks.kafka.refusals import reason_of, refusal


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            SettingError,
            "Kafka refuses WRITE on topic bars: the right is missing",
        ),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, SettingError, "WRITE on topic bars: the right is missing"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, SettingError, "before Kafka 2.8 IDEMPOTENT_WRITE on the cluster"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, SettingError, "Kafka refuses READ on group copies"),
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, SettingError, "WRITE on transactional id copies-*"),
        (KafkaError._AUTHENTICATION, SettingError, "Kafka refused the login (k:9092 bars): check kafka_properties"),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, MissingObject, "no topic bars (k:9092 bars): create it"),
        (KafkaError._UNKNOWN_PARTITION, MissingObject, "no topic bars (k:9092 bars): create it"),
        (KafkaError.MSG_SIZE_TOO_LARGE, WriteFailed, "topic bars takes no message so large"),
        (KafkaError.POLICY_VIOLATION, WriteFailed, "Kafka refused a message for topic bars (k:9092 bars): the words"),
    ],
)
def test_each_refusal_is_a_line_and_exit_code_2(code: int, kind: type[TapeflowError], says: str) -> None:
    found = refusal(KafkaError(code, "the words"), topic="bars", where="k:9092 bars", group="copies")
    assert isinstance(found, kind)
    assert found.exit_code == 2
    assert says in str(found)


def test_a_producer_ended_for_the_reason_behind_what_it_raises() -> None:
    end = KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED))
    assert reason_of(end).code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED
    behind = SystemError("a function returned a result with an exception set")
    behind.__cause__ = SystemError("another one")
    behind.__cause__.__cause__ = end
    assert reason_of(behind).code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED
    with pytest.raises(SystemError, match="no end"):
        reason_of(SystemError("no end"))
