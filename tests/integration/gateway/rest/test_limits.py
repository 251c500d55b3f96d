"""How often somebody may ask: per user and per address, over all gateways, and what is left in the headers."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.gateway.rest_server import Market, RestServer


@pytest.fixture(autouse=True)
def known_symbol(market: Market) -> None:
    market.redis.set("price:A/B", json.dumps({"symbol": "A/B", "price": 1, "timestamp": 1, "sequence": 1}))
    market.add_symbol("A/B")


def test_gateways_share_the_request_limit(market: Market, tmp_path: Path) -> None:
    settings = {**market.settings(), "gateway_requests_per_minute": 10}
    with RestServer(tmp_path, **settings) as one, RestServer(tmp_path, **settings) as two:
        answers = [server.get("/api/prices/A%2FB", token=one.token("busy")) for server in (one, two) * 7]
        assert [each.status for each in answers] == [200] * 10 + [429] * 4
        assert [each.headers["ratelimit-remaining"] for each in answers[:10]] == [str(9 - left) for left in range(10)]
        refused = answers[-1]
        assert refused.json()["error"] == "RATE_LIMITED"
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit-limit"] == "10"
        assert refused.headers["ratelimit-remaining"] == "0"
        assert 0 < int(refused.headers["ratelimit-reset"]) <= 61
        assert one.get("/api/prices/A%2FB", token=one.token("calm")).status == 200
        assert one.get("/health", token="").status == 200


def test_without_tokens_each_address_has_its_own_limits(market: Market, tmp_path: Path) -> None:
    settings = {**market.settings(), "gateway_token_secret": "", "gateway_requests_per_minute": 5}
    proxied = {"gateway_trust_forwarded": True, "gateway_forwarded_hops": 1, "gateway_history_concurrent": 1}
    with RestServer(tmp_path, **settings, **proxied) as server:

        def statuses(address: str, count: int, path: str = "/api/prices/A%2FB") -> list[int]:
            asked = f"1.1.1.1, {address}"
            return [server.get(path, x_forwarded_for=asked).status for _ in range(count)]

        assert statuses("10.7.0.1", 6) == [200] * 5 + [429]
        assert statuses("10.7.0.2", 5) == [200] * 5
        assert statuses("10.7.0.1", 1) == [429]
        assert statuses("2001:db8:7::1", 3) + statuses("2001:db8:7::2", 3) == [200] * 5 + [429]
        now_ms = int(time.time() * 1000)
        market.redis.zadd("gateway:history:ip:10.7.0.3", {"other": now_ms + 60_000})
        assert statuses("10.7.0.3", 1, "/api/trades/A%2FB?limit=3") == [429]
        assert statuses("10.7.0.4", 1, "/api/trades/A%2FB?limit=3") == [200]


def test_a_policy_per_address_stands_beside_that_per_user(market: Market, tmp_path: Path) -> None:
    """Of both the tightest speaks in the headers, and the one that is used up in Retry-After."""
    settings = {**market.settings(), "gateway_requests_per_minute": 4, "gateway_address_requests": 6}
    with RestServer(tmp_path, **settings, gateway_trust_forwarded=True) as server:

        def ask(user: str, address: str) -> tuple[int, str, str, int]:
            answer = server.get("/api/prices/A%2FB", token=server.token(user), x_forwarded_for=address)
            assert answer.headers["ratelimit-policy"] == "4;w=60, 6;w=900"
            limit, left = answer.headers["ratelimit-limit"], answer.headers["ratelimit-remaining"]
            reset_s = int(answer.headers["ratelimit-reset"])
            if answer.status == 429:
                assert answer.headers["retry-after"] == answer.headers["ratelimit-reset"]
            return answer.status, limit, left, reset_s

        assert [ask("p1", "10.8.0.1")[:3] for _ in range(5)] == [
            (200, "4", "3"), (200, "4", "2"), (200, "4", "1"), (200, "4", "0"), (429, "4", "0"),
        ]  # fmt: skip
        assert ask("p1", "10.8.0.1")[3] <= 61
        # The refused requests were not taken from the address: it has 2 left.
        assert [ask("p2", "10.8.0.1")[:3] for _ in range(3)] == [(200, "6", "1"), (200, "6", "0"), (429, "6", "0")]
        assert 800 < ask("p2", "10.8.0.1")[3] <= 901
        # And those were not taken from the user, who has 2 left elsewhere.
        assert [ask("p2", "10.8.0.2")[0] for _ in range(3)] == [200, 200, 429]
        assert server.get("/health", token="").status == 200


def test_many_at_once_pass_no_more_than_the_tightest_policy(market: Market, tmp_path: Path) -> None:
    settings = {**market.settings(), "gateway_requests_per_minute": 2000, "gateway_address_requests": 30}
    with (
        RestServer(tmp_path, **settings) as one,
        RestServer(tmp_path, **settings) as two,
        ThreadPoolExecutor(8) as pool,
    ):
        asked = [pool.submit((one, two)[turn % 2].get, "/api/prices/A%2FB") for turn in range(60)]
        statuses = [each.result().status for each in asked]
    assert (statuses.count(200), statuses.count(429)) == (30, 30)


def test_large_batches_are_one_a_second(rest: RestServer) -> None:
    symbols = ",".join(f"S{number}" for number in range(60))
    token = rest.token("batcher")
    statuses = [rest.get(f"/api/prices?symbols={symbols}", token=token).status for _ in range(4)]
    assert statuses[0] == 200
    assert 429 in statuses[1:]
    assert rest.get("/api/prices?symbols=S1,S2", token=token).status == 200
    too_many = ",".join(f"S{number}" for number in range(501))
    assert rest.get(f"/api/prices?symbols={too_many}", token=token).status == 400


def test_historical_queries_at_once_are_limited_per_user(market: Market, tmp_path: Path) -> None:
    """Places taken on another gateway count; they are given back, or end by themselves."""
    with RestServer(tmp_path, **market.settings(), gateway_history_concurrent=3) as server:
        now_ms = int(time.time() * 1000)
        market.redis.zadd("gateway:history:u1", {f"other-{number}": now_ms + 60_000 for number in range(3)})
        refused = server.get("/api/trades/A%2FB")
        assert (refused.status, refused.json()["error"]) == (429, "RATE_LIMITED")
        market.redis.zadd("gateway:history:u1", {"other-0": now_ms - 1})
        assert server.get("/api/trades/A%2FB").status == 200
        assert market.redis.zcard("gateway:history:u1") == 2
