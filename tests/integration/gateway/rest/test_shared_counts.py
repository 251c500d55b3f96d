"""Increments that share a round trip, against a real Redis."""

import asyncio
import secrets

from redis import Redis as SyncRedis

from gateway.rest.shared_counts import SharedCounts
from gateway.stores.redis_pool import open_redis


def test_every_increment_is_answered_with_its_own_count_and_few_trips_are_made(redis_url: str) -> None:
    prefix = secrets.token_hex(4)

    async def count() -> list[list[int]]:
        redis = open_redis(redis_url, 5_000)
        counts = SharedCounts(redis, prefix)
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
    await SharedCounts(redis, prefix).incr("user-1", 60)
    await redis.aclose(close_connection_pool=True)
