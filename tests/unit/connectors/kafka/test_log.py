from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from connectors.kafka.log import KafkaLog, broker_error
from schemas.errors import SettingError, Unreachable


def test_one_line_per_kind_and_ten_seconds() -> None:
    now = [0.0]
    log = KafkaLog("t", clock=lambda: now[0])
    with capture_logs() as lines:
        for second in range(25):
            now[0] = float(second)
            log.error(KafkaError(-195))
        log.error(KafkaError(-187))
    assert [line["code"] for line in lines] == ["_TRANSPORT"] * 3 + ["_ALL_BROKERS_DOWN"]
    assert all(line["topic"] == "t" and line["log_level"] == "warning" for line in lines)


def test_the_clients_own_lines_are_for_debugging() -> None:
    with capture_logs() as lines:
        KafkaLog("t").log(3, "%s %s", "FAIL", "rdkafka#consumer-1")
    assert [(line["log_level"], line["detail"]) for line in lines] == [("debug", "FAIL rdkafka#consumer-1")]


def test_a_refused_login_is_told_from_silence() -> None:
    log = KafkaLog("t")
    silence = KafkaException(KafkaError(-195))
    assert isinstance(broker_error("asking", silence, log, "b:1"), Unreachable)
    with capture_logs():
        log.error(KafkaError(-169))
        log.error(KafkaError(-187))
    assert isinstance(broker_error("asking", silence, log, "b:1"), SettingError)


def test_why_is_said_rather_than_how_many_are_down() -> None:
    log = KafkaLog("t")
    with capture_logs():
        for error in (KafkaError(-187), KafkaError(-195, "b:1: Connection refused"), KafkaError(-187)):
            log.error(error)
    assert "Connection refused" in str(broker_error("asking", KafkaException(KafkaError(-185)), log, "b:1"))


def test_a_client_that_asks_once_leaves_the_telling_to_what_it_raises() -> None:
    log = KafkaLog("t", level="debug")
    with capture_logs() as lines:
        log.error(KafkaError(-195))
    assert [line["log_level"] for line in lines] == ["debug"]
    assert log.last == KafkaError(-195)
