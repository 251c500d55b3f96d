"""Which shard a symbol is of, in a real Redis Cluster: claimed before it is written, told where several claim it."""

import json
from typing import Any

import pytest

from schemas.names import EVENTS_STREAM, SHARDS_KEY
from sinks.redis.cluster import ClusterClient
from sinks.redis.homes import Claims, keys_of_symbols

SYMBOLS = ["AAPL", "B{7}T", 'E"T/1']


def claim(claims: Claims, shard: int, count: int, epoch: int = 0) -> list[tuple[str, list[int]]]:
    return list(claims.claim(shard, epoch, count, SYMBOLS.__getitem__))


def test_readers_find_what_writers_claimed(client: Any) -> None:
    assert isinstance(client, ClusterClient)
    claims = Claims(client, "test")
    assert (claim(claims, 4, 2), claim(claims, 4, 2), claim(claims, 4, 3)) == ([], [], [])
    keys = keys_of_symbols(client, [*SYMBOLS, "OTHER"])
    assert [keys(symbol).tag for symbol in (*SYMBOLS, "OTHER")] == ["{4}:", "{4}:", "{4}:", "{0}:"]
    client.delete(SHARDS_KEY)
    claims.forget()
    claim(claims, 4, 3)
    assert client.hlen(SHARDS_KEY) == 3


def test_an_emptied_map_is_filled_again_without_being_told(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sinks.redis.homes.CHECK_S", 0.0)
    claims = Claims(client, "test")
    claim(claims, 4, 3)
    client.delete(SHARDS_KEY)
    claim(claims, 4, 3)
    assert client.hget(SHARDS_KEY, "AAPL") == b"4:0"


def test_of_several_shards_the_lowest_stays_and_one_event_tells_it(client: Any) -> None:
    assert claim(Claims(client, "test"), 2, 1) == []
    assert claim(Claims(client, "test"), 5, 1) == [("AAPL", [2, 5])]
    assert client.hget(SHARDS_KEY, "AAPL") == b"2:0"
    assert claim(Claims(client, "test"), 5, 1) == [("AAPL", [2, 5])]
    ((_, event),) = client.xrange(EVENTS_STREAM)
    said = json.loads(event[b"data"])
    assert (event[b"type"], event[b"symbols"], said["partitions"]) == (b"alert", b"AAPL", [2, 5])
    assert claim(Claims(client, "test"), 1, 1) == [("AAPL", [1, 2])]
    assert client.hget(SHARDS_KEY, "AAPL") == b"1:0"


def test_a_topic_that_was_made_anew_may_put_a_symbol_elsewhere(client: Any) -> None:
    claim(Claims(client, "test"), 2, 1)
    assert claim(Claims(client, "test"), 5, 1, epoch=1) == []
    assert claim(Claims(client, "test"), 2, 1, epoch=0) == []
    assert client.hget(SHARDS_KEY, "AAPL") == b"5:1"
