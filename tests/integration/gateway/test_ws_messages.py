"""Every kind of message that a running gateway sends fits its schema in /asyncapi.json, in each of the four encodings.

The schemas are taken at their strictest: a field that they don't name is a mistake, and in the exact encodings each
decimal is text. What clients may say is tried as well: each example of the document is understood.
"""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from jsonschema_rs import validator_for

from gateway.messages.channel import Channel
from gateway.messages.values import ENCODINGS
from gateway.rest.asyncapi import WS_CHANNELS, make_asyncapi
from gateway.stores.publish import publish
from runtime.settings.whole import Settings
from schemas.names import watchlists_key
from tests.integration.gateway.ws_world import World, in_world, own_redis
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

DOCUMENT = make_asyncapi("0", Settings())
PUBLISHED = {
    "RoutingDecision": "routing-metrics",
    "RoutingStats": "routing-metrics",
    "LpMetrics": "lp-performance",
    "LpStats": "lp-performance",
    "Exposure": "exposure-updates",
    "ExposureStats": "exposure-updates",
}
QUOTE = {"bid": "100.4", "ask": "100.6", "previousClose": "99.5", "change": "1", "changePercent": "1.005"}
LIST = "0b6c1d3e9f3a4a5c"
NOT_YET = "has not traded yet"  # an answer to what was understood


