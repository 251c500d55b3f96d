"""What Redis says is watched, also when it says what nobody understands."""

import asyncio
import json
import secrets

from gateway.stores.redis_pool import end_tasks, open_redis
from jobs.ingest.demand import Demand
from schemas.names import CONTROL_CHANNEL, SUBSCRIBED_SET, SUBSCRIPTIONS_CHANNEL
from tests.integration.waiting import eventually


def test_the_set_its_changes_and_a_pause(redis_url: str) -> None:
    name = secrets.token_hex(4)

    async def story() -> None:
        redis, demand = open_redis(redis_url, 2_000), Demand(open_redis(redis_url, 2_000))
        await redis.sadd(SUBSCRIBED_SET, name, b"\xff" + name.encode())
        run = asyncio.create_task(demand.run())
        await eventually(demand.changed.is_set)
        assert {name, f"\ufffd{name}"} <= demand.watched
        for action, is_there in (("subscribe", True), ("unsubscribe", False)):
            await redis.publish(SUBSCRIPTIONS_CHANNEL, json.dumps({"action": action, "symbols": [f"{name}2"]}))
            await eventually(lambda: (f"{name}2" in demand.watched) is is_there)  # noqa: B023 - within the turn
        for nonsense in ("{", '{"action":"sell","symbols":["A"]}', "[" * 2_000, '{"action":"subscribe","symbols":"A"}'):
            await redis.publish(SUBSCRIPTIONS_CHANNEL, nonsense)
            await redis.publish(CONTROL_CHANNEL, nonsense)
        for action, is_paused in (("pause", True), ("dance", True), ("resume", False)):
            await redis.publish(CONTROL_CHANNEL, json.dumps({"action": action}))
            await eventually(lambda: demand.is_paused is is_paused)  # noqa: B023 - within the turn
        assert not run.done()
        await end_tasks([run])
        await redis.srem(SUBSCRIBED_SET, name, b"\xff" + name.encode())
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())
