"""A web page that re-binds its own name to loopback: neither sockets nor pages of an open gateway are for it."""

import asyncio

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gateway.access.principal import Principal
from tests.integration.gateway.ws_world import World, closed, in_world, own_redis, send, take
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

PAGES = ("/health", "/health/ws-stats", "/metrics")
EVIL = "evil.example"


class WithTokens:
    def verify(self, token: str | None) -> Principal:
        return Principal("u", ("*",))


async def status(world: World, path: str, *headers: str) -> int:
    """Of a plain HTTP request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.port)
    writer.write("\r\n".join((f"GET {path} HTTP/1.1", *headers, "", "")).encode())
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


async def close_code(world: World, name: str, *, page: bool) -> int:
    """Of a client that takes ``name`` for this machine, a page of that name or no browser; 0 when it is served."""
    place = f"{name}:{world.gateway.port}"
    origin = f"http://{place}" if page else None
    uri = f"ws://{place}/ws/prices"
    async with connect(uri, host="127.0.0.1", port=world.gateway.port, proxy=None, origin=origin) as client:
        try:
            await send(client, type="ping")
            await take(client, "pong")
        except ConnectionClosed:
            return await closed(client)
    return 0


def test_an_open_gateway_is_for_local_names_only(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        for page in (True, False):
            assert await close_code(world, EVIL, page=page) == 4003
            for name in ("127.0.0.1", "localhost", "[::1]"):
                assert await close_code(world, name, page=page) == 0, name
        for path in (*PAGES, "/nowhere"):
            assert await status(world, path, f"Host: {EVIL}:{world.gateway.port}") == 403
        for path in PAGES:
            for name in ("127.0.0.1", "localhost:80", "[::1]:80"):
                assert await status(world, path, f"Host: {name}") == 200, name
        assert world.gateway.admission.refused == {4003: 2}

    in_world(own_redis, story)


def test_with_tokens_any_name_is_served(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        assert await close_code(world, EVIL, page=True) == 0
        assert await status(world, "/health", f"Host: {EVIL}") == 200

    in_world(own_redis, story, authorizer=WithTokens())
