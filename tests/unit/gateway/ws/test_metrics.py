"""Figures become Prometheus text with the right kinds."""

from gateway.ws.metrics import WsMetrics


def test_counts_are_counters_and_states_are_gauges() -> None:
    metrics = WsMetrics(lambda: {"connections": 3, "slow_closes": 2, "lastBroadcast": None, "paused": False})
    metrics.delivery_seconds.observe(0.004)
    text = metrics.render().decode()
    assert "# TYPE tapeflow_ws_connections gauge\ntapeflow_ws_connections 3.0" in text
    assert "tapeflow_ws_slow_closes_total 2.0" in text
    assert 'tapeflow_ws_delivery_seconds_bucket{le="0.005"} 1.0' in text
