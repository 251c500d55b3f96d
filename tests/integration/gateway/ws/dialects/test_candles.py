"""/ws/candles through a real socket: initial bars, one update a second, closing and revised bars always."""

import time
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.gateway.ws_world import World, in_world, own_redis, receive, send, take
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]


def test_initial_bars_are_the_newest_and_oldest_first(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        for minute in range(5):
            await world.flow.trade("BTC/USDT", f"{100 + minute}.5", "0.1", minute)
            if minute < 4:
                await world.flow.close_bar("BTC/USDT", minute)
        async with world.client("/") as client:
            await send(client, type="subscribe", symbol="BTC/USDT", interval="1m", initialBars=3)
            initial = await receive(client)
            assert (initial["type"], initial["symbol"], initial["interval"]) == ("initial", "BTC/USDT", "1m")
            assert [bar["close"] for bar in initial["bars"]] == [Decimal("102.5"), Decimal("103.5"), Decimal("104.5")]
            assert [bar["final"] for bar in initial["bars"]] == [True, True, False]
            bar = initial["bars"][0]
            names = "time open high low close volume quoteVolume final revision tradeCount vwap"
            assert set(bar) == set(names.split())
            assert bar["time"] == "2025-10-09T08:56:00.000Z"
            assert bar["quoteVolume"] == Decimal("10.25")

    in_world(own_redis, story)


def test_the_last_state_of_each_bar_comes_however_soon_the_next_one_begins(own_redis: RedisServer) -> None:
    """The key holds the next bar by then; what the one before ended with stands in the stream."""

    async def story(world: World) -> None:
        await world.flow.trade("A", "1")
        async with world.client("/ws/candles") as client:
            await send(client, type="subscribe", symbol="A", interval="1m")
            await receive(client)
            for minute in range(60):
                for price in range(2, 5):
                    await world.flow.trade("A", str(10 * minute + price), minute=minute)
            last: dict[str, Any] = {}
            while (bar := (await take(client, "update"))["bar"])["close"] != 594:
                last[bar["time"]] = bar
            closes = [each["close"] for each in last.values() if each["close"] < 590]
            assert closes == [10 * minute + 4 for minute in range(59)]

    in_world(own_redis, story)


def test_live_bars_come_once_a_second_and_closing_bars_at_once(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("A", "1")
        async with world.client("/ws/candles") as client:
            await send(client, type="subscribe", symbol="A", interval="1m")
            assert len((await receive(client))["bars"]) == 1
            await world.flow.trade("A", "2")
            first = await take(client, "update")
            started = time.monotonic()
            for price in range(3, 12):
                await world.flow.trade("A", str(price))
            second = await take(client, "update")
            assert time.monotonic() - started > 0.9
            assert second["bar"]["close"] == 11, "the newest one wins"
            assert first["bar"]["final"] is False
            await world.flow.trade("A", "12")
            await world.flow.close_bar("A", 0)
            closing = await take(client, "update", within_s=0.5)
            assert (closing["bar"]["final"], closing["bar"]["close"]) == (True, 12)
            await world.flow.trade("A", "13")
            revised = await take(client, "update", within_s=0.5)
            assert (revised["bar"]["final"], revised["bar"]["revision"]) == (True, 1)

    in_world(own_redis, story)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, [("1", False), ("2", False)]),
        ({"finals": True}, [("1", False), ("2", False), ("1", True)]),
        ({"revisions": True}, [("1", False), ("2", False), ("1", True), ("9", True)]),
    ],
)
def test_an_older_bar_comes_to_those_who_ask_for_it(
    own_redis: RedisServer, asked: dict[str, bool], shown: list[tuple[str, bool]]
) -> None:
    """Minute 1 begins while minute 0 is still open, as it does until the watermark has passed its end."""

    async def story(world: World) -> None:
        await world.flow.trade("A", "1", "1", 0)
        async with world.client("/ws/candles") as client:
            await send(client, type="subscribe", symbol="A", interval="1m", initialBars=1, **asked)
            seen = [(str(bar["close"]), bar["final"]) for bar in (await receive(client))["bars"]]
            await world.flow.trade("A", "2", "1", 1)
            seen.append(await shown_next(client))
            await world.flow.close_bar("A", 0)
            if asked:
                seen.append(await shown_next(client))
            await world.flow.trade("A", "9", "1", 0)
            if asked.get("revisions"):
                seen.append(await shown_next(client))
            assert seen == shown
            await world.flow.trade("A", "3", "1", 1)
            assert await shown_next(client) == ("3", False)

    in_world(own_redis, story)


async def shown_next(client: Any) -> tuple[str, bool]:
    bar = (await take(client, "update"))["bar"]
    return str(bar["close"]), bar["final"]


def test_errors_and_pong_are_as_the_contract_words_them(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client("/ws/candles") as client:
            await send(client, type="subscribe", symbol="A", interval="10m")
            text = "Invalid interval: 10m. Valid: 1m, 5m, 15m, 1h, 4h, 1D, 1W"
            assert await receive(client) == {"type": "error", "message": text}
            await send(client, type="ping")
            assert await receive(client) == {"type": "pong"}
            await send(client, type="subscribe", symbol="A", interval="1d", initialBars=1001)
            assert (await receive(client))["type"] == "error"
            await send(client, type="subscribe", symbol="A", interval="1m")
            text = "Invalid symbol: A has not traded yet; its first bar will be sent"
            assert await receive(client) == {"type": "error", "message": text}
            await world.flow.trade("A", "1")
            initial = await take(client, "initial")
            assert [bar["close"] for bar in initial["bars"]] == [1]
            await send(client, type="subscribe", symbol="A", interval="1m", finals="yes")
            text = "Invalid finals: yes. Valid: true, false"
            assert await receive(client) == {"type": "error", "message": text}

    in_world(own_redis, story)
