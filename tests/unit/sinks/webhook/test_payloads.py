"""What receivers of webhooks get, as their own documents describe it."""

import json

from schemas.alert_rules import AlertRule, Firing
from sinks.webhook.payloads import payload

RULE = AlertRule("r-1", "anna", "A&B", "crosses_below", "150.5", note="sell <now>")
FIRING = Firing(0, 7, 0, 0, 1_767_225_600_123_456, 5, 150 * 10**10, 1505 * 10**9, RULE, 150 * 10**10, 7)
PLAIN = {
    "type": "price_alert", "id": "r-1:7", "user": "anna", "symbol": "A&B", "price": 150,
    "alert_type": "threshold_exceeded", "threshold": 150.5, "direction": "below", "rule": "r-1", "sequence": 7,
    "timestamp": 1_767_225_600_123, "note": "sell <now>",
    "series": "price", "window": "", "value": 150, "basis": "log",
}  # fmt: skip


def test_our_own_form_is_that_of_clients_with_the_user() -> None:
    assert json.loads(payload("tapeflow", FIRING, "")) == PLAIN


def test_slack_gets_one_escaped_text() -> None:
    text = "A&amp;B is below 150.5: 150 (sell &lt;now&gt;)"
    assert json.loads(payload("slack", FIRING, "")) == {"text": text}
    bare = FIRING._replace(threshold=10**10, rule=AlertRule("r", "u", "X", "above", "1"))
    assert json.loads(payload("slack", bare, "")) == {"text": "X is above 1: 150"}
    spike = bare._replace(
        rule=AlertRule("r", "u", "X", "above", "5", series="volume", window="1h"), threshold=5 * 10**10
    )
    assert json.loads(payload("slack", spike, "")) == {"text": "X volume 1h is above 5: 150"}


def test_pagerduty_gets_an_event_that_it_drops_when_it_comes_twice() -> None:
    found = json.loads(payload("pagerduty", FIRING, "key"))
    assert (found["routing_key"], found["event_action"], found["dedup_key"]) == ("key", "trigger", "r-1:7")
    assert found["payload"] == {
        "summary": "A&B is below 150.5: 150 (sell <now>)", "source": "tapeflow", "severity": "info",
        "timestamp": "2026-01-01T00:00:00.123+00:00", "component": "A&B", "class": "threshold_exceeded",
        "custom_details": PLAIN,
    }  # fmt: skip
