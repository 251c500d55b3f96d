"""The demo's desk: what its flows' metrics say, and rules that the price of a symbol meets."""

import msgspec

from core.alerts.preview import firings_of
from demo.desk import DeskFigures, desk_figures, rules_about
from processes.runner import Samples
from schemas.alert_rules import AlertRule


def test_figures_are_added_up_over_partitions() -> None:
    analytics: Samples = {
        ("tapeflow_desk_records_total", (("outcome", "applied"), ("partition", "a/0"))): 5.0,
        ("tapeflow_desk_records_total", (("outcome", "late"), ("partition", "b/0"))): 2.0,
        ("tapeflow_lag_records", (("partition", "a/0"),)): 3.0,
    }
    alerts: Samples = {
        ("tapeflow_alerts_fired_total", (("partition", "0"),)): 4.0,
        ("tapeflow_records_read_total", (("partition", "0"),)): 90.0,
        ("tapeflow_alert_rules", (("partition", "0"),)): 12.0,
    }
    assert desk_figures(analytics, alerts) == DeskFigures(read=7, lag=3, fired=4, looked_at=90, rules=12)
    assert desk_figures({}, {}) == DeskFigures()


def test_a_price_that_moves_fires_every_rule_about_it() -> None:
    prices = [100, 101, 99, 100, 102]
    for told in rules_about("A", "100"):
        body = {key: value for key, value in told.items() if key != "cooldownMs"}
        rule = msgspec.json.encode(AlertRule("r", "u", **body))
        fired = firings_of(rule, "A", list(range(5)), [price * 10**10 for price in prices], [10**10] * 5)
        assert len(fired), told
