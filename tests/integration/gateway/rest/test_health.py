"""Health, readiness, figures and metrics, for whoever asks."""

import json
import time

from tests.integration.gateway.rest_server import Market, RestServer, eventually


def test_health_metrics_and_pages(rest: RestServer, market: Market) -> None:
    assert rest.get("/health", token="").json()["status"] == "ok"
    ready = eventually(lambda: rest.get("/health/ready", token="").json()["status"] == "ready")
    assert ready, "the stream of events is read soon after the start"
    soon_ms = int(time.time() * 1000) + 60_000
    market.redis.hset(
        "gateway:ws-stats",
        mapping={
            "ws-1": json.dumps({"gateway": "ws-1", "updatedAt": soon_ms, "stats": {"clients": 3}}),
            "dead": json.dumps({"gateway": "dead", "updatedAt": 5, "stats": {}}),
        },
    )
    assert [each["gateway"] for each in rest.get("/health/ws-stats", token="").json()["gateways"]] == ["ws-1"]
    market.add_symbol("COUNTED")
    rest.get("/api/ohlc/COUNTED")
    metrics = rest.get("/metrics", token="").body.decode()
    for name in (
        'tapeflow_rest_requests_total{operation="GET /api/ohlc/{symbol}",status="200"}',
        'tapeflow_cache_hit_ratio{cache="bars"}',
        'tapeflow_breaker_state{dependency="clickhouse"} 0.0',
        "tapeflow_sse_clients 0.0",
    ):
        assert name in metrics
    page = rest.get("/docs", token="")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert rest.get("/openapi.json", token="").json()["openapi"] == "3.1.0"
