"""/ws/quotes through a real socket: a greeting, one batch at first, then one by one."""

from datetime import datetime

from tests.integration.gateway.ws_world import World, in_world, own_redis, receive, send
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

DATA = {"symbol", "price", "change", "changePercent", "volume", "high", "low", "open", "previousClose"}


def test_quotes_greet_batch_at_first_and_update_one_by_one(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("RELIANCE", "2500.05")
        await world.flow.trade("TCS", "3000")
        async with world.client("/ws/quotes") as client:
            hello = await receive(client)
            assert hello["type"] == "connected"
            assert hello["clientId"]
            await send(client, action="subscribe", symbols=["RELIANCE", "TCS"], clientId="me")
            batch = await receive(client)
            assert batch["type"] == "batch_update"
            assert [update["symbol"] for update in batch["updates"]] == ["RELIANCE", "TCS"]
            assert set(batch["updates"][0]["data"]) == DATA | {"timestamp", "source"}
            await world.flow.trade("TCS", "3001.10")
            update = await receive(client)
            assert update["type"] == "price_update"
            assert str(update["data"]["price"]) == "3001.1"
            for message in (hello, batch, update):
                assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
            await send(client, action="ping", timestamp=123)
            assert (await receive(client))["clientTimestamp"] == 123
            await client.send("nonsense")
            problem = await receive(client)
            assert (problem["type"], problem["code"]) == ("error", "PARSE_ERROR")

    in_world(own_redis, story)
