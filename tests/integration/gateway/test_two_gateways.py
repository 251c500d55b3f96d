"""Two gateways, one killed with 500 clients attached, both rolled with 1,000: every client resumes and misses nothing.

The gateways are processes of their own on one Redis, the clients resume as the documentation says, and a writer plays
the flow all the while. A client checks ``previous`` of each delta, so one that was skipped fails the test, as does a
snapshot in place of deltas that are still held. ``python -m tests.integration.gateway.test_two_gateways`` prints the
figures that docs/gateway.md shows, with ``--rolling`` those of a rolling update.
"""

import asyncio
import json
import os
import re
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
ROLLED = 1_000
SYMBOLS_EACH = 4
SYMBOLS = [f"S{number:03}" for number in range(100)]
WRITES_PER_S = 200
ROLLED_WRITES_PER_S = 100
RUN_S = 3.0


@dataclass
class Client:
    """``since``: the sequence held of each symbol; ``away_s``: from losing one gateway to the first message again.

    ``aways_s``: each time that it was away, with the pause that a gateway which stops asks for.
    """

    symbols: list[str]
    since: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    lost_s: float = 0.0
    away_s: float = 0.0
    aways_s: list[float] = field(default_factory=list)

    async def run(self, urls: list[str]) -> None:
        """Follows the first gateway that lets it in, until cancelled."""
        while True:
            for url in urls:
                opened: ClientConnection | None = None
                with suppress(OSError, WebSocketException, TimeoutError):
                    async with connect(url + "/ws/prices", proxy=None, compression=None, open_timeout=30) as connection:
                        opened = connection
                        await self._follow(connection)
                self.lost_s = self.lost_s or time.monotonic()
                if opened is not None:
                    self.counts[f"closed {opened.close_code}"] += 1
                    if told := re.search(r"reconnect in (\d+) ms", opened.close_reason or ""):
                        await asyncio.sleep(int(told[1]) / 1000)
            await asyncio.sleep(0.05)

    async def _follow(self, connection: ClientConnection) -> None:
        words = {"type": "subscribe", "symbols": self.symbols, "since": self.since}
        await connection.send(json.dumps(words))
        async for text in connection:
            message = json.loads(text)
            symbol, kind = message["symbol"], message["type"]
            if self.lost_s and not self.away_s:
                self.away_s = time.monotonic() - self.lost_s
                self.aways_s.append(self.away_s)
            if kind == "delta" and message["previous"] != self.since.get(symbol):
                self.counts["gaps"] += 1
            if kind == "snapshot" and self.lost_s:
                self.counts["snapshots after the kill"] += 1
            if message["sequence"] <= self.since.get(symbol, -1):
                self.counts["back in order"] += 1
            self.counts[kind] += 1
            self.since[symbol] = message["sequence"]


async def write_for_ever(flow: Flow, per_s: float = WRITES_PER_S) -> None:
    """A trade of each symbol in turn, ``per_s`` in all."""
    number = 0
    while True:
        number += 1
        await flow.trade(SYMBOLS[number % len(SYMBOLS)], f"{100 + number % 50}.{number % 100:02}")
        await asyncio.sleep(1 / per_s)


async def opened_market(redis: Any) -> Flow:
    flow = Flow(redis)
    for symbol in SYMBOLS:
        await flow.trade(symbol, "100")
    return flow


def make_clients(count: int) -> list[Client]:
    return [
        Client([SYMBOLS[(number * 7 + each) % len(SYMBOLS)] for each in range(SYMBOLS_EACH)]) for number in range(count)
    ]


async def until_level(flow: Flow, clients: list[Client]) -> None:
    """Each client holds what stands in Redis now."""
    stored = {symbol: flow.tickers[symbol]["sequence"] for symbol in SYMBOLS}
    await eventually(lambda: all(stored[s] == at for client in clients for s, at in client.since.items()), 20)


async def story(redis_url: str, first: GatewayCommand, second: GatewayCommand, clients_count: int) -> dict[str, Any]:
    """Kills ``first`` with all clients on it; gives what they saw."""
    redis = open_redis(redis_url, 5_000)
    flow = await opened_market(redis)
    clients = make_clients(clients_count)
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
    await until_level(flow, clients)
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


async def rolling(redis_url: str, folder: Path, stack: ExitStack, clients_count: int) -> dict[str, Any]:
    """Stops and starts each of two gateways in turn, half of the clients on each at first; gives what they saw."""
    redis = open_redis(redis_url, 5_000)
    flow = await opened_market(redis)
    pair = [stack.enter_context(running_gateway(folder, redis_url)) for _ in range(2)]
    urls = [gateway.websocket for gateway in pair]
    clients = make_clients(clients_count)
    writing = asyncio.create_task(write_for_ever(flow, ROLLED_WRITES_PER_S))
    running = [asyncio.create_task(client.run(urls[:: (-1) ** number])) for number, client in enumerate(clients)]
    await eventually(lambda: all(len(client.since) == SYMBOLS_EACH for client in clients), 60)
    await asyncio.sleep(RUN_S)
    codes, drained_s = [], []
    for gateway in pair:
        for client in clients:
            client.lost_s = client.away_s = 0.0
        began_s = time.monotonic()
        codes.append(await asyncio.to_thread(gateway.terminate))
        drained_s.append(time.monotonic() - began_s)
        port = gateway.settings.gateway_port
        await asyncio.to_thread(stack.enter_context, running_gateway(folder, redis_url, gateway_port=port))
        await eventually(lambda: all(client.away_s or not client.lost_s for client in clients), 60)
        await asyncio.sleep(RUN_S)
    await end_tasks([writing])
    await until_level(flow, clients)
    await end_tasks(running)
    await redis.aclose(close_connection_pool=True)
    aways_s = sorted(away_s for client in clients for away_s in client.aways_s)
    total = sum((client.counts for client in clients), Counter[str]())
    return {"clients": clients_count, "codes": codes, "drained_s": drained_s, "handovers": len(aways_s),
            "away_p50_s": statistics.median(aways_s), "away_max_s": aways_s[-1], **total}  # fmt: skip


def run_rolling(folder: Path, clients: int = ROLLED) -> dict[str, Any]:
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(folder))
        asyncio.run(begin(redis.url))
        return asyncio.run(rolling(redis.url, folder, stack, clients))


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


def test_a_rolling_update_of_both_gateways_costs_no_client_a_delta(tmp_path: Path) -> None:
    seen = run_rolling(tmp_path)
    assert seen["codes"] == [0, 0]
    assert {name: seen.get(name, 0) for name in ("gaps", "back in order", "snapshots after the kill")} == {
        "gaps": 0, "back in order": 0, "snapshots after the kill": 0,
    }, seen  # fmt: skip
    assert seen["handovers"] == seen["closed 1001"] >= ROLLED * 3 // 2, seen


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        ran = run_rolling if "--rolling" in sys.argv else run
        sys.stdout.write(json.dumps(ran(Path(place))) + "\n")
