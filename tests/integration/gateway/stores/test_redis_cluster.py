"""The gateway's client over a real Redis Cluster: it answers as one of a single server, whatever lies where."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.stores.redis_pool import REDIS_ERRORS, Redis, names_of, open_redis
from tests.servers.redis_cluster import ClusterOfRedis

STREAMS = [f"of-cluster:{{{shard}}}" for shard in range(4)]


def over(cluster: ClusterOfRedis, story: Callable[[Redis], Awaitable[None]]) -> None:
    async def run() -> None:
        redis = open_redis(cluster.url, 5_000)
        try:
            await story(redis)
        finally:
            await redis.aclose(close_connection_pool=True)

    for server in cluster.servers:
        cluster.ask(server, "FLUSHALL")
    asyncio.run(run())


def test_keys_of_any_slot_are_asked_for_at_once(redis_cluster: ClusterOfRedis) -> None:
    async def story(redis: Redis) -> None:
        assert await redis.ping()
        names = [f"key-{number}" for number in range(12)]
        for name in names:
            await redis.set(name, name)
        assert await redis.mget([*names, "none"]) == [*(name.encode() for name in names), None]
        assert await redis.exists(*names, "none") == len(names)
        pipeline = redis.pipeline(transaction=True)
        pipeline.mget(["a:{1}", "b:{1}"])
        pipeline.get(names[0])
        pipeline.hset("hash-of-any-slot", "field", 1)
        assert await pipeline.execute() == [[None, None], names[0].encode(), 1]
        count = redis.register_script("return redis.call('INCR', KEYS[1])")
        assert [await count(keys=[f"counter-{number}"]) for number in range(6)] == [1] * 6
        assert (names_of(redis).beside("queue", "job"), names_of(redis).clustered) == ("job:{queue}", True)

    over(redis_cluster, story)


def test_what_comes_first_into_one_of_many_streams_ends_the_wait(redis_cluster: ClusterOfRedis) -> None:
    async def story(redis: Redis) -> None:
        after = dict.fromkeys(STREAMS, "0-0")
        assert await redis.xread(after, 10, 50) == []
        for number, name in enumerate(STREAMS):
            waiting = asyncio.create_task(redis.xread(after, 10, 5_000))
            await asyncio.sleep(0)
            entry_id = await redis.xadd(name, {"n": number})
            async with asyncio.timeout(4):
                while not (found := await waiting):  # a read that found nothing may have ended just before
                    waiting = asyncio.create_task(redis.xread(after, 10, 5_000))
            assert found == [[name.encode(), [(entry_id, {b"n": b"%d" % number})]]]
            after[name] = entry_id.decode()
        everything = await redis.xread(dict.fromkeys(STREAMS, "0-0"), 10)
        assert [name for name, _ in everything] == [name.encode() for name in STREAMS]

    over(redis_cluster, story)


def test_a_message_is_heard_at_any_node(redis_cluster: ClusterOfRedis) -> None:
    async def story(redis: Redis) -> None:
        for number in range(3):
            async with redis.pubsub(ignore_subscribe_messages=True) as listener:
                await listener.subscribe("of-cluster")
                await listener.get_message(timeout=2)
                await redis.publish("of-cluster", number)
                async with asyncio.timeout(4):
                    while (heard := await listener.get_message(timeout=1)) is None:
                        pass
                assert heard["data"] == b"%d" % number

    over(redis_cluster, story)


def test_a_slot_that_moved_is_looked_up_again(redis_cluster: ClusterOfRedis) -> None:
    async def story(redis: Redis) -> None:
        source = redis_cluster.primary_of("moves")
        await redis.set("moves", 1)
        await redis.delete("moves")
        target = next(server for server in redis_cluster.servers if server is not source)
        slot = redis_cluster.ask(source, "CLUSTER", "KEYSLOT", "moves")
        identity = redis_cluster.ask(target, "CLUSTER", "MYID").decode()
        for server in (target, source, *redis_cluster.servers):
            redis_cluster.ask(server, "CLUSTER", "SETSLOT", slot, "NODE", identity)
        await redis.set("moves", 2)
        pipeline = redis.pipeline()
        pipeline.get("moves")
        assert await pipeline.execute() == [b"2"]
        assert redis_cluster.ask(target, "GET", "moves") == b"2"

    over(redis_cluster, story)


def test_a_cluster_that_is_away_is_an_error_of_redis() -> None:
    async def ask() -> None:
        redis = open_redis("redis+cluster://127.0.0.1:1,127.0.0.1:2", 500)
        with pytest.raises(REDIS_ERRORS):
            await redis.get("key")
        await redis.aclose(close_connection_pool=True)

    asyncio.run(ask())
