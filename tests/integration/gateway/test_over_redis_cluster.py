"""The gateway as a command over a real Redis Cluster, with its least rights: clients see what they always see.

The writer is live's own. One test asks for everything of a small market; in the other a primary is killed meanwhile.
"""

import asyncio
import json
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect as connect_websocket

from core.analytics.order import passed_order
from core.quotes.book import QuoteBook, QuoteRules
from gateway.stores.publish import publish
from gateway.stores.redis_pool import open_redis
from schemas.alert_rules import AlertRule, Firing
from schemas.desk import DeskEntry
from schemas.names import RedisNames
from sinks.redis.channels import ChannelWriter
from sinks.redis.connection import connect
from sinks.redis.price_alerts import AlertPublisher
from sinks.redis.quotes import QuotesWriter
from sinks.redis.sink import RedisWriter
from sinks.redis.state import LiveUpdate
from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway
from tests.integration.sinks.redis_reading import update
from tests.property.quote_records import quote, quote_batch
from tests.servers.least_rights import REDIS_CLUSTER_GATEWAY
from tests.servers.redis_cluster import ClusterOfRedis
from tests.unit.sinks.rows import MINUTE_US, START_US, bars, tickers

pytestmark = pytest.mark.thorough

SECRET = "a-secret-of-a-gateway-over-a-cluster"
SHARDS = range(6)
UNITS = 10**10
SYMBOLS = [f"S{shard}" for shard in SHARDS]


def of(shard: int, sequence: int) -> LiveUpdate:
    """A price of its sequence, an open bar, and the one before it, which has ended."""
    symbol = SYMBOLS[shard]
    now = bars({"symbol": symbol, "version": sequence, "start_us": START_US + MINUTE_US})
    ended = bars({"symbol": symbol, "version": 0, "final": 1})
    return replace(
        update(tickers({"symbol": symbol, "sequence": sequence, "price": sequence}), now, ended), shard=shard
    )


