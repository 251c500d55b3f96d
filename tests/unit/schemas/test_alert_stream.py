"""What is said of an alert, and under which mark; tests/integration/sinks/redis/test_alerts.py runs the script."""

import json

import msgspec

from schemas.alert_stream import ADD_ALERTS, alert_arguments, alert_data, symbols_of
from schemas.desk import DeskAlert

ALERT = DeskAlert("id", "open", 1_000_999, "error", "lp", "t", "m", "analytics", ("Check",))


def test_an_alert_has_the_fields_of_s1() -> None:
    told = {
        "id": "id", "severity": "error", "category": "lp", "title": "t", "message": "m", "source": "analytics",
        "actionItems": ["Check"], "state": "open", "basis": "log",
    }  # fmt: skip
    assert json.loads(alert_data(ALERT)) == told
    said = ALERT._replace(state="acknowledged", basis="user", by="anna")
    assert json.loads(alert_data(said)) == {**told, "state": "acknowledged", "basis": "user", "by": "anna"}


def test_each_state_has_a_mark_and_nothing_is_acknowledged_behind_its_end() -> None:
    states = ("open", "acknowledged", "resolved")
    least, marks, *entries = alert_arguments([ALERT._replace(state=state) for state in states])
    assert (least, marks) == (10_000, 100_000)
    assert entries[0::4] == ["id", "id:acknowledged", "id:resolved"]
    assert entries[1::4] == ["", "id:resolved", ""]
    assert entries[2::4] == [1000] * 3
    pairs = msgspec.msgpack.decode(entries[3])  # type: ignore[arg-type]
    assert pairs == ["type", "alert", "data", alert_data(ALERT).decode(), "ts", "1000"]
    assert ADD_ALERTS.startswith("-- KEYS")


def test_an_alert_about_a_symbol_goes_to_those_who_may_see_it() -> None:
    about = ALERT._replace(id="trades:gaps:0-7:A:B", symbols=("A:B",))
    assert symbols_of(about.id) == ("A:B",)
    assert symbols_of("trades:stale:0-7") == symbols_of("lp:A:silent:0-7") == symbols_of("trades") == ()
    assert symbols_of("two-partitions:A:B:C:D:E") == ("A:B:C:D:E",)
    pairs = msgspec.msgpack.decode(alert_arguments([about])[5])  # type: ignore[arg-type]
    assert pairs[-2:] == ["symbols", "A:B"]
    assert json.loads(alert_data(about))["symbols"] == ["A:B"]
