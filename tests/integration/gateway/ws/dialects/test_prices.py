"""/ws/prices through a real socket: snapshot, deltas, resume, gaps and errors as the contract has them."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from gateway.access.principal import Principal, TokenRefused
from schemas.names import CONTROL_CHANNEL, EPOCH_KEY, deltas_stream
from tests.integration.gateway.ws_world import World, eventually, in_world, own_redis, receive, send, take
from tests.servers.redis import RedisServer, needs_redis

__all__ = ["own_redis"]


class Only:
    """Everyone may see what begins with A."""

    def verify(self, token: str | None) -> Principal:
        if token != "good":
            raise TokenRefused("bad token")
        return Principal("u1", ("A*",))


def same(held: dict[str, Any], ticker: dict[str, Any]) -> bool:
    return {name: value for name, value in held.items() if name not in ("type", "previous")} == ticker


async def follow(client: ClientConnection, held: dict[str, Any], until: int) -> dict[str, Any]:
    """Applies messages as a careful client does until it holds ``until``."""
    while held.get("sequence") != until:
        message = await receive(client)
        if message["type"] == "delta":
            assert message["previous"] == held["sequence"]
            held = {**held, **{name: value for name, value in message.items() if name != "previous"}}
        else:
            assert message["type"] == "snapshot"
            held = message
    return held


def test_a_snapshot_comes_first_and_then_only_what_changed(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "187.1234567891", "0.0000000001")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"], timeframe="real-time", includeDepth=True)
            snapshot = await receive(client)
            assert list(snapshot)[:2] == ["type", "symbol"]
            assert snapshot["price"] == Decimal("187.1234567891"), "every digit"
            assert snapshot["volume"] == Decimal("0.0000000001")
            assert snapshot["bid"] is None
            after = await world.flow.trade("AAPL", "188")
            delta = await receive(client)
            assert delta == {
                "type": "delta",
                "symbol": "AAPL",
                "price": 188,
                "high": 188,
                "volume": Decimal("1.0000000001"),
                "timestamp": after["timestamp"],
                "sequence": after["sequence"],
                "previous": snapshot["sequence"],
            }

    in_world(own_redis, story)


def test_a_symbol_that_never_traded_is_said_so_and_starts_with_its_first_trade(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client() as client:
            await send(client, type="subscribe", symbols="NEW")
            problem = await receive(client)
            assert (problem["type"], problem["code"]) == ("error", "INVALID_SYMBOL")
            ticker = await world.flow.trade("NEW", "5")
            assert same(await receive(client), ticker)

    in_world(own_redis, story)


def test_resume_gives_the_missed_deltas_and_nothing_else(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"])
            held = await receive(client)
        for price in ("2", "3", "4"):
            last = await world.flow.trade("AAPL", price)
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"], since=held["sequence"])
            for _ in range(3):
                delta = await receive(client)
                assert delta["type"] == "delta"
                assert delta["previous"] == held["sequence"]
                held = {**held, **delta}
        assert same(held | {"type": "snapshot"}, last)

    in_world(own_redis, story)


def test_resume_works_on_a_gateway_that_started_later(own_redis: RedisServer) -> None:
    state: dict[str, Any] = {}

    async def before(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        state["flow"] = world.flow
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"])
            state["held"] = await receive(client)
        for price in ("2", "3"):
            state["last"] = await world.flow.trade("AAPL", price)

    async def after(world: World) -> None:
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"], since={"AAPL": state["held"]["sequence"]})
            kinds = [(await receive(client))["type"] for _ in range(2)]
            assert kinds == ["delta", "delta"]

    in_world(own_redis, before)
    in_world(own_redis, after, empty=False)


def test_a_resume_that_is_no_longer_held_gets_a_snapshot(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        ticker = await world.flow.trade("AAPL", "1")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"], since=7)
            assert same(await receive(client), ticker)

    in_world(own_redis, story)


def test_a_hole_in_the_stream_brings_a_fresh_snapshot(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"])
            held = await receive(client)
            world.flow.sequence += 5
            world.flow.tickers["AAPL"] |= {"sequence": world.flow.sequence}  # a delta that nobody saw
            last = await world.flow.trade("AAPL", "3")
            fresh = await receive(client)
            assert fresh["type"] == "snapshot"
            assert fresh["sequence"] > held["sequence"]
            assert same(fresh, last)
            await follow(client, fresh, (await world.flow.trade("AAPL", "4"))["sequence"])

    in_world(own_redis, story)


def test_an_emptied_redis_and_a_flow_that_starts_again_bring_a_fresh_snapshot(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"])
            await receive(client)
            await world.redis.flushall()
            await world.redis.set(EPOCH_KEY, "another")
            world.flow.tickers.clear()
            world.flow.sequence = 10
            ticker = await world.flow.trade("AAPL", "7")
            await follow(client, {}, ticker["sequence"])

    in_world(own_redis, story)


def test_a_trimmed_stream_brings_a_fresh_snapshot(own_redis: RedisServer) -> None:
    needs_redis(7)  # which counts what was ever added

    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"])
            await receive(client)
            await eventually(lambda: deltas_stream(0) in world.gateway.fanout._positions)
            burst = world.redis.pipeline(transaction=True)
            for _ in range(5):
                burst.xadd(deltas_stream(0), {"batch": "[]", "ts": 1, "n": 0}, maxlen=2, approximate=False)
            await burst.execute()
            assert (await receive(client))["type"] == "snapshot"
            assert world.gateway.fanout.counts["gaps"] == 1

    in_world(own_redis, story)


def test_a_stream_that_began_and_lost_entries_unseen_brings_a_fresh_snapshot(own_redis: RedisServer) -> None:
    needs_redis(7)  # before it a stream that appears brings one anyway, so this world has it from the start

    async def story(world: World) -> None:
        await world.redis.set("price:AAPL", b'{"type":"snapshot","symbol":"AAPL","price":1,"sequence":1}')
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"])
            assert (await receive(client))["sequence"] == 1
            burst = world.redis.pipeline(transaction=True)
            burst.set("price:AAPL", b'{"type":"snapshot","symbol":"AAPL","price":2,"sequence":2}')
            for _ in range(3):
                burst.xadd(deltas_stream(0), {"batch": "[]", "ts": 1, "n": 0}, maxlen=1, approximate=False)
            await burst.execute()
            assert (await receive(client))["sequence"] == 2

    in_world(own_redis, story)


def test_pause_stops_delivery_and_resume_brings_the_newest_state(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["AAPL"])
            await receive(client)
            await eventually(lambda: world.redis.publish(CONTROL_CHANNEL, json.dumps({"action": "pause"})))
            await eventually(lambda: world.gateway.hub.paused)
            for price in ("2", "3"):
                last = await world.flow.trade("AAPL", price)
            await send(client, type="ping")
            assert (await receive(client))["type"] == "pong", "pings are answered, and nothing else came"
            await world.redis.publish(CONTROL_CHANNEL, json.dumps({"action": "resume"}))
            await follow(client, {}, last["sequence"])

    in_world(own_redis, story)


def test_bad_messages_get_an_error_and_the_connection_lives(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client() as client:
            for text, code in (
                ("{", "PARSE_ERROR"),
                ("[]", "PARSE_ERROR"),
                ("[" * 50_000, "PARSE_ERROR"),
                ('{"type":"subscribe","symbols":["no,good"]}', "INVALID_SYMBOL"),
                ('{"type":"subscribe"}', "INVALID_MESSAGE"),
                ('{"type":"subscribe","symbols":["A"],"since":-1}', "INVALID_MESSAGE"),
                ('{"type":"subscribe","symbols":["A"],"timeframe":"1m"}', "INVALID_TIMEFRAME"),
                ('{"type":"dance"}', "INVALID_MESSAGE"),
            ):
                await client.send(text)
                problem = await receive(client)
                assert set(problem) == {"type", "code", "message", "timestamp"}
                assert (problem["type"], problem["code"]) == ("error", code), text[:60]
            await send(client, type="ping")
            assert (await receive(client))["type"] == "pong"

    in_world(own_redis, story)


def test_symbols_outside_the_token_are_refused_by_name(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        await world.flow.trade("MSFT", "1")
        async with world.client("/ws/prices?token=good") as client:
            await send(client, type="subscribe", symbols=["MSFT", "AAPL"])
            got = [await receive(client) for _ in range(2)]
            problem = next(each for each in got if each["type"] == "error")
            assert problem["code"] == "FORBIDDEN_SYMBOL"
            assert "MSFT" in problem["message"]
            assert next(each for each in got if each["type"] == "snapshot")["symbol"] == "AAPL"
        assert await world.refusal() == 4001
        assert await world.refusal("/ws/prices?token=bad") == 4001
        async with world.client(additional_headers={"Authorization": "Bearer good"}) as client:
            await send(client, type="ping")
            await take(client, "pong")

    in_world(own_redis, story, authorizer=Only())


def test_more_symbols_than_allowed_are_refused_and_the_rest_works(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client() as client:
            await send(client, type="subscribe", symbols=[f"S{index}" for index in range(1005)])
            problem = await take(client, "error")
            while problem["code"] != "SUBSCRIPTION_LIMIT":
                problem = await take(client, "error")
            assert len(world.gateway.hub.watched) == 1000
            await send(client, type="unsubscribe", symbols=[f"S{index}" for index in range(1000)])
            await eventually(lambda: not world.gateway.hub.watched)
            assert not world.gateway.hub.registry.tickers, "strangers leave nothing behind"

    in_world(own_redis, story)


@pytest.mark.parametrize(
    ("encoding", "decode", "price", "volume"),
    [
        ("json", json.loads, 187.1, 1),
        ("msgpack", msgspec.msgpack.decode, 187.1, 1),
        ("json-exact", json.loads, "187.1", "1"),
        ("msgpack-exact", msgspec.msgpack.decode, "187.1", "1"),
    ],
)
def test_an_encoding_is_chosen_by_subprotocol(
    own_redis: RedisServer, encoding: str, decode: Callable[[Any], dict[str, Any]], price: object, volume: object
) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "187.10")
        async with world.client(subprotocols=[Subprotocol(encoding)]) as client:
            assert client.subprotocol == encoding
            message = {"type": "subscribe", "symbols": ["AAPL"]}
            is_binary = encoding.startswith("msgpack")
            await client.send(msgspec.msgpack.encode(message) if is_binary else json.dumps(message))
            snapshot = decode(await client.recv())
            assert (snapshot["price"], snapshot["volume"], snapshot["sequence"]) == (price, volume, 1001)

    in_world(own_redis, story)


def test_deflate_is_used_where_it_was_negotiated(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        async with world.client(compression="deflate") as client, world.client(compression=None) as plain:
            for each in (client, plain):
                await send(each, type="subscribe", symbols=["AAPL"])
                assert (await receive(each))["type"] == "snapshot"
            assert client.protocol.extensions
            assert not plain.protocol.extensions
            await world.flow.trade("AAPL", "2")
            assert await receive(client) == await receive(plain)

    in_world(own_redis, story)
