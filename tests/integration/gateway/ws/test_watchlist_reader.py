"""Watchlists in a real Redis: followed by a socket, edited as REST edits them, while Redis goes and comes back."""

import json
from typing import Any

from gateway.rest.watchlists import DELETE, REPLACE
from schemas.names import WATCHLISTS_CHANNEL, watchlists_key
from tests.integration.gateway.reports.report_parts import until
from tests.integration.gateway.ws_world import World, in_world, own_redis, receive, send, take
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

KEY = watchlists_key("anonymous")
EDITED = json.dumps({"user": "anonymous", "id": "l1"})


def kept(*symbols: str) -> str:
    return json.dumps({"id": "l1", "name": "Mine", "symbols": symbols, "createdAt": 1, "updatedAt": 1})


async def edit(world: World, *symbols: str) -> None:
    script: Any = world.redis.register_script(REPLACE)
    assert await script(keys=[KEY], args=["l1", kept(*symbols), WATCHLISTS_CHANNEL, EDITED])


def test_a_socket_follows_a_list_through_its_edits_to_its_end(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        for symbol in ("A", "B", "C"):
            await world.flow.trade(symbol, "1")
        await world.redis.hset(KEY, "l1", kept("A", "B"))  # type: ignore[misc]
        async with world.client() as client, world.client("/ws/quotes") as quotes:
            await send(client, type="subscribe", watchlists=["l1"])
            assert (await receive(client))["symbols"] == ["A", "B"]
            assert {(await take(client, "snapshot"))["symbol"] for _ in range(2)} == {"A", "B"}
            await send(quotes, action="subscribe", watchlists="l1")
            assert (await take(quotes, "watchlist"))["name"] == "Mine"
            await edit(world, "B", "C")
            assert (await take(client, "watchlist"))["symbols"] == ["B", "C"]
            assert (await take(client, "snapshot"))["symbol"] == "C"
            assert (await take(quotes, "watchlist"))["symbols"] == ["B", "C"]
            await world.flow.trade("A", "2")
            await world.flow.trade("B", "2")
            assert (await take(client, "delta"))["symbol"] == "B"
            script: Any = world.redis.register_script(DELETE)
            assert await script(keys=[KEY], args=["l1", WATCHLISTS_CHANNEL, EDITED])
            gone = await take(client, "watchlist")
            assert (gone["deleted"], gone["symbols"]) == (True, [])
            assert not await script(keys=[KEY], args=["l1", WATCHLISTS_CHANNEL, EDITED])
            await send(client, type="subscribe", watchlists=["l1"])
            assert (await take(client, "error"))["code"] == "UNKNOWN_WATCHLIST"

    in_world(own_redis, story)


def test_what_is_no_list_and_no_edit_does_no_harm(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("A", "1")
        await world.redis.hset(KEY, mapping={"bad": "[]", "l1": kept("A")})  # type: ignore[misc]
        async with world.client() as client:
            await send(client, type="subscribe", watchlists=["bad", "l1"])
            assert (await receive(client))["id"] == "l1"
            await world.redis.publish(WATCHLISTS_CHANNEL, "no edit")
            await edit(world, "A", "B")
            assert (await take(client, "watchlist"))["symbols"] == ["A", "B"]

    in_world(own_redis, story)


def test_an_edit_while_redis_is_away_comes_when_it_is_back(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("A", "1")
        await world.redis.hset(KEY, "l1", kept("A"))  # type: ignore[misc]
        async with world.client() as client:
            await send(client, type="subscribe", watchlists=["l1"])
            await take(client, "watchlist")

            async def listens() -> Any:
                return await world.redis.execute_command("CLIENT", "LIST", "TYPE", "pubsub")

            await until(listens)
            # Nobody is told of this edit: connections of pub/sub are cut before it, and made anew after it.
            await world.redis.hset(KEY, "l1", kept("A", "B"))  # type: ignore[misc]
            await world.redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            assert (await take(client, "watchlist"))["symbols"] == ["A", "B"]

    in_world(own_redis, story)
