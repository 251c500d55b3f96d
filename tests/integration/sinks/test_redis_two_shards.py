"""A symbol that two shards write: both stores' one rule, in a real Redis, and who is told."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from schemas.names import EVENTS_STREAM
from sinks.redis.connection import connect
from sinks.redis.sink import RedisWriter
from sinks.redis.state import LiveUpdate
from tests.integration.sinks.redis_reading import bar_at, update
from tests.unit.sinks.rows import START_US, bars, tickers


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()


def of_shard(shard: int, sequence: int, price: int, symbol: str = "AAPL") -> LiveUpdate:
    whole = {"symbol": symbol, "version": sequence, "close": price}
    ticker = tickers({"symbol": symbol, "sequence": sequence, "price": price})
    return replace(update(ticker, bars(whole), bars({**whole, "final": 1})), shard=shard)


@pytest.mark.parametrize("order", [(0, 3, 12), (12, 3, 0), (3, 12, 0)])
def test_of_equal_sequences_the_lower_shards_stay(redis_url: str, client: redis.Redis, order: tuple[int, ...]) -> None:
    for shard in (*order, order[0]):
        RedisWriter(redis_url).write([of_shard(shard, 7, 100 + shard)])
    ((final, _),) = client.zrange("candles:AAPL:1m", 0, -1, withscores=True)
    assert json.loads(final)["close"] == bar_at(client, "candle:AAPL:1m").close == 100
    assert json.loads(client.get("price:AAPL") or b"")["price"] == 100


def test_the_greater_sequence_stays_whatever_its_shard(redis_url: str, client: redis.Redis) -> None:
    writers = {shard: RedisWriter(redis_url) for shard in (0, 1)}
    writers[0].write([of_shard(0, 10, 5)])
    writers[1].write([of_shard(1, 3, 6)])
    assert bar_at(client, "candle:AAPL:1m").close == 5
    writers[1].write([of_shard(1, 11, 7)])
    writers[0].write([of_shard(0, 11, 8)])
    assert bar_at(client, "candle:AAPL:1m").close == 8
    assert json.loads(client.get("price:AAPL") or b"")["price"] == 8


def test_each_writer_is_told_and_the_event_comes_once(redis_url: str, client: redis.Redis) -> None:
    told: list[tuple[str, list[int]]] = []
    writers = {
        shard: RedisWriter(redis_url, on_doubled=lambda symbol, shards: told.append((symbol, shards)))
        for shard in (0, 1, 2)
    }
    name = 'B"T/1'
    writers[0].write([of_shard(0, 10, 5, name), of_shard(0, 10, 5, "ALONE")])
    assert told == []
    writers[1].write([of_shard(1, 3, 6, name)])
    assert told == [(name, [0, 1])], "though its ticker is older than the other's"
    writers[1].write([of_shard(1, 20, 6, name)])
    writers[0].write([of_shard(0, 21, 6, name)])
    assert set(map(str, told)) == {str((name, [0, 1]))}
    assert client.xlen(EVENTS_STREAM) == 1
    writers[2].write([of_shard(2, 22, 6, name)])
    assert told[-1] == (name, [0, 1, 2])
    (_, first), (_, second) = client.xrange(EVENTS_STREAM)
    assert (first[b"type"], first[b"symbols"]) == (b"alert", name.encode())
    said = json.loads(second[b"data"])
    assert (said["symbol"], said["partitions"], said["severity"]) == (name, [0, 1, 2], "critical")
    assert "partitions 0, 1, 2" in said["message"]


def test_a_topic_that_was_made_anew_may_put_a_symbol_elsewhere(redis_url: str, client: redis.Redis) -> None:
    told: list[object] = []
    writer = RedisWriter(redis_url, on_doubled=lambda *said: told.append(said))
    writer.write([of_shard(0, 10, 5)])
    writer.write([of_shard(1, (1 << 44) + 1, 6)])
    assert (told, client.xlen(EVENTS_STREAM)) == ([], 0)
    assert bar_at(client, "candle:AAPL:1m").close == 6


def test_values_of_an_earlier_release_are_nobodys(redis_url: str, client: redis.Redis) -> None:
    told: list[object] = []
    writer = RedisWriter(redis_url, on_doubled=lambda *said: told.append(said))
    writer.write([of_shard(0, 10, 5)])
    for key in (b"price:AAPL", b"candle:AAPL:1m"):
        client.set(key, (client.get(key) or b"").replace(b'"shard":0,', b""))
    RedisWriter(redis_url, on_doubled=lambda *said: told.append(said)).write([of_shard(1, 11, 6)])
    assert told == []
    assert bar_at(client, "candle:AAPL:1m").time == START_US // 1000
