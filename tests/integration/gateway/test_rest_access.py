"""Who gets in, how often, from where, and what belongs to whom."""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest

from tests.integration.gateway.rest_server import SECRET, Market, RestServer


@pytest.fixture(autouse=True)
def known_symbol(market: Market) -> None:
    market.redis.set("price:A/B", json.dumps({"symbol": "A/B", "price": 1, "timestamp": 1, "sequence": 1}))
    market.add_symbol("A/B")


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    return {"userId": "u", "symbolicAccess": ["*"], "iat": now, "exp": now + 60, **changed}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        jwt.encode(claims(exp=int(time.time()) - 1), SECRET, "HS256"),
        jwt.encode(claims(), None, "none"),
        jwt.encode(claims(), "another secret, another secret, another", "HS256"),
        jwt.encode(claims(), SECRET * 2, "HS512"),
    ],
)
def test_without_a_good_token_nothing(rest: RestServer, token: str) -> None:
    for path in ("/api/prices/A%2FB", "/api/symbols", "/api/events", "/api/watchlists", "/api/ohlc/A%2FB"):
        answer = rest.get(path, token=token)
        found = answer.json()
        assert (answer.status, found["error"]) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert token == "" or token not in found["message"]
    assert rest.get("/api/symbols", token="", authorization="Basic dTpw").status == 401


def test_a_token_in_the_query_does_too(rest: RestServer) -> None:
    assert rest.get(f"/api/prices/A%2FB?token={rest.token()}", token="").status == 200
    assert rest.get("/api/prices/A%2FB?token=wrong", token="").status == 401


def test_foreign_symbols_are_forbidden_everywhere(rest: RestServer) -> None:
    token = rest.token(symbols=("C/*",))
    for path in ("prices/A%2FB", "prices?symbols=C/D,A/B", "ohlc/A%2FB", "trades/A%2FB", "stats/A%2FB"):
        answer = rest.get(f"/api/{path}", token=token)
        assert (answer.status, answer.json()["error"]) == (403, "FORBIDDEN"), path
    body = b'{"name":"x","symbols":["A/B"]}'
    assert rest.ask("POST", "/api/watchlists", token=token, body=body).status == 403
    assert rest.get("/api/prices/A%2FB", token=rest.token(symbols=())).status == 403


def test_the_router_refuses_in_the_same_form(rest: RestServer) -> None:
    for method, path, status, code in (
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("POST", "/api/prices/A", 405, "METHOD_NOT_ALLOWED"),
        ("PATCH", "/api/watchlists", 405, "METHOD_NOT_ALLOWED"),
    ):
        answer = rest.ask(method, path, body=b"")
        found = answer.json()
        assert (answer.status, found["error"]) == (status, code)
        assert found["requestId"] == answer.headers["x-request-id"]


def test_request_ids_are_taken_over_if_harmless(rest: RestServer) -> None:
    assert rest.get("/api/symbols", x_request_id="abc-1.2_3").headers["x-request-id"] == "abc-1.2_3"
    assert rest.get("/api/symbols", x_request_id='<b>"').headers["x-request-id"] != '<b>"'


def test_watchlists_are_made_read_replaced_and_deleted(rest: RestServer) -> None:
    token = rest.token("lists")
    made = rest.ask("POST", "/api/watchlists", token=token, body=b'{"name":"Mine","symbols":["A/B"]}')
    assert made.status == 201
    path = made.headers["location"]
    assert rest.get(path, token=token).json() == made.json()
    assert rest.get("/api/watchlists", token=token).json() == [made.json()]
    put = rest.ask("PUT", path, token=token, body=b'{"name":"Other","symbols":["C/D","A/B"]}')
    assert (put.status, put.json()["symbols"], put.json()["createdAt"]) == (
        200,
        ["C/D", "A/B"],
        made.json()["createdAt"],
    )
    other = rest.token("someone-else")
    for method, body in (("GET", None), ("PUT", b'{"name":"x"}'), ("DELETE", None)):
        assert rest.ask(method, path, token=other, body=body).status == 404
    assert rest.get("/api/watchlists", token=other).json() == []
    assert rest.ask("DELETE", path, token=token).status == 204
    assert rest.ask("DELETE", path, token=token).status == 404
    assert rest.ask("PUT", path, token=token, body=b'{"name":"x"}').status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"name":""}',
        b'{"name":"x","extra":1}',
        b'{"name":"x","symbols":["A,B"]}',
        b'{"name":"x","symbols":["A","A"]}',
        b'{"name":"\xff"}',
        b'{"name":"x","symbols":"A"}',
        json.dumps({"name": "x", "symbols": [f"S{number}" for number in range(501)]}).encode(),
        b'{"name":"' + b"x" * 70_000 + b'"}',
    ],
)
def test_watchlist_bodies_are_checked(rest: RestServer, body: bytes) -> None:
    answer = rest.ask("POST", "/api/watchlists", body=body)
    assert (answer.status, answer.json()["error"]) == (400, "BAD_REQUEST")


