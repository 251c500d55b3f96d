"""Watchlists belong to a user: made, read, replaced and deleted, so many and no more, of symbols that may be seen."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.gateway.rest_server import RestServer


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
