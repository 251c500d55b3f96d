"""Alerts that a webhook didn't take, on a real broker."""

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between, read_records
from schemas.alert_rules import AlertRule, Firing
from sinks.kafka.undelivered import UndeliveredAlerts
from tests.integration.connectors.kafka_feeding import options


def test_a_letter_is_kept_before_put_returns(kafka_bootstrap: str) -> None:
    letters = UndeliveredAlerts(kafka_bootstrap, "undelivered-test")
    letters.put(Firing(0, 7, 0, 0, 1, 1, 1, 1, AlertRule("r", "anna", "A", "above", "1"), 1, 7), b"{}", "HTTP 410")
    asked = options(kafka_bootstrap, "undelivered-test")
    (record,) = read_records(asked, ranges_between(asked, Position("earliest"), Position("latest")))
    assert (record.key, record.value) == (b"r:7", b"{}")
