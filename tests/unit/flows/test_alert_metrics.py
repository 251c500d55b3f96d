"""What the alerts flow counts."""

from prometheus_client import CollectorRegistry

from flows.alert_metrics import AlertMetrics


def test_rules_are_a_level_and_firings_a_sum() -> None:
    registry = CollectorRegistry()
    metrics = AlertMetrics(registry)
    metrics.count(1, 10, 2)
    metrics.count(1, 9, 3)
    metrics.count_refused()
    assert registry.get_sample_value("tapeflow_alert_rules", {"partition": "1"}) == 9
    assert registry.get_sample_value("tapeflow_alerts_fired_total", {"partition": "1"}) == 5
    assert registry.get_sample_value("tapeflow_alert_rules_refused_total") == 1
