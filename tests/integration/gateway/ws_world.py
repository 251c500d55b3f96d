"""A WebSocket gateway in this process, a Redis of its own and a small flow that writes as the real one does.

``in_world(story)`` runs one async story against them. The client library is `websockets`, never the server's own.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from core.fanout.client import HubLimits
from gateway.access.auth import OpenAuthorizer
from gateway.access.principal import Authorizer
from gateway.stores.redis_pool import Redis, open_redis
from gateway.ws.options import WsOptions
from gateway.ws.server import WebSocketGateway
from schemas.names import EPOCH_KEY, RedisKeys, deltas_stream
from tests.integration.waiting import eventually
from tests.servers.redis import RedisServer
from tests.servers.redis_cluster import ClusterOfRedis

__all__ = ["Flow", "World", "eventually", "own_redis", "receive", "send", "take"]

KEYS = RedisKeys()
MINUTE_MS = 60_000
START_MS = 1_760_000_040_000  # the start of a minute


def number(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def encode(message: dict[str, Any]) -> str:
    """JSON with Decimals as plain numbers, all digits kept."""
    parts = [
        f"{json.dumps(name)}:{number(value) if isinstance(value, Decimal) else json.dumps(value)}"
        for name, value in message.items()
    ]
    return "{" + ",".join(parts) + "}"


@dataclass
class Flow:
    """Writes trades as the live flow does: keys and stream entry in one transaction."""

    redis: Redis
    shard: int = 0
    maxlen: int = 100_000
    tickers: dict[str, dict[str, Any]] = field(default_factory=dict)
    bars: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    sequence: int = 1000
    quote: dict[str, Decimal] = field(default_factory=dict)

    async def begin(self) -> None:
        await self.redis.set(EPOCH_KEY, "epoch-" + str(time.time_ns()), nx=True)
        stream = deltas_stream(self.shard)
        if await self.redis.exists(stream):
            return  # of a world before this one
        if "entries-added" not in await self.made_empty(stream):
            return  # before Redis 7 a stream that appears is one that may have lost entries: it is there from the start
        await self.redis.delete(stream)

    async def made_empty(self, stream: str) -> dict[str, Any]:
        """What Redis says of a stream that has no entry yet."""
        await self.redis.xgroup_create(stream, "none", mkstream=True)
        await self.redis.xgroup_destroy(stream, "none")
        found: dict[str, Any] = await self.redis.xinfo_stream(stream)
        return found

    async def trade(self, symbol: str, price: str, size: str = "1", minute: int = 0) -> dict[str, Any]:
        """One trade in the given minute; gives the ticker after it."""
        self.sequence += 1
        before = self.tickers.get(symbol)
        after = self._ticker(symbol, Decimal(price), Decimal(size), before)
        messages = [encode({"type": "snapshot", **after})]
        if before is not None:
            changed = {name: value for name, value in after.items() if value != before[name]}
            head = {"type": "delta", "symbol": symbol, **changed, "timestamp": after["timestamp"]}
            messages = [encode({**head, "sequence": self.sequence, "previous": before["sequence"]})]
        self.tickers[symbol] = after
        newest = max((start for name, start in self.bars if name == symbol), default=-1)
        bar = self._bar(symbol, minute, Decimal(price), Decimal(size))
        if bar["time"] < newest or bar["final"]:
            messages.append(encode(bar))
        elif newest >= 0 and bar["time"] > newest and not self.bars[symbol, newest]["final"]:
            messages.append(encode(self.bars[symbol, newest]))
        await self._write(symbol, messages, bar)
        return after

    def _ticker(self, symbol: str, price: Decimal, size: Decimal, before: dict[str, Any] | None) -> dict[str, Any]:
        first = before or {"open": price, "high": price, "low": price, "volume": Decimal(0)}
        return {
            "symbol": symbol,
            "price": price,
            "bid": None,
            "ask": None,
            "volume": first["volume"] + size,
            "open": first["open"],
            "high": max(first["high"], price),
            "low": min(first["low"], price),
            "previousClose": None,
            "change": None,
            "changePercent": None,
            "timestamp": START_MS + self.sequence,
            "sequence": self.sequence,
            "exchange": "TEST",
            **self.quote,
        }

    def _bar(self, symbol: str, minute: int, price: Decimal, size: Decimal) -> dict[str, Any]:
        start = START_MS + minute * MINUTE_MS
        old = self.bars.get((symbol, start))
        first = old or {"open": price, "high": price, "low": price, "volume": Decimal(0), "tradeCount": 0}
        late = bool(old and old["final"])
        bar = self.bars[symbol, start] = {
            "type": "bar",
            "symbol": symbol,
            "interval": "1m",
            "time": start,
            "open": first["open"],
            "high": max(first["high"], price),
            "low": min(first["low"], price),
            "close": price,
            "volume": first["volume"] + size,
            "quoteVolume": first.get("quoteVolume", Decimal(0)) + price * size,
            "vwap": price,
            "tradeCount": first["tradeCount"] + 1,
            "buyVolume": Decimal(0),
            "stddev": Decimal(0),
            "final": late,
            "revision": (old["revision"] + 1) if old and late else 0,
            "sequence": self.sequence,
        }
        return bar

    async def close_bar(self, symbol: str, minute: int) -> None:
        bar = self.bars[symbol, START_MS + minute * MINUTE_MS]
        bar["final"] = True
        await self._write(symbol, [encode(bar)], bar)

    async def _write(self, symbol: str, messages: list[str], bar: dict[str, Any]) -> None:
        pipeline = self.redis.pipeline(transaction=True)
        pipeline.hset(KEYS.symbol(symbol), mapping={"shard": self.shard, "exchange": "TEST"})
        if symbol in self.tickers:
            pipeline.set(KEYS.price(symbol), encode({"type": "snapshot", **self.tickers[symbol]}))
        if bar["final"]:
            key = KEYS.candles(symbol, "1m")
            pipeline.zremrangebyscore(key, bar["time"], bar["time"])
            pipeline.zadd(key, {encode(bar): bar["time"]})
        newest = max(start for name, start in self.bars if name == symbol)
        pipeline.set(KEYS.candle(symbol, "1m"), encode(self.bars[symbol, newest]))
        moved = {} if bar["final"] or bar["time"] < newest else {"1m": [symbol]}
        entry: dict[Any, Any] = {"batch": f"[{','.join(messages)}]", "ts": time.time_ns() // 10**6, "n": len(messages)}
        entry["moved"] = json.dumps(moved)
        pipeline.xadd(deltas_stream(self.shard), entry, maxlen=self.maxlen, approximate=False)
        await pipeline.execute()


@dataclass
class World:
    """One running gateway. ``client`` opens a connection to a path."""

    gateway: WebSocketGateway
    flow: Flow
    redis: Redis

    @contextlib.asynccontextmanager
    async def client(self, path: str = "/ws/prices", **options: Any) -> AsyncIterator[ClientConnection]:
        uri = f"ws://127.0.0.1:{self.gateway.port}{path}"
        async with connect(uri, **{"proxy": None, "max_size": None, **options}) as connection:
            yield connection

    async def refusal(self, path: str = "/ws/prices", **options: Any) -> int:
        """The close code of a connection that is turned away."""
        async with self.client(path, **options) as client:
            return await closed(client)


async def closed(client: ClientConnection) -> int:
    async with asyncio.timeout(30):
        await client.wait_closed()
    return client.close_code or 0


async def send(client: ClientConnection, **message: Any) -> None:
    await client.send(json.dumps(message))


async def receive(client: ClientConnection, within_s: float = 20.0) -> Any:
    async with asyncio.timeout(within_s):
        return json.loads(await client.recv(), parse_float=Decimal)


async def take(client: ClientConnection, kind: str, within_s: float = 20.0) -> Any:
    """The next message of a type; others are passed over."""
    async with asyncio.timeout(within_s):
        while True:
            message = json.loads(await client.recv(), parse_float=Decimal)
            if message["type"] == kind:
                return message


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("ws")) as server:
        yield server


def in_world(
    server: RedisServer | ClusterOfRedis,
    story: Callable[[World], Awaitable[None]],
    *,
    authorizer: Authorizer | None = None,
    limits: HubLimits | None = None,
    empty: bool = True,
    **options: Any,
) -> None:
    """Runs ``story`` with a fresh gateway on an emptied Redis."""

    async def run() -> None:
        redis = open_redis(server.url, 5000)
        if empty:
            await redis.flushall()
        flow = Flow(redis)
        await flow.begin()
        chosen = WsOptions(port=0, drain_s=1.0, **options)
        if limits is not None:
            chosen = replace(chosen, limits=limits)
        gateway = WebSocketGateway(chosen, authorizer or OpenAuthorizer(), redis)
        await gateway.start()
        try:
            await story(World(gateway, flow, redis))
        finally:
            await gateway.stop()
            await redis.aclose(close_connection_pool=True)

    asyncio.run(run())