def test_watchlists_are_so_many_also_when_made_at_once(rest: RestServer) -> None:
    token = rest.token("collector")
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(rest.ask, "POST", "/api/watchlists", token=token, body=b'{"name":"n"}') for _ in range(110)
        ]
        statuses = [each.result().status for each in asked]
    assert (statuses.count(201), statuses.count(400)) == (100, 10)


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


def test_cors_is_by_the_list_alone(rest: RestServer, market: Market, tmp_path: Path) -> None:
    assert "access-control-allow-origin" not in rest.get("/api/symbols", origin="https://a.example").headers
    with RestServer(tmp_path, **market.settings(), gateway_origins="https://a.example") as server:
        allowed = server.get("/api/symbols", origin="https://a.example")
        assert allowed.headers["access-control-allow-origin"] == "https://a.example"
        assert "X-Next-Cursor" in allowed.headers["access-control-expose-headers"]
        assert "access-control-allow-origin" not in server.get("/api/symbols", origin="https://b.example").headers
        refused = server.get("/api/symbols", token="", origin="https://a.example")
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, "https://a.example")
        asked = {"origin": "https://a.example", "access_control_request_method": "PUT"}
        assert server.ask("OPTIONS", "/api/watchlists/x", token="", **asked).status == 200
        assert server.ask("OPTIONS", "/api/watchlists/x", token="", **{**asked, "origin": "https://b"}).status == 400


def test_an_open_gateway_is_for_pages_of_this_machine(market: Market, tmp_path: Path) -> None:
    with RestServer(tmp_path, **market.settings(), gateway_token_secret="") as server:
        answer = server.get("/api/prices/A%2FB", origin="http://localhost:3000")
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "access-control-allow-origin" not in server.get("/api/prices/A%2FB", origin="https://b.example").headers
        body = b'{"name":"Majors","symbols":["A/B"]}'
        asked = {"content_type": "application/json", "origin": "http://localhost:3000"}
        assert server.ask("POST", "/api/watchlists", body=body, **asked).status == 201
        evil = server.ask("POST", "/api/watchlists", body=body, **{**asked, "origin": "https://evil.example"})
        assert (evil.status, evil.json()["error"]) == (403, "FORBIDDEN")
        simple = server.ask("POST", "/api/watchlists", body=body, content_type="text/plain")
        assert (simple.status, simple.json()["error"]) == (400, "BAD_REQUEST")


def test_without_a_secret_only_local_names_get_in(market: Market, tmp_path: Path) -> None:
    """A web page may re-bind its own name to loopback; the Host header gives it away."""
    with RestServer(tmp_path, **market.settings(), gateway_token_secret="", gateway_host="0.0.0.0") as server:
        assert server.get("/api/prices/A%2FB").status == 200
        assert server.get("/api/prices/A%2FB", host="evil.example").status == 403


def test_half_open_requests_do_not_stop_others(rest: RestServer) -> None:
    held = [http.client.HTTPConnection("127.0.0.1", rest.port) for _ in range(200)]
    for each in held:
        each.connect()
        each.sock.sendall(b"GET /api/symbols HTTP/1.1\r\nHost: x\r\n")
    try:
        assert rest.get("/api/prices/A%2FB").status == 200
    finally:
        for each in held:
            each.close()
