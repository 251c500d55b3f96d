"""Figures of WebSocket processes: those of the living, by name; the dead disappear by themselves."""

import asyncio
import json
import time

from redis import Redis as Writer

from gateway.stores.redis_pool import open_redis
from gateway.stores.ws_stats import KEY, SharedWsStats


def test_the_living_are_read_and_the_long_dead_are_removed(redis_url: str) -> None:
    url = redis_url.rpartition("/")[0] + "/14"

    async def story() -> tuple[list[str], list[str]]:
        redis = open_redis(url, 5_000)
        stats = SharedWsStats(redis)
        await stats.publish("two", {"clients": 3})
        await stats.publish("one", {"clients": 1})
        found = await stats.read()
        assert [each.stats for each in found] == [{"clients": 1}, {"clients": 3}]
        await stats.withdraw("two")
        left = await stats.read()
        await redis.aclose(close_connection_pool=True)
        return [each.gateway for each in found], [each.gateway for each in left]

    now_ms = int(time.time() * 1000)
    with Writer.from_url(url) as writer:
        writer.flushdb()
        for name, age_ms in (("silent", 60_000), ("dead", 10**9)):
            writer.hset(KEY, name, json.dumps({"gateway": name, "updatedAt": now_ms - age_ms, "stats": {}}))
        assert asyncio.run(story()) == (["one", "two"], ["one"])
        assert sorted(writer.hkeys(KEY)) == [b"one", b"silent"]
        writer.flushdb()
