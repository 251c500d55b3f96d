"""Several gateways: failover without a gap, a graceful end, health and metrics, one port for two."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from core.fanout.client import HubLimits
from gateway.access.auth import OpenAuthorizer
from gateway.stores.redis_pool import open_redis
from gateway.ws.options import WsOptions
from gateway.ws.server import WebSocketGateway
from local.ports import free_port
from runtime.settings.whole import Settings
from tests.integration.gateway.ws_world import World, closed, eventually, in_world, own_redis, receive, send, take
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

SERVE = (
    "from gateway.ws.server import run_websocket_gateway; from runtime.settings.whole import load_settings;"
    "run_websocket_gateway(load_settings())"
)


def start_process(server: RedisServer, port: int) -> subprocess.Popen[bytes]:
    settings = Settings(redis_url=server.url, gateway_port=port, gateway_drain_ms=2000)
    environment = {**os.environ, **settings.environment()}
    return subprocess.Popen(
        [sys.executable, "-c", SERVE], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def listens(port: int) -> bool:
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def test_clients_of_a_killed_gateway_resume_on_another_without_a_gap(own_redis: RedisServer) -> None:
    clients_count = 100

    async def story(world: World) -> None:
        port = free_port()
        doomed = start_process(own_redis, port)
        try:
            await eventually(lambda: listens(port), within_s=20)
            await world.flow.trade("A", "1")
            uri = f"ws://127.0.0.1:{port}/ws/prices"
            clients = [await connect(uri, proxy=None, compression=None) for _ in range(clients_count)]
            held = await asyncio.gather(*(_subscribe(client) for client in clients))
            await world.flow.trade("A", "2")
            held = await asyncio.gather(*(_apply(client, state) for client, state in zip(clients, held, strict=True)))
            doomed.kill()
            for price in ("3", "4", "5"):
                last = await world.flow.trade("A", price)
            for client in clients:
                await client.close()
            again = [
                await connect(f"ws://127.0.0.1:{world.gateway.port}/ws/prices", proxy=None, compression=None)
                for _ in range(clients_count)
            ]
            for client, state in zip(again, held, strict=True):
                await send(client, type="subscribe", symbols=["A"], since=state["sequence"])
                for _ in range(3):
                    state = await _apply(client, state)  # noqa: PLW2901 - the client's own state moves on
                assert (state["sequence"], state["price"]) == (last["sequence"], 5)
            for client in again:
                await client.close()
        finally:
            doomed.kill()
            doomed.wait()

    in_world(own_redis, story)


async def _subscribe(client: ClientConnection) -> dict[str, Any]:
    await send(client, type="subscribe", symbols=["A"])
    snapshot: dict[str, Any] = await take(client, "snapshot")
    return snapshot


async def _apply(client: ClientConnection, held: dict[str, Any]) -> dict[str, Any]:
    delta = await receive(client)
    assert delta["type"] == "delta"
    assert delta["previous"] == held["sequence"]
    return {**held, **delta}


def test_sigterm_closes_everyone_with_1001_and_a_time_to_come_back(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        port = free_port()
        process = start_process(own_redis, port)
        try:
            await eventually(lambda: listens(port), within_s=20)
            async with connect(f"ws://127.0.0.1:{port}/ws/prices", proxy=None) as client:
                await send(client, type="ping")
                await take(client, "pong")
                process.send_signal(signal.SIGTERM)
                assert await closed(client) == 1001
                assert "reconnect in" in (client.close_reason or "")
            assert await asyncio.to_thread(process.wait, 10) == 0
        finally:
            process.kill()
            process.wait()

    in_world(own_redis, story)


def test_health_and_metrics_are_on_the_same_port(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        await world.flow.trade("A", "1")
        async with world.client() as client:
            await send(client, type="subscribe", symbols=["A"])
            await take(client, "snapshot")
            for price in ("2", "3"):  # the first may be found with the new stream, whose old entries aren't timed
                await world.flow.trade("A", price)
                await take(client, "delta")
            stats = json.loads(await _get(world, "/health/ws-stats"))
            assert (stats["connections"], stats["clients"], stats["rooms"]) == (1, 1, 1)
            assert stats["lastBroadcast"] > 0
            text = (await _get(world, "/metrics")).decode()
            assert "tapeflow_ws_clients 1.0" in text
            assert "tapeflow_ws_delivery_seconds_count 0.0" not in text
            assert json.loads(await _get(world, "/health")) == {"status": "ok"}

    in_world(own_redis, story)


async def _get(world: World, path: str) -> bytes:
    def get() -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{world.gateway.port}{path}", timeout=5) as answer:
            return bytes(answer.read())

    return await asyncio.to_thread(get)


def test_redis_may_go_and_come_back(tmp_path: Any) -> None:
    with RedisServer(tmp_path) as server:

        async def story(world: World) -> None:
            await world.flow.trade("A", "1")
            async with world.client() as client:
                await send(client, type="subscribe", symbols=["A"])
                held = await take(client, "snapshot")
                await asyncio.to_thread(server.restart, keep_data=False)
                redis = open_redis(server.url, 5000)
                await redis.set("md:epoch", "new")
                world.flow.redis = redis
                world.flow.tickers.clear()
                ticker = await world.flow.trade("A", "9")
                while held["sequence"] != ticker["sequence"]:
                    held = await receive(client, within_s=15)
                assert held["price"] == 9
                await redis.aclose(close_connection_pool=True)

        in_world(server, story)


def test_two_gateways_may_share_a_port(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        redis = open_redis(own_redis.url, 5000)
        options = WsOptions(port=world.gateway.port, reuse_port=True, drain_s=0.2, limits=HubLimits())
        second = WebSocketGateway(options, OpenAuthorizer(), redis)
        await second.start()
        assert second.port == world.gateway.port
        await second.stop()
        await redis.aclose(close_connection_pool=True)

    in_world(own_redis, story, reuse_port=True)
