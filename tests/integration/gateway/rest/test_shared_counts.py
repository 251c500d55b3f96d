"""Increments that share a round trip, against a real Redis."""

import asyncio
import secrets
from pathlib import Path

import pytest
from redis import Redis as SyncRedis

from gateway.rest.shared_counts import SharedCounts
from gateway.stores.redis_pool import REDIS_ERRORS, open_redis
from tests.servers.redis import RedisServer


def test_every_increment_is_answered_with_its_own_count_and_few_trips_are_made(redis_url: str) -> None:
    prefix = secrets.token_hex(4)

    async def count() -> list[list[int]]:
        redis = open_redis(redis_url, 5_000)
        counts = SharedCounts(redis, redis_url, prefix)
        users = [asyncio.gather(*(counts.incr(f"user-{user}", 60, 2) for _ in range(300))) for user in range(3)]
        answers = await asyncio.gather(*users)
        alone = await counts.incr("user-0", 60, 1)
        assert alone == 601
        await redis.aclose(close_connection_pool=True)
        return answers

    with SyncRedis.from_url(redis_url) as observer:
        before = observer.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
        answers = asyncio.run(count())
        calls = observer.info("commandstats")["cmdstat_evalsha"]["calls"] - before
        assert [sorted(each) for each in answers] == [list(range(2, 601, 2))] * 3
        assert calls <= 4, "900 increments made at once"
        assert 0 < observer.ttl(f"{prefix}:user-1") <= 60
        observer.expire(f"{prefix}:user-1", 30)
        asyncio.run(count_once(redis_url, prefix))
        assert observer.ttl(f"{prefix}:user-1") <= 30, "a later hit doesn't lengthen the window"


async def count_once(redis_url: str, prefix: str) -> None:
    redis = open_redis(redis_url, 5_000)
    await SharedCounts(redis, redis_url, prefix).incr("user-1", 60)
    await redis.aclose(close_connection_pool=True)


def test_a_failure_is_told_to_everyone_who_waits_and_the_next_one_counts_again(tmp_path: Path) -> None:
    async def count(server: RedisServer) -> None:
        redis = open_redis(server.url, 300)
        counts = SharedCounts(redis, server.url, "limits")
        assert await counts.incr("user", 60) == 1
        server.pause()
        failed = await asyncio.gather(*(counts.incr("user", 60) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(each, REDIS_ERRORS) for each in failed)
        server.resume()
        assert await counts.incr("user", 60) >= 2
        await redis.aclose(close_connection_pool=True)

    with RedisServer(tmp_path) as server:
        asyncio.run(count(server))


def test_a_caller_that_leaves_takes_nobody_with_it(redis_url: str) -> None:
    async def count() -> int:
        redis = open_redis(redis_url, 5_000)
        counts = SharedCounts(redis, redis_url, secrets.token_hex(4))
        leaving = asyncio.create_task(counts.incr("user", 60))
        staying = asyncio.create_task(counts.incr("user", 60))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        try:
            return await staying
        finally:
            await redis.aclose(close_connection_pool=True)

    assert asyncio.run(count()) == 2
