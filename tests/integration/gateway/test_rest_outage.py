"""Redis or ClickHouse stop, hang, or come back: stale answers are marked, others are 503, and nothing hangs."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.gateway.rest_server import (
    MINUTE_MS,
    NOW_MS,
    OPEN_MS,
    Answer,
    Market,
    RestServer,
    bar_json,
    eventually,
)
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.thorough

BOUND_S = 4.0


@contextlib.contextmanager
def stores(folder: Path) -> Iterator[tuple[RedisServer, ClickHouseServer, Market]]:
    with RedisServer(folder) as redis_server, ClickHouseServer(folder) as clickhouse_server:
        market = Market(redis_server.url, clickhouse_server.dsn, "outage")
        market.migrate()
        market.add_symbol("A")
        market.add_bars("A", [OPEN_MS - MINUTE_MS * back for back in range(1, 50)], list(range(49, 0, -1)))
        market.redis.set("candle:A:1m", bar_json("A", OPEN_MS, 60, final=False))
        ticker = {"symbol": "A", "price": 1, "timestamp": NOW_MS, "sequence": 60}
        market.redis.set("price:A", json.dumps(ticker))
        market.add_trades("A", [{"time_us": NOW_MS * 1000, "price": Decimal("1.25"), "size": Decimal(2), "offset": 60}])
        yield redis_server, clickhouse_server, market
        market.redis.close()
        market.clickhouse.disconnect()


def server(folder: Path, market: Market, **changed: object) -> RestServer:
    bounds = {"gateway_history_timeout_ms": 1000, "gateway_redis_timeout_ms": 500, "gateway_history_cache_ms": 1}
    return RestServer(folder, **{**market.settings(), **bounds, **changed})


def timed(rest: RestServer, path: str) -> Answer:
    began = time.monotonic()
    answer = rest.get(path)
    assert time.monotonic() - began < BOUND_S, path
    return answer


@pytest.mark.parametrize("how", ["pause", "kill"])
def test_without_clickhouse(tmp_path: Path, how: str) -> None:
    with stores(tmp_path) as (_, clickhouse_server, market), server(tmp_path, market) as rest:
        assert len(rest.get("/api/ohlc/A?limit=10").json()) == 10
        assert rest.get("/api/stats/A?period=1h").json()["stale"] is False
        getattr(clickhouse_server, how)()
        for _ in range(5):
            stale = timed(rest, "/api/ohlc/A?limit=10")
            assert (stale.status, stale.headers["x-stale"], len(stale.json())) == (200, "true", 10)
        assert stale.json()[0]["final"] is False
        only_live = timed(rest, "/api/ohlc/A?limit=11")
        assert (only_live.headers["x-stale"], len(only_live.json())) == ("true", 1)
        stats = timed(rest, "/api/stats/A?period=1h")
        assert (stats.headers["x-stale"], stats.json()["stale"]) == ("true", True)
        refused = timed(rest, "/api/trades/A?limit=7")
        assert (refused.status, refused.json()["error"]) == (503, "SERVICE_UNAVAILABLE")
        assert refused.json()["details"] == {"dependency": "clickhouse"}
        assert int(refused.headers["retry-after"]) >= 1
        began = time.monotonic()
        timed(rest, "/api/trades/A?limit=8")
        assert time.monotonic() - began < 0.9, "the breaker should refuse at once"
        ready = timed(rest, "/health/ready")
        assert (ready.status, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["dependencies"]["clickhouse"]["breaker"] in ("open", "half-open")
        assert timed(rest, "/api/prices/A").json()["stale"] is False
        clickhouse_server.resume() if how == "pause" else clickhouse_server.start()
        eventually(lambda: rest.get("/api/trades/A?limit=9").status == 200, 20)
        assert "x-stale" not in rest.get("/api/ohlc/A?limit=10").headers


@pytest.mark.parametrize("how", ["pause", "kill"])
def test_without_redis(tmp_path: Path, how: str) -> None:
    with stores(tmp_path) as (redis_server, _, market), server(tmp_path, market) as rest:
        assert rest.get("/api/prices/A").json()["stale"] is False
        getattr(redis_server, how)()
        price = timed(rest, "/api/prices/A")
        assert (price.status, price.headers["x-stale"]) == (200, "true")
        assert (price.json()["stale"], price.json()["price"]) == (True, Decimal("1.25"))
        bars = timed(rest, "/api/ohlc/A?limit=10")
        assert (bars.headers["x-stale"], bars.json()[0]["final"]) == ("true", True)
        for path in ("/api/watchlists", "/api/symbols"):
            refused = timed(rest, path)
            assert (refused.status, refused.json()["error"]) == (503, "SERVICE_UNAVAILABLE")
        assert timed(rest, "/api/trades/A").status == 200
        ready = timed(rest, "/health/ready")
        assert (ready.status, ready.json()["dependencies"]["redis"]["status"]) == (503, "down")
        assert timed(rest, "/health").status == 200
        redis_server.resume() if how == "pause" else redis_server.start()
        eventually(lambda: rest.get("/health/ready").status == 200, 20)
        assert eventually(lambda: rest.get("/api/watchlists").status == 200)


def test_limits_are_kept_by_each_process_while_redis_is_out(tmp_path: Path) -> None:
    limit = {"gateway_requests_per_minute": 5}
    with stores(tmp_path) as (redis_server, _, market), server(tmp_path, market, **limit) as rest:
        redis_server.kill()
        statuses = [timed(rest, "/api/trades/A").status for _ in range(8)]
        assert (statuses.count(200), statuses[-1]) == (5, 429)


def test_everything_may_be_down_at_the_start(tmp_path: Path) -> None:
    with stores(tmp_path) as (redis_server, clickhouse_server, market):
        redis_server.kill()
        clickhouse_server.kill()
        with server(tmp_path, market) as rest:
            for path in ("/api/prices/A", "/api/ohlc/A", "/api/trades/A", "/api/stats/A", "/api/events"):
                assert timed(rest, path).status == 503, path
            redis_server.start()
            clickhouse_server.start()
            for path in ("/api/ohlc/A", "/api/trades/A"):
                eventually(lambda path=path: rest.get(path).status == 200, 20)


def test_a_query_ends_when_its_client_leaves(tmp_path: Path) -> None:
    """The server hangs in the query; the client goes; the place and the connection are free long before a timeout."""
    long = {"gateway_history_timeout_ms": 60_000}
    with stores(tmp_path) as (_, clickhouse_server, market), server(tmp_path, market, **long) as rest:
        assert rest.get("/api/trades/A").status == 200
        clickhouse_server.pause()
        client = http.client.HTTPConnection("127.0.0.1", rest.port)
        client.request("GET", "/api/trades/A?limit=3", headers={"authorization": f"Bearer {rest.token()}"})

        def metric(name: str) -> bool:
            return name.encode() in rest.get("/metrics", token="").body

        eventually(lambda: metric("tapeflow_history_queries 1.0"))
        assert market.redis.zcard("gateway:history:u1") == 1
        client.close()
        eventually(lambda: metric("tapeflow_history_queries 0.0") and metric("tapeflow_history_cancelled 1.0"))
        eventually(lambda: market.redis.zcard("gateway:history:u1") == 0)
        clickhouse_server.resume()
        assert rest.get("/api/trades/A?limit=4").status == 200
