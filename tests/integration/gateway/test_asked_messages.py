"""Messages have the fields that were asked for: each block of tests/golden/messages.json, key by key, type by type.

More fields are welcome, fewer or other ones are not. The first message of a type that a real gateway sends is compared.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.stores.publish import publish
from tests.integration.gateway.ws_world import World, in_world, own_redis, receive, send
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

ASKED: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "golden" / "messages.json").read_text("utf-8")
)
PATHS = {name: f"/ws/{name}" for name in ("prices", "candles", "quotes", "analytics")}
NUMBERS = (int, float, Decimal)
QUOTE = {"bid": "100.4", "ask": "100.6", "previousClose": "99.5", "change": "1", "changePercent": "1.005"}


def lacks(asked: Any, got: Any, at: str = "") -> Iterator[str]:
    """What is in ``asked`` and not, or of another kind, in ``got``."""
    if isinstance(asked, dict):
        if not isinstance(got, dict):
            yield f"{at} is no object"
            return
        for key, value in asked.items():
            if key in got:
                yield from lacks(value, got[key], f"{at}.{key}")
            else:
                yield f"{at}.{key} is missing"
    elif isinstance(asked, list):
        if not isinstance(got, list) or len(got) < 1:
            yield f"{at} is no list, or empty"
        else:
            yield from (each for item in got for each in lacks(asked[0], item, f"{at}[]"))
    elif isinstance(asked, NUMBERS) and not isinstance(asked, bool):
        if not isinstance(got, NUMBERS) or isinstance(got, bool):
            yield f"{at} is {got!r}, not a number"
    elif is_time(asked):
        if not is_time(got):
            yield f"{at} is {got!r}, not a time of ISO 8601"
    elif type(got) is not type(asked):
        yield f"{at} is {got!r}, not as {asked!r}"


def is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def test_what_is_missing_or_of_another_kind_is_found() -> None:
    asked = {"a": 1, "b": [{"t": "2024-01-10T10:30:00Z"}], "c": "x"}
    assert list(lacks(asked, {"a": 1.5, "b": [{"t": "2025-01-10T10:30:00.5Z"}], "c": "", "d": 1})) == []
    assert len(list(lacks(asked, {"a": "1", "b": [{"t": 5}]}))) == 3
    assert list(lacks(asked, {"a": True, "b": [], "c": "x"})) != []


BEGINS = {"prices": "snapshot", "candles": "initial", "quotes": "batch_update"}
"""The message that holds what there was; what is traded before it came is in it, and no message of its own."""


async def provoke(world: World, name: str, client: Any) -> None:
    """Have the gateway send each type of message of a dialect."""
    world.flow.quote = {name: Decimal(value) for name, value in QUOTE.items()}
    for symbol in ("AAPL", "RELIANCE", "TCS", "BTC/USDT"):
        await world.flow.trade(symbol, "100.5", "2")
    if name == "prices":
        await send(client, type="subscribe", symbols=["AAPL", "INVALID"])
    elif name == "candles":
        await send(client, type="subscribe", symbol="BTC/USDT", interval="1m", initialBars=100)
        await send(client, type="subscribe", symbol="BTC/USDT", interval="10m")
        await send(client, type="ping")
    elif name == "quotes":
        await send(client, action="subscribe", symbols=["RELIANCE", "TCS"], clientId="me")
        await send(client, action="subscribe", symbols=["bad\nname"])
        await send(client, action="ping", timestamp="2024-01-10T10:30:00Z")
    else:
        await send(client, action="subscribe", channels=["routing-metrics", "lp-performance"])
        await send(client, action="ping")


async def go_on(world: World) -> None:
    for symbol in ("AAPL", "RELIANCE", "BTC/USDT"):
        await world.flow.trade(symbol, "101.25", "1")
    await publish(world.redis, "routing-metrics", b'{"symbol":"EURUSD","routingDecision":"ABOOK"}')
    await publish(world.redis, "lp-performance", b'{"lpName":"OANDA","status":"connected"}')


@pytest.mark.parametrize("name", PATHS)
def test_every_field_that_was_asked_for_is_there(own_redis: RedisServer, name: str) -> None:
    async def story(world: World) -> None:
        async with world.client(PATHS[name]) as client:
            await provoke(world, name, client)
            wanted = {each["type"]: each for each in ASKED[name]}
            found: dict[str, dict[str, Any]] = {}
            has_gone_on = False
            while set(wanted) - set(found):
                message = await receive(client)
                for each in message if isinstance(message, list) else [message]:
                    found.setdefault(each["type"], each)
                if not has_gone_on and BEGINS.get(name, "pong") in found:
                    has_gone_on = True
                    await go_on(world)
            wrong = [f"{kind}{each}" for kind, asked in wanted.items() for each in lacks(asked, found[kind])]
            assert not wrong

    in_world(own_redis, story)


def test_the_page_of_rooms_has_the_fields_that_were_asked_for(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("BTC/USDT", "1")
        async with world.client("/ws/candles") as client:
            await send(client, type="subscribe", symbol="BTC/USDT", interval="1m")
            assert (await receive(client))["type"] == "initial"
            await world.flow.trade("BTC/USDT", "2")
            assert (await receive(client))["type"] == "update"
            stats = world.gateway.stats()
            assert list(lacks(ASKED["ws-stats"][0], stats)) == []

    in_world(own_redis, story)
