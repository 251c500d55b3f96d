"""Which keys exist, asked of a real Redis: what is known by one count each, whatever has changed by name."""

import asyncio

import pytest

from gateway.stores.existing import existing
from gateway.stores.redis_pool import open_redis

NAMES = ["md:deltas:0", "md:deltas:1", "md:deltas:2"]


@pytest.mark.parametrize("known", [[], NAMES[:1], NAMES[1:], NAMES, ["md:deltas:9"]])
def test_what_exists_is_found_whatever_was_known(redis_url: str, known: list[str]) -> None:
    async def story() -> None:
        redis = open_redis(redis_url, 5_000)
        try:
            await redis.flushall()
            assert await existing(redis, NAMES, known) == []
            for name in NAMES[1:]:
                await redis.xadd(name, {"batch": "[]"})
            assert await existing(redis, NAMES, known) == NAMES[1:]
        finally:
            await redis.aclose(close_connection_pool=True)

    asyncio.run(story())
