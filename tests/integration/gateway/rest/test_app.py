"""Who gets in and from where: tokens, symbols, origins, hosts; and the one form of every refusal."""

import http.client
import json
import time
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
