"""Counters are shared while Redis answers, and each process's own while it doesn't."""

import asyncio
import secrets

from limits import RateLimitItemPerMinute

from gateway.rest.limit_counts import LimitCounts
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.redis_pool import open_redis
from local.ports import free_port


def test_two_processes_count_together(redis_url: str) -> None:
    async def story() -> None:
        redis, item = open_redis(redis_url, 5_000), RateLimitItemPerMinute(5, namespace=secrets.token_hex(4))
        one, two = (LimitCounts(redis, CircuitBreaker("redis"), 5_000) for _ in range(2))
        assert await one.add(item, "ana", 2) == (2, True)
        assert await two.add(item, "ana", 3) == (5, True)
        assert await two.add(item, "bob", 1) == (1, True)
        assert await one.shared_end(item, "ana") is not None
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())


def test_without_redis_each_counts_by_itself_and_soon_without_asking() -> None:
    async def story() -> None:
        url = f"redis://127.0.0.1:{free_port()}/0"
        redis, breaker = open_redis(url, 300), CircuitBreaker("redis", failures_max=2)
        counts, item = LimitCounts(redis, breaker, 300), RateLimitItemPerMinute(5)
        assert [await counts.add(item, "ana", 1) for _ in range(4)] == [(n, False) for n in range(1, 5)]
        assert breaker.state == "open"
        assert await counts.shared_end(item, "ana") is None
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())
