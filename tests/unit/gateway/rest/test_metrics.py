"""Figures of REST: counted by operation and status, gauges read when they are asked for."""

import os
import subprocess
import sys
from pathlib import Path

from gateway.rest.metrics import RestMetrics


def test_requests_are_counted_by_operation_and_status() -> None:
    metrics = RestMetrics()
    for status, seconds in ((200, 0.002), (200, 0.2), (404, 0.001)):
        metrics.count("GET /api/prices/{symbol}", status, seconds)
    text = metrics.render().decode()
    assert 'tapeflow_rest_requests_total{operation="GET /api/prices/{symbol}",status="200"} 2.0' in text
    assert 'tapeflow_rest_requests_total{operation="GET /api/prices/{symbol}",status="404"} 1.0' in text
    assert 'tapeflow_rest_seconds_bucket{le="0.0025",operation="GET /api/prices/{symbol}"} 2.0' in text
    assert 'tapeflow_rest_seconds_count{operation="GET /api/prices/{symbol}"} 3.0' in text


def test_a_watched_gauge_is_read_at_each_scrape() -> None:
    metrics, values = RestMetrics(), iter([1.0, 5.0])
    metrics.watch("cache_hits", "Hits", lambda: next(values), cache="prices")
    metrics.watch("cache_hits", "Hits", lambda: 7.0, cache="bars")
    metrics.watch("queries", "Queries", lambda: 2.0)
    assert b'tapeflow_cache_hits{cache="prices"} 1.0' in metrics.render()
    text = metrics.render()
    assert b'tapeflow_cache_hits{cache="prices"} 5.0' in text
    assert b'tapeflow_cache_hits{cache="bars"} 7.0' in text
    assert b"tapeflow_queries 2.0" in text


def test_two_applications_in_one_process_count_apart() -> None:
    one, other = RestMetrics(), RestMetrics()
    one.sse_gaps.inc()
    assert b"tapeflow_sse_gaps_total 1.0" in one.render()
    assert b"tapeflow_sse_gaps_total 0.0" in other.render()


def test_figures_of_several_processes_are_added_up(tmp_path: Path) -> None:
    code = (
        "from gateway.rest.metrics import RestMetrics; m = RestMetrics(); m.sse_events.inc(3);"
        "print(m.render().decode())"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    texts = [
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert "tapeflow_sse_events_total 3.0" in texts[0]
    assert "tapeflow_sse_events_total 6.0" in texts[1]
