"""Every ticker in one answer: its digits, whose it is, how often it is read, and what is said while Redis is away."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.integration.gateway.rest_server import NOW_MS, Answer, RestServer, eventually
from tests.servers.redis import RedisServer

DIGITS = "123456789012345678.0123456789"
NAMES = ("A/1", "A/2", "B&M", "Z=F", "币安人生USDT")


def ticker(symbol: str, sequence: int, price: str = DIGITS, change_percent: str = "null") -> str:
    return (
        f'{{"type":"snapshot","symbol":"{symbol}","price":{price},"bid":null,"ask":0.1,"volume":0.0000000001,"open":1,'
        f'"high":1,"low":1,"previousClose":null,"change":null,"changePercent":{change_percent},"timestamp":{NOW_MS},'
        f'"sequence":{sequence},"exchange":"X"}}'
    )


def add(client: redis.Redis, symbol: str, text: str) -> None:
    client.set(f"price:{symbol}", text)
    client.sadd("md:symbols", symbol)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        with redis.Redis.from_url(server.url) as client:
            for sequence, name in enumerate(reversed(NAMES)):
                add(client, name, ticker(name, sequence))
        yield server


@pytest.fixture
def rest(server: RedisServer, tmp_path: Path) -> Iterator[RestServer]:
    with RestServer(tmp_path, redis_url=server.url, gateway_redis_timeout_ms=1000) as rest:
        yield rest


def symbols(answer: Answer) -> list[str]:
    return [each["symbol"] for each in answer.json()]


def test_every_ticker_comes_by_name_with_every_digit(rest: RestServer, server: RedisServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        add(client, "A/2", ticker("A/2", 9007199254740993, change_percent="-0.0000000001"))
        add(client, "no ticker yet", "")
        client.delete("price:no ticker yet")
        add(client, "broken", '{"symbol":"broken","price":')
    answer = rest.get("/api/market")
    assert (answer.status, answer.headers["x-cache"]) == (200, "MISS")
    assert symbols(answer) == list(NAMES)
    row = (
        f'{{"symbol":"A/2","price":{DIGITS},"changePercent":-0.0000000001,"volume":0.0000000001,"timestamp":{NOW_MS},'
        '"sequence":9007199254740993,"exchange":"X"}'
    )
    assert row.encode() in answer.body
    assert answer.json()[0]["changePercent"] is None
    assert b"redis_value_refused" in rest.log.read_bytes()


def test_it_is_conditional_and_compressed(rest: RestServer, server: RedisServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        for number in range(300):
            add(client, f"N{number}", ticker(f"N{number}", number))
    plain, packed = rest.get("/api/market"), rest.get("/api/market", accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert plain.headers["etag"] == packed.headers["etag"]
    same = rest.get("/api/market", if_none_match=plain.headers["etag"])
    assert (same.status, same.body) == (304, b"")


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [(("A/*",), ["A/1", "A/2"]), (("Z=F", "B&M"), ["B&M", "Z=F"]), ((), []), (("Q",), []), (("*",), list(NAMES))],
)
def test_a_token_sees_its_own_symbols(rest: RestServer, allowed: tuple[str, ...], expected: list[str]) -> None:
    answer = rest.get("/api/market", token=rest.token("u2", allowed))
    assert symbols(answer) == expected
    same = rest.get("/api/market", token=rest.token("u2", allowed), if_none_match=answer.headers["etag"])
    assert same.status == 304
    assert rest.get("/api/market", token="nonsense").status == 401


def test_it_is_read_once_for_all_and_again_after_two_seconds(rest: RestServer, server: RedisServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        rest.get("/api/market")
        before = client.info("commandstats")["cmdstat_mget"]["calls"]
        threads = [threading.Thread(target=rest.get, args=("/api/market",)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.info("commandstats")["cmdstat_mget"]["calls"] <= before + 1
        add(client, "NEW", ticker("NEW", 1))
    eventually(lambda: "NEW" in symbols(rest.get("/api/market")), 10)


def test_the_last_answer_is_marked_while_redis_is_away(rest: RestServer, server: RedisServer) -> None:
    fresh = rest.get("/api/market")
    server.kill()
    stale = eventually(lambda: (answer := rest.get("/api/market")).headers["x-cache"] == "STALE" and answer, 10)
    assert (stale.status, stale.headers["x-stale"], stale.body) == (200, "true", fresh.body)
    assert int(stale.headers["age"]) >= 1
    server.start()
    eventually(lambda: "x-stale" not in rest.get("/api/market").headers, 20)


def test_without_any_answer_it_is_an_outage(rest: RestServer, server: RedisServer) -> None:
    server.kill()
    answer = rest.get("/api/market")
    assert (answer.status, answer.json()["details"]) == (503, {"dependency": "redis"})


def test_it_counts_as_one_request(server: RedisServer, tmp_path: Path) -> None:
    with RestServer(tmp_path, redis_url=server.url, gateway_requests_per_minute=3) as rest:
        answers = [rest.get("/api/market") for _ in range(4)]
    assert [each.status for each in answers] == [200, 200, 200, 429]
    assert json.loads(answers[3].body)["error"] == "RATE_LIMITED"
