"""A bounded fuzzer over everything that a WebSocket client can send: requests, frames, messages of each dialect.

Inputs come from a seeded generator (``FUZZ_SEED``, ``FUZZ_ROUNDS`` for a longer run) and go over raw sockets to a
gateway process. There may be no traceback, no log line of level error, no crash. A connection ends with a close code of
the contract or stays open. Afterwards nothing is left of the visitors, a plain client is served as before, and a second
round costs no more memory.
"""

import asyncio
import contextlib
import json
import os
import random
import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from gateway.stores.redis_pool import open_redis
from gateway.ws.server import ALIASES, DIALECTS
from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway
from tests.integration.gateway.ws_world import Flow, eventually
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.thorough

SEED = int(os.environ.get("FUZZ_SEED", "20260101"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "240"))
MESSAGES = 12
AT_ONCE = 20
GROWTH_BYTES_MAX = 16 * 2**20
CODES = {1000, 1001, 1002, 1003, 1007, 1009, 4003, 4008}
PATHS = (*(dialect.path for dialect in DIALECTS), *ALIASES)
TEMPLATES: tuple[dict[str, Any], ...] = (
    {"type": "subscribe", "symbols": ["AAPL", "S1"], "timeframe": "real-time", "includeDepth": True, "since": 5},
    {"type": "subscribe", "symbols": "AAPL", "since": {"AAPL": 1}},
    {"type": "unsubscribe", "symbols": ["AAPL"]},
    {"type": "subscribe", "symbol": "AAPL", "interval": "1m", "initialBars": 10},
    {"type": "unsubscribe", "symbol": "AAPL", "interval": "1m"},
    {"action": "subscribe", "symbols": ["AAPL"], "clientId": "me"},
    {"action": "ping", "timestamp": 1},
    {"action": "subscribe", "channels": ["alerts", "routing-metrics"]},
    {"type": "ping"},
)
TOKENS = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"1e999999",
    b"-0",
    b"\\ud800",
    b"\x00",
    b"\xff",
    b"\xf0\x9f\x92\xa5",
)


