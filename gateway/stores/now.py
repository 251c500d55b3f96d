"""Reads of the present from Redis: tickers, live and recent bars, symbols.

The flow writes these keys, REST handlers read them. The live bar and the final bars of a series are read in one
transaction, so a bar that closes at that moment is in one of them and never in neither. Bytes stay bytes: numbers are
passed on with the digits that the flow wrote.
"""

import asyncio
from collections.abc import Awaitable
from typing import NamedTuple, TypeVar, cast

import msgspec

from gateway.stores.breaker import CircuitBreaker
from gateway.stores.homes import NAMES_IN_PAGE, Homes
from gateway.stores.joined import Joined
from gateway.stores.redis_pool import REDIS_ERRORS, Redis
from schemas.errors import Unreachable

__all__ = ["Now", "NowUnavailableError", "RecentBars", "SymbolInfo"]

T = TypeVar("T")


class NowUnavailableError(Unreachable):
    """Redis did not answer."""


class RecentBars(NamedTuple):
    """JSON of the newest bar, and of final bars; ``oldest_kept_ms``: the start of the oldest one that is kept."""

    newest: bytes | None
    final: list[bytes]
    oldest_kept_ms: int | None


class SymbolInfo(msgspec.Struct, rename="camel", omit_defaults=False):
    """A symbol that has ever traded. Times in milliseconds."""

    symbol: str
    exchange: str
    first_seen: int
    last_seen: int


class Now:
    """Reader over one Redis client; every call passes the breaker and a deadline."""

    def __init__(self, redis: Redis, breaker: CircuitBreaker, timeout_ms: int) -> None:
        self._redis = redis
        self._homes = Homes(redis)
        self._breaker = breaker
        self._timeout_s = timeout_ms / 1000
        self._quoted: Joined[str, tuple[bytes | None, bytes | None]] = Joined(self.quoted_tickers)

    async def guard(self, call: Awaitable[T]) -> T:
        """Awaits one Redis call; raises BreakerOpenError or NowUnavailableError."""
        try:
            self._breaker.enter()
        except BaseException:  # whatever it is, a coroutine that is not awaited must be closed
            _discard(call)
            raise
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await call
        except REDIS_ERRORS as error:
            self._breaker.failed(error)
            raise NowUnavailableError(str(error)) from error
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return answer

    async def ticker(self, symbol: str) -> bytes | None:
        """The ticker snapshot's JSON, None for a symbol without one; those asked for meanwhile share a command."""
        return (await self._quoted.ask(symbol))[0]

    async def tickers(self, symbols: list[str]) -> list[bytes | None]:
        """As ``ticker``, of several symbols in one command."""
        return await self.guard(self._tickers(symbols))

    async def quoted_ticker(self, symbol: str) -> tuple[bytes | None, bytes | None]:
        """As ``ticker``, with the quote's JSON beside it, None for a symbol without one."""
        return await self._quoted.ask(symbol)

    async def quoted_tickers(self, symbols: list[str]) -> list[tuple[bytes | None, bytes | None]]:
        """The ticker and the quote of each of ``symbols``, as JSON, in one command; None for what isn't there."""
        return await self.guard(self._quoted_tickers(symbols))

    async def _tickers(self, symbols: list[str]) -> list[bytes | None]:
        keys = await self._homes.keys_of(symbols)
        return cast("list[bytes | None]", await self._redis.mget([keys(symbol).price(symbol) for symbol in symbols]))

    async def _quoted_tickers(self, symbols: list[str]) -> list[tuple[bytes | None, bytes | None]]:
        each = dict.fromkeys(symbols)  # once, however many ask for it at the same time
        keys = await self._homes.keys_of(each)
        names = [name for symbol in each for name in (keys(symbol).price(symbol), keys(symbol).quote(symbol))]
        found = cast("list[bytes | None]", await self._redis.mget(names))
        pairs = dict(zip(each, zip(found[::2], found[1::2], strict=True), strict=True))
        return [pairs[symbol] for symbol in symbols]

    async def names(self) -> list[str]:
        """The name of every symbol that has ever traded, in order."""
        found: set[bytes] = set()
        cursor = 0
        while True:
            cursor, part = await self.guard(self._homes.page_of_names(cursor))
            found.update(part)
            if cursor == 0:
                return [each.decode() for each in sorted(found)]

    async def bars(
        self, symbol: str, interval: str, start_ms: int, end_ms: int, limit: int, *, forward: bool = False
    ) -> RecentBars:
        """The newest bar and up to ``limit`` final bars that start within [start_ms, end_ms]: the newest, newest first;
        ``forward``: the first, oldest first."""
        ends = (start_ms, end_ms) if forward else (end_ms, start_ms)

        async def read() -> RecentBars:
            keys = (await self._homes.keys_of([symbol]))(symbol)
            final_key = keys.candles(symbol, interval)
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.get(keys.candle(symbol, interval))
            pipeline.zrange(final_key, *ends, desc=not forward, byscore=True, offset=0, num=limit)
            pipeline.zrange(final_key, 0, 0, withscores=True)
            newest, final, oldest = await pipeline.execute()
            return RecentBars(newest, final, int(oldest[0][1]) if oldest else None)

        return await self.guard(read())

    async def has_symbol(self, symbol: str) -> bool:
        async def read() -> bool:
            keys = await self._homes.keys_of([symbol])
            return bool(await self._redis.exists(keys(symbol).symbol(symbol)))

        return await self.guard(read())

    async def symbols(self) -> list[SymbolInfo]:
        """Every symbol, by name. Asks for each, so callers cache it."""
        names = await self.names()
        pages = [names[at : at + NAMES_IN_PAGE] for at in range(0, len(names), NAMES_IN_PAGE)]
        return [each for page in pages for each in await self.guard(self._infos(page))]

    async def _infos(self, names: list[str]) -> list[SymbolInfo]:
        keys = await self._homes.keys_of(names)
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.hmget(keys(name).symbol(name), ["exchange", "first_seen", "last_seen"])
        return [
            SymbolInfo(name, (exchange or b"").decode(), int(first_seen or 0), int(last_seen or 0))
            for name, (exchange, first_seen, last_seen) in zip(names, await pipeline.execute(), strict=True)
        ]

    async def ping(self) -> None:
        await self.guard(self._redis.ping())


def _discard(call: Awaitable[object]) -> None:
    if asyncio.iscoroutine(call):
        call.close()
