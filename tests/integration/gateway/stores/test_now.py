"""Reads of the present: bytes as the flow wrote them, in one transaction where they belong together."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis import Redis as Writer

from gateway.stores.breaker import BreakerOpenError, CircuitBreaker
from gateway.stores.now import Now, NowUnavailableError, RecentBars, SymbolInfo
from gateway.stores.redis_pool import open_redis
from local.ports import free_port


def run(url: str, story: Callable[[Now], Awaitable[None]], timeout_ms: int = 5_000) -> None:
    async def whole() -> None:
        redis = open_redis(url, timeout_ms)
        await story(Now(redis, CircuitBreaker("redis", failures_max=2), timeout_ms))
        await redis.aclose(close_connection_pool=True)

    asyncio.run(whole())


@pytest.fixture
def url(redis_url: str) -> str:
    url = redis_url.rpartition("/")[0] + "/12"
    with Writer.from_url(url) as writer:
        writer.flushdb()
        writer.set("price:A", b'{"price":0.10}')
        writer.set("candle:A:1m", b"newest")
        writer.zadd("candles:A:1m", {b"one": 60_000, b"two": 120_000, b"three": 180_000})
        writer.hset("symbol:B", mapping={"exchange": "X", "first_seen": 1, "last_seen": 2})
        writer.hset("symbol:A", mapping={"exchange": "Y"})
        writer.sadd("md:symbols", "A", "B")
    return url


def test_tickers_and_symbols(url: str) -> None:
    async def story(now: Now) -> None:
        assert await now.ticker("A") == b'{"price":0.10}'
        assert await now.tickers(["none", "A"]) == [None, b'{"price":0.10}']
        assert await now.has_symbol("B")
        assert not await now.has_symbol("C")
        assert await now.symbols() == [SymbolInfo("A", "Y", 0, 0), SymbolInfo("B", "X", 1, 2)]
        await now.ping()

    run(url, story)


def test_bars_from_either_end(url: str) -> None:
    async def story(now: Now) -> None:
        assert await now.bars("A", "1m", 0, 10**9, 2) == RecentBars(b"newest", [b"three", b"two"], 60_000)
        assert (await now.bars("A", "1m", 120_000, 10**9, 2, forward=True)).final == [b"two", b"three"]
        assert await now.bars("none", "1m", 0, 10**9, 2) == RecentBars(None, [], None)

    run(url, story)


def test_a_server_that_is_away_is_said_and_soon_not_asked() -> None:
    async def story(now: Now) -> None:
        for _ in range(2):
            with pytest.raises(NowUnavailableError):
                await now.ticker("A")
        with pytest.raises(BreakerOpenError):
            await now.ticker("A")

    run(f"redis://127.0.0.1:{free_port()}/0", story, timeout_ms=300)
