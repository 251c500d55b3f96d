"""Hasty, slow and hostile clients through raw sockets and a real client library: the right code, and nobody notices."""

import asyncio
import contextlib
import json
import os
import struct
import time
import zlib
from dataclasses import dataclass

import pytest

from core.fanout.client import HubLimits
from gateway.access.principal import Principal
from gateway.stores.publish import publish
from tests.integration.gateway.ws_world import World, closed, eventually, in_world, own_redis, receive, send, take
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


class Raw:
    """A client that may break every rule."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, world: World, path: str = "/ws/prices", more: str = "") -> "Raw":
        raw = cls(*await asyncio.open_connection("127.0.0.1", world.gateway.port))
        raw.writer.write(UPGRADE.format(path=path, more=more).encode())
        head = await raw.reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        return raw

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bool = True) -> None:
        first = (0x80 if fin else 0) | rsv | opcode
        size = len(payload)
        bit = 0x80 if mask else 0
        head = struct.pack("!BB", first, bit | size) if size < 126 else struct.pack("!BBQ", first, bit | 127, size)
        if 126 <= size < 65_536:
            head = struct.pack("!BBH", first, bit | 126, size)
        self.writer.write(head + (b"\0\0\0\0" if mask else b"") + payload)

    async def code(self) -> int:
        """The close code that ends the connection; 0 when it just ends."""
        async with asyncio.timeout(10):
            while True:
                try:
                    first, size = await self.reader.readexactly(2)
                    if size == 126:
                        size = int.from_bytes(await self.reader.readexactly(2))
                    elif size == 127:
                        size = int.from_bytes(await self.reader.readexactly(8))
                    payload = await self.reader.readexactly(size)
                except (asyncio.IncompleteReadError, ConnectionError):
                    return 0
                if first & 0x0F == 8:
                    return int.from_bytes(payload[:2])

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@dataclass
class Expiring:
    exp: float

    def verify(self, token: str | None) -> Principal:
        return Principal("u", ("*",), exp=self.exp)


TEXT_SUBSCRIBE = b'{"type":"subscribe","symbols":["A"]}'


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([(1, b"\xff\xfe", {})], 1007),
        ([(1, b"x", {"rsv": 0x40})], 1002),
        ([(1, b"x", {"rsv": 0x20})], 1002),
        ([(0, b"x", {})], 1002),
        ([(1, b"x", {"fin": False}), (1, b"y", {})], 1002),
        ([(9, b"x", {"fin": False})], 1002),
        ([(3, b"x", {})], 1002),
        ([(1, b"x", {"mask": False})], 1002),
        ([(1, b"x" * 65_537, {})], 1009),
        ([(1, b"x" * 60_000, {"fin": False}), (0, b"x" * 60_000, {})], 1009),
        ([(1, b"{", {})] * 60, 4008),
        ([(9, b"", {})] * 1000, 4008),
        ([(1, b"", {"fin": False})] + [(0, b"", {"fin": False})] * 1000, 4008),
    ],
)
def test_broken_and_too_many_frames_close_with_their_code(
    own_redis: RedisServer, frames: list[tuple[int, bytes, dict[str, int]]], code: int
) -> None:
    async def story(world: World) -> None:
        raw = await Raw.connect(world)
        for opcode, payload, options in frames:
            raw.frame(opcode, payload, **options)  # type: ignore[arg-type]
        assert await raw.code() == code
        await raw.close()
        await eventually(lambda: world.gateway.admission.connections == 0)

    in_world(own_redis, story)


def test_fragments_are_put_together_with_pings_between_them(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        ticker = await world.flow.trade("A", "1")
        raw = await Raw.connect(world)
        raw.frame(1, TEXT_SUBSCRIBE[:10], fin=False)
        raw.frame(9, b"are you there")
        raw.frame(0, TEXT_SUBSCRIBE[10:])
        await raw.reader.readuntil(b"are you there")
        await raw.reader.readuntil(f'"sequence":{ticker["sequence"]}'.encode())
        await raw.close()

    in_world(own_redis, story)


def test_who_asks_before_the_answer_came_is_served(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        ticker = await world.flow.trade("A", "1")
        raw = Raw(*await asyncio.open_connection("127.0.0.1", world.gateway.port))
        request = UPGRADE.format(path="/ws/prices", more="").replace("n: Upgrade", "n: keep-alive, Upgrade")
        raw.writer.write(request.encode())
        raw.frame(1, TEXT_SUBSCRIBE[:10], fin=False)
        raw.frame(0, TEXT_SUBSCRIBE[10:])
        await raw.reader.readuntil(f'"sequence":{ticker["sequence"]}'.encode())
        await raw.close()

    in_world(own_redis, story)


def test_ten_megabytes_and_a_compression_bomb_are_too_big(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        more = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
        bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
        payload = bomb.compress(b"a" * 50_000_000) + bomb.flush(zlib.Z_SYNC_FLUSH)
        raw = await Raw.connect(world, more=more)
        raw.frame(1, payload[:-4], rsv=0x40)
        assert await raw.code() == 1009
        await raw.close()
        async with world.client() as client:
            await client.send("x" * 10_000_000)
            assert await closed(client) in (1009, 1006), "the rest of it may meet a closed socket"

    in_world(own_redis, story)


def test_origins_outside_the_list_and_expired_tokens(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        assert await world.refusal(origin="https://evil.example") == 4003
        assert await world.refusal(origin="https://good.example.evil.example") == 4003
        async with world.client(origin="https://good.example") as client:
            await send(client, type="ping")
            await take(client, "pong")
            assert await closed(client) == 4001

    in_world(own_redis, story, authorizer=Expiring(time.time() + 2), origins=("https://good.example",))


def test_half_open_handshakes_end(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.port)
        writer.write(b"GET /ws/prices HTTP/1.1\r\nHost: x\r\n")
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()

    in_world(own_redis, story, handshake_s=0.3)


def test_connections_over_the_limit_are_told_to_come_later(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        async with world.client(), world.client():
            assert await world.refusal() == 1013
        await eventually(lambda: world.gateway.admission.connections == 0)
        async with world.client() as client:
            await send(client, type="ping")
            await take(client, "pong")

    in_world(own_redis, story, clients_per_ip=2)


def test_a_client_without_pongs_is_dropped(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        raw = await Raw.connect(world)
        started = time.monotonic()
        assert await raw.code() == 1011
        assert time.monotonic() - started < 6
        await raw.close()

    in_world(own_redis, story, ping_ms=500, pong_ms=1500)


def test_a_client_that_reads_nothing_is_closed_and_nobody_else_notices(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        symbols = [f"S{index}" for index in range(300)]
        for symbol in symbols:
            await world.flow.trade(symbol, "1")
        stuck = await Raw.connect(world)
        stuck.writer.get_extra_info("socket").setsockopt(1, 8, 4096)  # SO_RCVBUF
        stuck.frame(1, json.dumps({"type": "subscribe", "symbols": symbols}).encode())
        async with world.client() as client:
            await send(client, type="subscribe", symbols="S0")
            held = await take(client, "snapshot")
            for step in range(400):
                burst = [world.flow.trade(symbol, str(step + 2)) for symbol in symbols[:50]]
                await asyncio.gather(*burst)
                while held["sequence"] != world.flow.tickers["S0"]["sequence"]:
                    delta = await receive(client)
                    assert delta["previous"] == held["sequence"]
                    held = {**held, **delta}
                if world.gateway.hub.delivery.counts["slow_closes"]:
                    break
            await eventually(lambda: world.gateway.hub.delivery.counts["slow_closes"] == 1)
            await eventually(lambda: world.gateway.admission.connections == 1)
        await stuck.close()

    in_world(own_redis, story, limits=HubLimits(slow_ms=1000, out_per_s=10**6), close_grace_s=0.3)


@pytest.mark.parametrize(
    ("grace_s", "room", "code"), [(2.0, 65_536, 4009), (0.1, 4_096, 0)], ids=["within the grace", "after it"]
)
def test_a_stuck_client_sees_4009_if_it_reads_again_within_the_grace(
    own_redis: RedisServer, grace_s: float, room: int, code: int
) -> None:
    """``room`` of the client's kernel: with little of it the close frame can't get there before the client reads."""

    async def story(world: World) -> None:
        filler = os.urandom(3000).hex()
        raw = await Raw.connect(world, "/ws/analytics")
        raw.writer.get_extra_info("socket").setsockopt(1, 8, room)  # SO_RCVBUF
        raw.frame(1, b'{"action":"subscribe","channels":["routing-metrics"]}')
        hub = world.gateway.hub
        await eventually(lambda: sum(len(client.rooms) for client in hub.clients) == 1)
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
        while not hub.delivery.counts["slow_closes"]:
            await publish(world.redis, "routing-metrics", json.dumps({"filler": filler}).encode())
        if not code:
            await eventually(lambda: world.gateway.admission.connections == 0)
        raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await raw.code() == code
        await raw.close()

    in_world(own_redis, story, limits=HubLimits(slow_ms=200), close_grace_s=grace_s)


def test_a_client_that_was_slow_gets_the_newest_state_and_every_alert(own_redis: RedisServer) -> None:
    async def story(world: World) -> None:
        filler = os.urandom(3000).hex()
        raw = await Raw.connect(world, "/ws/analytics")
        raw.writer.get_extra_info("socket").setsockopt(1, 8, 4096)
        raw.frame(1, b'{"action":"subscribe","channels":["alerts","routing-metrics"]}')
        hub = world.gateway.hub
        await eventually(lambda: sum(len(client.rooms) for client in hub.clients) == 2)
        client = next(iter(hub.clients))
        sent = 0
        while not client.held:
            await publish(world.redis, "alerts", json.dumps({"n": sent, "filler": filler}).encode())
            sent += 1
            await asyncio.sleep(0.002)
        for _ in range(20):
            await publish(world.redis, "alerts", json.dumps({"n": sent}).encode())
            sent += 1
        data = b""
        async with asyncio.timeout(20):
            while f'{{"n":{sent - 1}}}'.encode() not in data and f'"n": {sent - 1}}}'.encode() not in data:
                data += await raw.reader.read(65_536)
        seen = [int(part.split(b"}")[0].split(b",")[0]) for part in data.split(b'"n": ')[1:]]
        assert seen == list(range(sent))
        await raw.close()

    in_world(own_redis, story)
