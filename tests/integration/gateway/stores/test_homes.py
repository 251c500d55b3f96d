"""Which keys readers ask for: of a shard in a real Redis Cluster, plain on one server; a moved symbol is followed."""

import asyncio

from gateway.stores.homes import REMEMBERED_S, Homes
from gateway.stores.redis_pool import open_redis
from schemas.names import SHARDS_KEY, SYMBOLS_KEY, RedisKeys
from tests.servers.redis_cluster import ClusterOfRedis


def test_the_map_says_it_and_is_asked_again_after_a_while(redis_cluster: ClusterOfRedis) -> None:
    async def story() -> None:
        redis, now_s = open_redis(redis_cluster.url, 5_000), 0.0
        homes = Homes(redis, lambda: now_s)
        await redis.delete(SHARDS_KEY)
        assert (await homes.keys_of(["A"]))("A").price("A") == "price:{0}:A"
        await redis.hset(SHARDS_KEY, mapping={"A": "3:0", "B": "12:1"})
        keys = await homes.keys_of(["A", "B", "C"])
        assert [keys(symbol).tag for symbol in "ABC"] == ["{3}:", "{12}:", "{0}:"]
        await redis.hset(SHARDS_KEY, "A", "4:1")
        assert (await homes.keys_of(["A"]))("A").tag == "{3}:"
        now_s += REMEMBERED_S
        assert (await homes.keys_of(["A"]))("A").tag == "{4}:"
        assert await homes.page_of_names(0) == (0, [b"A", b"B"])
        await redis.delete(SHARDS_KEY)
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())


def test_one_server_has_plain_keys_and_is_not_asked(redis_url: str) -> None:
    async def story() -> None:
        nowhere = open_redis("redis://127.0.0.1:1", 100)
        assert (await Homes(nowhere).keys_of(["A"]))("A").price("A") == RedisKeys().price("A")
        redis = open_redis(redis_url, 5_000)
        await redis.delete(SYMBOLS_KEY)
        await redis.sadd(SYMBOLS_KEY, "A")
        assert await Homes(redis).page_of_names(0) == (0, [b"A"])
        await redis.delete(SYMBOLS_KEY)
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())