def strict(schema: Any, *, exact: bool) -> Any:
    """A schema without room for fields it doesn't name; ``exact``: with decimals as text."""
    if isinstance(schema, list):
        return [strict(each, exact=exact) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if exact and schema.get("format") == "decimal":
        return {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
    inside = {name: strict(each, exact=exact) for name, each in schema.items()}
    return {**inside, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else inside


def shape_of(channel: Channel, message: dict[str, Any]) -> str:
    """The name of the struct that a message's type stands for."""
    found: str = next(
        each.shape.__name__ for each in channel.server if each.shape.__struct_config__.tag == message["type"]
    )
    return found


def wrong(channel: Channel, message: dict[str, Any], *, exact: bool) -> Iterator[str]:
    """What is not as the document says."""
    schemas = strict(DOCUMENT["components"]["schemas"], exact=exact)
    schema = {"$ref": f"#/components/schemas/{shape_of(channel, message)}", "components": {"schemas": schemas}}
    for error in validator_for(schema).iter_errors(message):
        yield f"{message}: {error.message}"


def read(data: str | bytes) -> list[dict[str, Any]]:
    message = msgspec.msgpack.decode(data) if isinstance(data, bytes) else json.loads(data)
    return message if isinstance(message, list) else [message]


async def say(client: Any, message: dict[str, Any]) -> None:
    binary = str(client.subprotocol).startswith("msgpack")
    await client.send(msgspec.msgpack.encode(message) if binary else json.dumps(message))


async def hear(client: Any, until: set[str]) -> dict[str, dict[str, Any]]:
    """The first message of each type, once those of ``until`` have come."""
    found: dict[str, dict[str, Any]] = {}
    async with asyncio.timeout(30):
        while not until <= set(found):
            for each in read(await client.recv()):
                found.setdefault(each["type"], each)
    return found


async def keep_list(world: World) -> None:
    """The watchlist that examples name."""
    kept = {"id": LIST, "name": "Mine", "symbols": ["AAPL"], "createdAt": 1, "updatedAt": 1}
    await world.redis.hset(watchlists_key("anonymous"), LIST, json.dumps(kept))  # type: ignore[misc]


async def provoke(world: World, channel: Channel, client: Any) -> dict[str, dict[str, Any]]:
    """Has the gateway send each type of message of a channel."""
    word = {"prices": "type", "candles": "type"}.get(channel.name, "action")
    await say(client, {word: "ping", "timestamp": 1.5})
    await say(client, {word: "nonsense"})
    if channel.name == "candles":
        await say(client, {word: "subscribe", "symbol": "AAPL", "interval": "1m"})
    elif channel.name == "analytics":
        await say(client, {word: "subscribe", "channels": [*dict.fromkeys(PUBLISHED.values()), "alerts"]})
    else:
        await keep_list(world)
        await say(client, {word: "subscribe", "symbols": ["AAPL", "TCS", "NEW"], "watchlists": [LIST]})
    begins = {"prices": "snapshot", "candles": "initial", "quotes": "batch_update", "analytics": "pong"}
    found = await hear(client, {begins[channel.name], "error"})
    await world.flow.trade("AAPL", "101.25", "0.5")
    for message in channel.server:
        if channel.batched and message.examples[0]["type"] not in ("error", "pong"):
            data = DOCUMENT["components"]["schemas"][message.shape.__name__]["properties"]["data"]["$ref"]
            name = PUBLISHED.get(data.rpartition("/")[2], "alerts")
            example = message.examples[0]
            await publish(world.redis, name, json.dumps(example["data"]).encode(), kind=example["type"])
    wanted = {each.examples[0]["type"] for each in channel.server}
    return {**await hear(client, wanted - set(found)), **found}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("channel", WS_CHANNELS, ids=lambda channel: channel.name)
def test_every_kind_of_message_fits_its_schema(own_redis: RedisServer, channel: Channel, encoding: str) -> None:
    async def story(world: World) -> None:
        world.flow.quote = {name: Decimal(value) for name, value in QUOTE.items()}
        for symbol in ("AAPL", "TCS"):
            await world.flow.trade(symbol, "100.5", "2")
        async with world.client(channel.path, subprotocols=[encoding]) as client:
            found = await provoke(world, channel, client)
        assert {shape_of(channel, each) for each in found.values()} == {each.name for each in channel.server}
        for message in found.values():
            assert not list(wrong(channel, message, exact=encoding.endswith("-exact")))

    in_world(own_redis, story)


@pytest.mark.parametrize("channel", WS_CHANNELS, ids=lambda channel: channel.name)
def test_what_is_not_known_yet_is_null(own_redis: RedisServer, channel: Channel) -> None:
    """Without bid, ask and yesterday's close, as the first trades of a symbol are."""

    async def story(world: World) -> None:
        for symbol in ("AAPL", "TCS"):
            await world.flow.trade(symbol, "100.5", "2")
        async with world.client(channel.path, subprotocols=["json-exact"]) as client:
            for message in (await provoke(world, channel, client)).values():
                assert not list(wrong(channel, message, exact=True))

    in_world(own_redis, story)


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("channel", WS_CHANNELS, ids=lambda channel: channel.name)
def test_each_example_of_what_a_client_says_is_understood(
    own_redis: RedisServer, channel: Channel, encoding: str
) -> None:
    async def story(world: World) -> None:
        await keep_list(world)
        async with world.client(channel.path, subprotocols=[encoding]) as client:
            last = channel.client[-1].examples[0]
            for message in channel.client:
                for example in message.examples:
                    await say(client, example)
            await say(client, last)
            heard: list[dict[str, Any]] = []
            async with asyncio.timeout(30):
                while [each["type"] for each in heard].count("pong") < 1 + len(channel.client[-1].examples):
                    heard += read(await client.recv())
            assert not [each for each in heard if each["type"] == "error" and NOT_YET not in str(each)]

    in_world(own_redis, story)


def test_a_field_that_is_missing_new_or_of_another_kind_is_found() -> None:
    quotes = next(each for each in WS_CHANNELS if each.name == "quotes")
    example = next(each.examples[0] for each in quotes.server if each.examples[0]["type"] == "price_update")
    assert not list(wrong(quotes, example, exact=False))
    assert list(wrong(quotes, {**example, "new": 1}, exact=False))
    assert list(wrong(quotes, {**example, "symbol": None}, exact=False))
    assert list(wrong(quotes, {name: each for name, each in example.items() if name != "data"}, exact=False))
    assert list(wrong(quotes, example, exact=True)), "numbers where text is due"
