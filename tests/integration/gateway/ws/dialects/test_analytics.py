"""/ws/analytics through a real socket: arrays in order, for roles that may join, and alerts for those they are for."""

import json

from core.fanout.client import HubLimits
from gateway.access.principal import Principal
from gateway.stores.publish import publish
from tests.integration.gateway.ws_world import World, in_world, own_redis, receive, send
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]


class Desk:
    """May join routing and alerts."""

    def verify(self, token: str | None) -> Principal:
        return Principal(token or "u1", ("*",), "desk", frozenset({"routing-metrics", "alerts"}))


def test_channels_come_as_arrays_in_order_for_roles_that_may_join(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client("/ws/analytics") as client:
            await send(client, action="subscribe", channels=["routing-metrics", "alerts", "lp-performance", "x"])
            codes = {(await receive(client))[0]["data"]["code"] for _ in range(2)}
            assert codes == {"FORBIDDEN_CHANNEL", "INVALID_CHANNEL"}
            for number in range(120):
                await publish(world.redis, "routing-metrics", json.dumps({"n": number}).encode())
            got: list[int] = []
            while len(got) < 120:
                messages = await receive(client)
                assert 1 <= len(messages) <= 50
                assert set(messages[0]) == {"type", "timestamp", "data"}
                got += [message["data"]["n"] for message in messages]
            assert got == list(range(120))

    in_world(own_redis, story, authorizer=Desk())


def test_alerts_reach_only_those_they_are_for(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client("/ws/analytics?token=u1") as one, world.client("/ws/analytics?token=u2") as two:
            for client in (one, two):
                await send(client, action="subscribe", channels="alerts")
                await send(client, action="ping")
                await receive(client)
            await publish(world.redis, "alerts", b'{"title":"yours"}', user="u2")
            await publish(world.redis, "news", b'{"title":"no alert"}')
            await publish(world.redis, "alerts", b'{"title":"all"}')
            assert [each["data"]["title"] for each in await receive(one)] == ["all"]
            titles: list[str] = []
            while len(titles) < 2:
                titles += [each["data"]["title"] for each in await receive(two)]
            assert titles == ["yours", "all"]

    in_world(own_redis, story, authorizer=Desk())


def test_a_full_batch_does_not_wait_for_the_clock(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client("/ws/analytics") as client:
            await send(client, action="subscribe", channels="alerts")
            await send(client, action="ping")
            await take_array(client)
            burst = world.redis.pipeline(transaction=True)
            for number in range(10):
                burst.xadd("md:events", {"type": "alert", "data": json.dumps({"n": number}), "ts": "1"})
            await burst.execute()
            assert len(await take_array(client)) == 10

    in_world(own_redis, story, limits=HubLimits(batch_max=10, flush_ms=1500))


async def take_array(client: object) -> list[dict[str, object]]:
    return await receive(client)  # type: ignore[arg-type]