class Generator:
    """Inputs from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        pick = self.random.randrange(12 if depth < 4 else 9)
        if pick < 3:
            return self.random.choice(
                ["AAPL", "subscribe", "1m", "", "a" * 70, "\ud800", "é/../%00", "*", "\u202eX", "0"]
            )
        if pick < 6:
            return self.random.choice([0, -1, 1, 2**53, 2**63, 2**64, -(2**70), 10**400, 1.5, 1e308, -0.0])
        if pick < 9:
            return self.random.choice([None, True, False, [], {}])
        if pick < 11:
            return [self.value(depth + 1) for _ in range(self.random.randrange(6))]
        return {str(self.value(4)): self.value(depth + 1) for _ in range(self.random.randrange(5))}

    def message(self) -> bytes:
        kind = self.random.randrange(10)
        if self.random.random() < 0.004:  # closes the connection when it is no UTF-8
            return self.random.randbytes(self.random.randrange(200))
        if kind == 1:
            return self.random.choice(
                [b"[" * 60_000, b'{"a":' * 10_000, b'"' + b"\\u0000" * 9_000 + b'"', b"", b" " * 60_000]
            )
        if kind == 2:
            return json.dumps(self.value()).encode(
                "utf-8", "surrogatepass" if self.random.random() < 0.1 else "replace"
            )
        words = dict(self.random.choice(TEMPLATES))
        for name in self.random.sample(sorted(words), self.random.randrange(len(words) + 1)):
            words[name] = self.value()
        if kind == 3:
            words["symbols"] = [f"Z{self.random.randrange(10**9)}" for _ in range(self.random.choice([1, 50, 1500]))]
        data = bytearray(json.dumps(words).encode("utf-8", "surrogatepass"))
        for _ in range(self.random.choice([0, 0, 0, 1, 3])):
            at = self.random.randrange(len(data) + 1)
            data[at : at + self.random.randrange(3)] = self.random.choice(TOKENS)
        return bytes(data)

    def frame(self, payload: bytes, *, well_formed: bool = True, deflate: bool = False) -> bytes:
        head, size = 0x81, len(payload)
        if deflate and self.random.random() < 0.7:
            head |= 0x40
            if self.random.random() < 0.97:
                squeeze = zlib.compressobj(wbits=-15)
                payload = (
                    squeeze.compress(payload * self.random.choice([1, 1, 500])) + squeeze.flush(zlib.Z_SYNC_FLUSH)
                )[:-4]
            size = len(payload)
        if self.random.random() < 0.2:
            head = (head & 0x70) | self.random.choice([0x82, 0x89, 0x8A])
            payload, size = (payload[:125], min(size, 125)) if head & 0x08 else (payload, size)
        masked = 0x80
        if not well_formed:
            head = self.random.randrange(256)
            size = self.random.choice([size, size, 2**31, 2**63, 70_000, 0])
            masked = self.random.choice([0x80, 0x80, 0])
        if size < 126:
            start = struct.pack("!BB", head, masked | size)
        elif size < 2**16:
            start = struct.pack("!BBH", head, masked | 126, size)
        else:
            start = struct.pack("!BBQ", head, masked | 127, size)
        mask = self.random.randbytes(4)
        body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        return start + (mask if masked else b"") + body

    def request(self, *, well_formed: bool, msgpack: bool, deflate: bool) -> bytes:
        lines = [
            b"GET %s HTTP/1.1" % self.random.choice(PATHS).encode(), b"Host: localhost", b"Upgrade: websocket",
            b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]  # fmt: skip
        if msgpack:
            lines.append(b"Sec-WebSocket-Protocol: msgpack")
        if deflate:
            lines.append(
                b"Sec-WebSocket-Extensions: permessage-deflate"
                + self.random.choice([b"", b"; x", b"; client_max_window_bits=99"])
            )
        if not well_formed:
            for _ in range(self.random.randrange(1, 4)):
                at = self.random.randrange(len(lines))
                lines[at] = self.random.choice([
                    b"", self.random.randbytes(40), lines[at][:-5], lines[at] + b"\x00", b"X: " + b"y" * 9_000,
                    b"GET /ws/prices?" + b"token=a&" * 500 + b" HTTP/1.1", b"Origin: http://[", b"Content-Length: -1",
                    b"Authorization: Bearer \xff\xfe", b"GET %00%ff HTTP/9", b"Origin: null",
                ])  # fmt: skip
        return b"\r\n".join(lines) + b"\r\n\r\n"


async def visit(port: int, inputs: Generator, seen: Counter[str]) -> None:
    """One connection: a request, then frames, then an end of some kind."""
    choose = inputs.random
    proper, deflate = choose.random() < 0.85, choose.random() < 0.3
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(inputs.request(well_formed=proper, msgpack=choose.random() < 0.2, deflate=deflate))
        reading = asyncio.create_task(read_all(reader))
        broken = choose.random() < 0.4
        for number in range(MESSAGES):
            last = broken and number == MESSAGES - 1
            writer.write(inputs.frame(inputs.message(), well_formed=not last, deflate=deflate))
            await writer.drain()
        if choose.random() < 0.5:
            writer.write(inputs.frame(b"", well_formed=True)[:1])  # in the middle of a frame
        async with asyncio.timeout(0.2):
            await asyncio.shield(reading)
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        code = close_code(await reading)
        seen["answered" if code is None else str(code)] += 1


async def read_all(reader: asyncio.StreamReader) -> bytes:
    data = bytearray()
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65_536):
            data += part
    return bytes(data)


def close_code(answer: bytes) -> int | None:
    """The code of a close frame at the end of what the gateway sent."""
    head, found, frames = answer.partition(b"\r\n\r\n")
    if not found or b" 101 " not in head.split(b"\r\n")[0]:
        return None
    while len(frames) >= 2:
        size, at = frames[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(frames[2:4]), 4
        elif size == 127:
            size, at = int.from_bytes(frames[2:10]), 10
        if frames[0] & 0x0F == 8:
            return int.from_bytes(frames[2:4]) if size >= 2 else 1005
        frames = frames[at + size :]
    return None


async def fuzz(port: int, seed: int, rounds: int) -> Counter[str]:
    inputs, seen = Generator(seed), Counter[str]()
    for _ in range(rounds // AT_ONCE):
        await asyncio.gather(*(visit(port, inputs, seen) for _ in range(AT_ONCE)))
    return seen


async def served(port: int) -> dict[str, Any]:
    """What a plain client gets."""
    async with connect(f"ws://127.0.0.1:{port}/ws/prices", proxy=None) as client:
        await client.send('{"type":"subscribe","symbols":["AAPL"]}')
        async with asyncio.timeout(10):
            return dict(json.loads(await client.recv()))


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def story(redis_url: str, gateway: GatewayCommand) -> None:
    redis = open_redis(redis_url, 5_000)
    flow = Flow(redis)
    await flow.begin()
    await flow.trade("AAPL", "187.42")
    port, pid = gateway.settings.gateway_port, gateway.children()[0]
    before = await served(port)
    first = await fuzz(port, SEED, ROUNDS)
    await gone(gateway)
    after_first = resident_bytes(pid)
    second = await fuzz(port, SEED + 1, ROUNDS)
    await gone(gateway)
    grown = resident_bytes(pid) - after_first
    assert await served(port) == before
    assert {int(code) for code in (first + second) if code.isdigit()} <= CODES, first + second
    assert (first + second)["answered"] > 0
    assert grown < GROWTH_BYTES_MAX, f"{grown / 2**20:.1f} MiB more after the second round"
    await redis.aclose(close_connection_pool=True)


async def gone(gateway: GatewayCommand) -> None:
    """Nothing is left of the visitors."""
    page = f"{gateway.rest}/health/ws-stats"

    async def nobody() -> bool:
        gateways = (await asyncio.to_thread(gateway.get, page))["gateways"]
        stats = gateways[0]["stats"]
        return all(stats[name] == 0 for name in ("connections", "clients", "subscriptions", "rooms", "backlog"))

    await eventually(nobody, 30)


def test_whatever_clients_send_the_gateway_stands(tmp_path: Path) -> None:
    limits = {"gateway_in_per_s": 1_000_000, "gateway_clients_per_ip": 10_000}
    with RedisServer(tmp_path) as redis, running_gateway(tmp_path, redis.url, **limits) as gateway:
        asyncio.run(story(redis.url, gateway))
        assert gateway.process.poll() is None
        said = gateway.said()
        raw = gateway.log.read_text()
        assert gateway.terminate() == 0
    assert "Traceback" not in raw
    assert [line for line in raw.splitlines() if not line.startswith("{")] == []
    assert [each for each in said if each["level"] in ("error", "critical")] == []