def ask(gateway: GatewayCommand, path: str, body: Any = None, method: str | None = None) -> Any:
    request = urllib.request.Request(f"{gateway.rest}{path}", method=method)
    request.add_header("Authorization", f"Bearer {gateway.token('anna')}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


async def prices(client: Any, until: int, symbols: Sequence[str]) -> dict[str, list[int]]:
    """Sequences of each symbol, in order, until each has had ``until``."""
    got: dict[str, list[int]] = {symbol: [] for symbol in symbols}
    async with asyncio.timeout(60):
        while any(not those or those[-1] < until for those in got.values()):
            message = json.loads(await client.recv())
            if message["type"] in ("snapshot", "delta"):
                got[message["symbol"]].append(message["sequence"])
    return got


def test_clients_see_a_market_over_all_primaries(redis_cluster: ClusterOfRedis, tmp_path: Path) -> None:
    for server in redis_cluster.servers:
        redis_cluster.ask(server, "FLUSHALL")
        redis_cluster.ask(server, "ACL", "LOG", "RESET")
    url = redis_cluster.login("gateway", REDIS_CLUSTER_GATEWAY)
    writer = RedisWriter(redis_cluster.url, shards=len(SHARDS))
    writer.write([of(shard, 1) for shard in SHARDS])
    limits = {"gateway_requests_per_minute": 1_000, "gateway_token_secret": SECRET}
    with running_gateway(tmp_path, url, **limits) as gateway:
        address = f"{gateway.websocket}/ws/prices?token={gateway.token('anna')}"

        async def watch() -> None:
            async with connect_websocket(address, proxy=None) as client:
                await client.send(json.dumps({"type": "subscribe", "symbols": SYMBOLS}))
                assert await prices(client, 1, SYMBOLS) == {symbol: [1] for symbol in SYMBOLS}
                await asyncio.to_thread(writer.write, [of(shard, 2) for shard in SHARDS])
                assert await prices(client, 2, SYMBOLS) == {symbol: [2] for symbol in SYMBOLS}
            await asyncio.to_thread(writer.write, [of(shard, 3) for shard in SHARDS])
            async with connect_websocket(address, proxy=None) as client:
                await client.send(json.dumps({"type": "subscribe", "symbols": SYMBOLS[:1], "since": 2}))
                message = json.loads(await client.recv())
                while message["type"] not in ("snapshot", "delta"):
                    message = json.loads(await client.recv())
                assert (message["type"], message["sequence"], message["previous"]) == ("delta", 3, 2)
            candles = f"{gateway.websocket}/ws/candles?token={gateway.token('anna')}"
            async with connect_websocket(candles, proxy=None) as client, asyncio.timeout(20):
                await client.send(json.dumps({"type": "subscribe", "symbol": SYMBOLS[1], "interval": "1m"}))
                said = json.loads(await client.recv())
                while "candles" not in json.dumps(said) and "initial" not in json.dumps(said):
                    said = json.loads(await client.recv())

        asyncio.run(watch())
        assert ask(gateway, f"/api/prices/{SYMBOLS[0]}")["price"] == 3
        assert [each["symbol"] for each in ask(gateway, "/api/symbols")] == SYMBOLS
        made = ask(gateway, "/api/watchlists", {"name": "mine", "symbols": SYMBOLS[:2]})
        assert ask(gateway, f"/api/watchlists/{made['id']}")["symbols"] == SYMBOLS[:2]
        event = urllib.request.Request(f"{gateway.rest}/api/events?token={gateway.token('anna')}")
        with urllib.request.urlopen(event, timeout=20) as stream:

            async def tell() -> None:
                redis = open_redis(redis_cluster.url, 5_000)
                await publish(redis, "news", b'{"title":"from a cluster"}')
                await redis.aclose(close_connection_pool=True)

            asyncio.run(tell())
            lines = iter(stream.readline, b"")
            assert any(b"from a cluster" in line for line in lines)
    assert denied(redis_cluster) == set()
    writer.close()


def test_quotes_alerts_and_channels_come_from_where_their_flows_write(
    redis_cluster: ClusterOfRedis, tmp_path: Path
) -> None:
    for server in redis_cluster.servers:
        redis_cluster.ask(server, "FLUSHALL")
        redis_cluster.ask(server, "ACL", "LOG", "RESET")
    prices_of, quotes = RedisWriter(redis_cluster.url, shards=len(SHARDS)), QuotesWriter(redis_cluster.url)
    desk, rules = ChannelWriter(redis_cluster.url, "routing-decisions"), AlertPublisher(redis_cluster.url)
    prices_of.write([of(shard, 1) for shard in SHARDS])
    url, symbol, books = redis_cluster.login("gateway", REDIS_CLUSTER_GATEWAY), SYMBOLS[0], QuoteBook(QuoteRules())

    def tell(number: int, bid: str) -> None:
        """A quote of another partition than its trades', a price alert and a desk's figure."""
        books.apply(quote_batch([quote(number, symbol, bid, "3", after_us=number)]))
        quotes.write([replace(books.take_changed(), shard=4)])
        rule = AlertRule("r", "anna", symbol, "above", "1")
        rules.publish([Firing(0, number + 1, 0, 0, 1_000_000, 5, UNITS, UNITS, rule, UNITS, number + 1)])
        desk.write([(0, [DeskEntry(passed_order(number), "routing-metrics", "routing", b'{"n":%d}' % number, number)])])

    tell(0, "1.5")
    with running_gateway(tmp_path, url, gateway_token_secret=SECRET) as gateway:
        assert (ask(gateway, f"/api/prices/{symbol}")["bid"], ask(gateway, f"/api/prices/{SYMBOLS[1]}")["bid"]) == (
            1.5,
            None,
        )
        token = gateway.token("anna")
        events = urllib.request.Request(f"{gateway.rest}/api/events?token={token}")

        async def follow() -> None:
            ends = (f"{gateway.websocket}/ws/{name}?token={token}" for name in ("prices", "analytics"))
            async with (
                asyncio.timeout(30),
                connect_websocket(next(ends), proxy=None) as ticker,
                connect_websocket(next(ends), proxy=None) as channel,
            ):
                await ticker.send(json.dumps({"type": "subscribe", "symbols": [symbol]}))
                await channel.send(json.dumps({"action": "subscribe", "channels": ["routing-metrics"]}))
                await until(ticker, '"bid":1.5')
                await asyncio.to_thread(tell, 1, "2.5")
                await until(ticker, '"bid":2.5')
                await until(channel, '"n":1')

        with urllib.request.urlopen(events, timeout=20) as stream:
            asyncio.run(follow())
            assert any(b"threshold_exceeded" in line for line in iter(stream.readline, b""))
    assert denied(redis_cluster) == set()
    for writer in (prices_of, quotes, desk, rules):
        writer.close()


async def until(client: Any, words: str) -> None:
    while words not in str(await client.recv()).replace(" ", ""):
        pass


def test_a_killed_primary_is_waited_for_and_clients_miss_nothing(tmp_path: Path) -> None:
    names = RedisNames(clustered=True)
    with ClusterOfRedis(tmp_path / "cluster", replicas=True) as cluster:
        victim = cluster.primary_of(names.epoch(0))
        writer = RedisWriter(cluster.url, shards=len(SHARDS))
        writer.write([of(shard, 1) for shard in SHARDS])
        with running_gateway(tmp_path, cluster.url, gateway_token_secret=SECRET) as gateway:
            address = f"{gateway.websocket}/ws/prices?token={gateway.token('anna')}"

            async def watch() -> dict[str, list[int]]:
                async with connect_websocket(address, proxy=None) as client:
                    await client.send(json.dumps({"type": "subscribe", "symbols": SYMBOLS}))
                    await prices(client, 1, SYMBOLS)
                    victim.kill()
                    await asyncio.to_thread(writer.write, [of(shard, 2) for shard in SHARDS])
                    await asyncio.to_thread(writer.write, [of(shard, 3) for shard in SHARDS])
                    return await prices(client, 3, SYMBOLS)

            for got in asyncio.run(watch()).values():
                assert (got[-1], got) == (3, sorted(set(got))), "something came twice or out of order"
        writer.close()
        survivor = next(each for each in cluster.servers if each is not victim)
        with connect(f"redis+cluster://127.0.0.1:{survivor.port}") as client:
            for shard in SHARDS:
                held = json.loads(client.get(names.keys(shard).price(SYMBOLS[shard])) or b"{}")
                assert held["sequence"] == 3


def denied(cluster: ClusterOfRedis) -> set[str]:
    """What nodes refused to the gateway; that names of clients aren't taken troubles nobody."""
    refused: set[str] = set()
    for server in cluster.servers:
        for entry in cluster.ask(server, "ACL LOG"):
            what = str(entry["object"])
            if entry["username"] == "gateway" and not what.startswith(("client", "hello")):
                refused.add(what)
    return refused
