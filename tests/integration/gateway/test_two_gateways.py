"""Two gateways, one killed with 500 clients attached: every client resumes on the other and misses nothing.

The gateways are processes of their own on one Redis, the clients resume as the documentation says, and a writer plays
the flow all the while. A client checks ``previous`` of each delta, so one that was skipped fails the test, as does a
snapshot in place of deltas that are still held. ``python -m tests.integration.gateway.test_two_gateways`` prints the
figures that docs/gateway.md shows.
"""

import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from gateway.stores.redis_pool import end_tasks, open_redis
from tests.integration.gateway.gateway_command import GatewayCommand, running_gateway
from tests.integration.gateway.ws_world import Flow, eventually
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.thorough

CLIENTS = 500
SYMBOLS_EACH = 4
SYMBOLS = [f"S{number:03}" for number in range(100)]
WRITES_PER_S = 200
RUN_S = 3.0


@dataclass
class Client:
    """``since``: the sequence held of each symbol; ``away_s``: from losing one gateway to the first message again."""

    symbols: list[str]
    since: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    lost_s: float = 0.0
    away_s: float = 0.0

    async def run(self, urls: list[str]) -> None:
        """Follows the first gateway that lets it in, until cancelled."""
        while True:
            for url in urls:
                with suppress(OSError, WebSocketException, TimeoutError):
                    async with connect(url + "/ws/prices", proxy=None, compression=None, open_timeout=30) as connection:
                        await self._follow(connection)
                self.lost_s = self.lost_s or time.monotonic()
            await asyncio.sleep(0.05)

    async def _follow(self, connection: ClientConnection) -> None:
        words = {"type": "subscribe", "symbols": self.symbols, "since": self.since}
        await connection.send(json.dumps(words))
        async for text in connection:
            message = json.loads(text)
            symbol, kind = message["symbol"], message["type"]
            if self.lost_s and not self.away_s:
                self.away_s = time.monotonic() - self.lost_s
            if kind == "delta" and message["previous"] != self.since.get(symbol):
                self.counts["gaps"] += 1
            if kind == "snapshot" and self.lost_s:
                self.counts["snapshots after the kill"] += 1
            if message["sequence"] <= self.since.get(symbol, -1):
                self.counts["back in order"] += 1
            self.counts[kind] += 1
            self.since[symbol] = message["sequence"]


async def write_for_ever(flow: Flow) -> None:
    """A trade of each symbol in turn, WRITES_PER_S in all."""
    number = 0
    while True:
        number += 1
        await flow.trade(SYMBOLS[number % len(SYMBOLS)], f"{100 + number % 50}.{number % 100:02}")
        await asyncio.sleep(1 / WRITES_PER_S)


async def story(redis_url: str, first: GatewayCommand, second: GatewayCommand, clients_count: int) -> dict[str, Any]:
    """Kills ``first`` with all clients on it; gives what they saw."""
    redis = open_redis(redis_url, 5_000)
    flow = Flow(redis)
    for symbol in SYMBOLS:
        await flow.trade(symbol, "100")
    clients = [
        Client([SYMBOLS[(number * 7 + each) % len(SYMBOLS)] for each in range(SYMBOLS_EACH)])
        for number in range(clients_count)
    ]
    writing = asyncio.create_task(write_for_ever(flow))
    urls = [first.websocket, second.websocket]
    running = [asyncio.create_task(client.run(urls)) for client in clients]
    await eventually(lambda: all(len(client.since) == SYMBOLS_EACH for client in clients), 60)
    await asyncio.sleep(RUN_S)
    for pid in (*first.children(), first.process.pid):
        os.kill(pid, signal.SIGKILL)
    killed_s = time.monotonic()
    await eventually(lambda: all(client.away_s for client in clients), 60)
    all_back_s = time.monotonic() - killed_s
    await asyncio.sleep(RUN_S)
    await end_tasks([writing])
    stored = {symbol: flow.tickers[symbol]["sequence"] for symbol in SYMBOLS}
    await eventually(lambda: all(stored[s] == at for client in clients for s, at in client.since.items()), 20)
    await end_tasks(running)
    await redis.aclose(close_connection_pool=True)
    away_s = sorted(client.away_s for client in clients)
    total = sum((client.counts for client in clients), Counter[str]())
    return {"clients": clients_count, "all_back_s": all_back_s, "away_p50_s": statistics.median(away_s),
            "away_p99_s": away_s[int(0.99 * len(away_s))], **total}  # fmt: skip


async def begin(redis_url: str) -> None:
    """Before the gateways start: on Redis 6.2 a stream that appears later may have lost entries, and they say so."""
    redis = open_redis(redis_url, 5_000)
    await Flow(redis).begin()
    await redis.aclose(close_connection_pool=True)


def run(folder: Path, clients: int = CLIENTS) -> dict[str, Any]:
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(folder))
        asyncio.run(begin(redis.url))
        pair = [stack.enter_context(running_gateway(folder, redis.url)) for _ in range(2)]
        return asyncio.run(story(redis.url, pair[0], pair[1], clients))


def test_all_clients_resume_on_the_other_gateway_without_a_gap(tmp_path: Path) -> None:
    seen = run(tmp_path)
    assert seen["delta"] > CLIENTS * SYMBOLS_EACH
    assert {name: seen.get(name, 0) for name in ("gaps", "back in order", "snapshots after the kill")} == {
        "gaps": 0, "back in order": 0, "snapshots after the kill": 0,
    }, seen  # fmt: skip
    assert seen["all_back_s"] < 30


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.stdout.write(json.dumps(run(Path(place))) + "\n")
