"""What Kafka refuses for good, as one line that names the topic and the right that is missing.

Producers of sinks.kafka.sink and sinks.kafka.rekey ask for it. Which codes pass by themselves librdkafka knows: it
retries those for ever, as we ask it to, and never hands them over.
"""

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from schemas.errors import MissingObject, SettingError, TapeflowError, WriteFailed

__all__ = ["ENDED", "reason_of", "refusal"]

MISSING: Final = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}  # noqa: SLF001
)
"""The last is what becomes of messages that wait for a topic which is deleted."""
NO_LOGIN: Final = frozenset({KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED})  # noqa: SLF001
TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})

ENDED: Final = (KafkaException, SystemError)
"""What a producer's poll, flush or produce raises once it has ended for good."""


def reason_of(ended: BaseException) -> KafkaError:
    """Why a producer ended; raises ``ended`` itself if that was no end.

    confluent_kafka hands over the reports of the same poll while its exception is on the way already. Python turns
    that into a SystemError, whose cause is the exception.
    """
    cause: BaseException | None = ended
    while cause is not None and not isinstance(cause, KafkaException):
        cause = cause.__cause__
    if cause is None:
        raise ended
    reason: KafkaError = cause.args[0]
    return reason


def refusal(error: KafkaError, *, topic: str, where: str, right: str = "WRITE", group: str = "") -> TapeflowError:
    """The error to raise. right: what was tried on ``topic``; group: the consumer group and transactional id used."""
    code, said = error.code(), error.str()
    missing = {
        KafkaError.TOPIC_AUTHORIZATION_FAILED: (right, f"topic {topic}"),
        # An idempotent producer is refused as such when it may write to no topic at all.
        KafkaError.CLUSTER_AUTHORIZATION_FAILED: (right, f"topic {topic}"),
        KafkaError.GROUP_AUTHORIZATION_FAILED: ("READ", f"group {group}"),
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: ("WRITE", f"transactional id {group}-*"),
    }
    if code in missing:
        wanted, on = missing[code]
        old = ", and before Kafka 2.8 IDEMPOTENT_WRITE on the cluster" if "WRITE" in wanted else ""
        return SettingError(
            f"Kafka refuses {wanted} on {on}: the right is missing",
            where=where,
            mend=f"grant {wanted} on {on}{old} to the login of kafka_properties ({said})",
        )
    if code in MISSING:
        return MissingObject(f"no topic {topic}", where=where, mend="create it")
    if code in NO_LOGIN:
        return SettingError("Kafka refused the login", where=where, mend=f"check kafka_properties ({said})")
    if code in TOO_LARGE:
        return WriteFailed(f"topic {topic} takes no message so large", where=where, mend="raise its max.message.bytes")
    return WriteFailed(f"Kafka refused a message for topic {topic}", where=where, mend=said)
