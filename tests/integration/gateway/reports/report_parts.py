"""The parts of reports of one gateway process, over the tests' market and without the process around them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from gateway.reports.kinds.table import KINDS
from gateway.reports.parts import ReportParts
from gateway.reports.words import Ask
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.now import Now
from gateway.stores.redis_pool import open_redis
from runtime.settings.whole import Settings
from tests.integration import waiting
from tests.integration.gateway.rest_server import Market

T = TypeVar("T")
until = partial(waiting.eventually, within_s=20.0)


@contextlib.asynccontextmanager
async def parts_over(market: Market, **changed: Any) -> AsyncIterator[ReportParts]:
    """Not open: nothing is worked on until the test says so."""
    settings = Settings(**{**market.settings(), **changed})
    redis = open_redis(settings.redis_url, 10_000)
    parts = ReportParts(settings, redis, Now(redis, CircuitBreaker("redis"), 10_000))
    try:
        yield parts
    finally:
        await parts.close()
        await redis.aclose(close_connection_pool=True)


def with_parts(market: Market, work: Callable[[ReportParts], Awaitable[T]], **changed: Any) -> T:
    """Runs ``work`` on a loop of its own."""

    async def run() -> T:
        async with parts_over(market, **changed) as parts:
            return await work(parts)

    return asyncio.run(run())


def rows_of(market: Market, ask: Ask, **changed: Any) -> list[Any]:
    """The rows of a report, read without a job."""

    async def work(parts: ReportParts) -> list[Any]:
        found: list[Any] = []
        done = 0.0
        async for part in KINDS[ask.kind].read(parts.source, ask):
            assert done <= part.done <= 1
            done = part.done
            found += part.rows
        return found

    return with_parts(market, work, **changed)
