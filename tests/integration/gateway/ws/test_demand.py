"""Which symbols anyone watches: told once for all gateways, and right after a crash."""

import asyncio
import json
from typing import Any

from gateway.stores.redis_pool import Redis, end_tasks
from gateway.ws.demand import Demand
from schemas.names import SUBSCRIBED_SET, SUBSCRIPTIONS_CHANNEL
from tests.integration.gateway.ws_world import World, eventually, in_world, own_redis, send
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]


async def members(redis: Redis) -> set[bytes]:
    found: Any = redis.smembers(SUBSCRIBED_SET)
    return set(await found)


async def _is(redis: Redis, wanted: set[bytes]) -> bool:
    return await members(redis) == wanted


def test_demand_is_told_once_for_all_gateways_and_survives_a_crash(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        redis = world.redis
        async with redis.pubsub() as heard:
            await heard.subscribe(SUBSCRIPTIONS_CHANNEL)
            watched: dict[str, set[str]] = {"one": {"A", "B"}, "two": {"B"}}
            one = Demand(redis, "one", lambda: watched["one"], lease_ms=300)
            two = Demand(redis, "two", lambda: watched["two"], lease_ms=300)
            await one.follow()
            await two.follow()
            assert await members(redis) == {b"A", b"B"}
            watched["one"] = {"B"}
            await one.follow()
            assert await members(redis) == {b"B"}
            # One crashes: nobody renews its leases. Two lives on and then lets go.
            keeping = asyncio.create_task(two.keep())
            watched["two"] = {"C"}
            await eventually(lambda: _is(redis, {b"C"}))
            await end_tasks([keeping])
            await two.release()
            assert await members(redis) == set()
            told: list[dict[str, Any]] = []
            while (message := await heard.get_message(timeout=0.2)) is not None:
                if message["type"] == "message":
                    told.append(json.loads(message["data"]))
            counted = [(each["action"], symbol) for each in told for symbol in sorted(each["symbols"])]
            assert sorted(counted) == sorted(
                [(action, symbol) for symbol in "ABC" for action in ("subscribe", "unsubscribe")]
            )

    in_world(own_redis, story)


def test_a_gateway_leases_what_its_clients_watch(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["A", "B"])
            await eventually(lambda: _is(world.redis, {b"A", b"B"}))
        await eventually(lambda: _is(world.redis, set()))

    in_world(own_redis, story)
