"""What strangers can take from those who are connected: nothing. Real processes, some with few open files.

Idle sockets, connections that are kept, requests that never end, and a flood of the public pages, while WebSocket
clients follow a symbol.
"""

import asyncio
import http.client
import json
import socket
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.sync.client import connect

from gateway.stores.redis_pool import open_redis
from runtime.settings.whole import Settings
from tests.integration.gateway.gateway_command import COMMAND, GatewayCommand, environment, running_gateway
from tests.integration.gateway.ws_world import Flow, own_redis
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

SUBSCRIBE = '{"type":"subscribe","symbols":["AAPL"]}'
FILES = 200
PAGES = ("/health", "/health/ready", "/health/ws-stats", "/docs", "/openapi.json")


def trade(url: str, price: str) -> None:
    async def write() -> None:
        redis = open_redis(url, 5_000)
        flow = Flow(redis)
        flow.sequence = time.time_ns() // 1_000_000
        await flow.begin()
        await flow.trade("AAPL", price)
        await redis.aclose(close_connection_pool=True)

    asyncio.run(write())


def events(gateway: GatewayCommand) -> Counter[str]:
    return Counter(each["event"] for each in gateway.said())


def status(port: int, path: str = "/health") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_silent_and_kept_connections_beyond_the_files_disturb_nobody(own_redis: RedisServer, tmp_path: Path) -> None:
    trade(own_redis.url, "100")
    with running_gateway(tmp_path, own_redis.url, files=FILES) as gateway:
        port = gateway.settings.gateway_port
        with connect(f"{gateway.websocket}/ws/prices", proxy=None) as follower:
            follower.send(SUBSCRIBE)
            follower.recv(timeout=20)
            silent = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(FILES + 100)]
            assert [status(port) for _ in range(3)] == [200] * 3
            kept = []
            for _ in range(FILES + 50):
                each = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                each.request("GET", "/health")
                assert each.getresponse().read()
                kept.append(each)
            assert status(port) == 200
            trade(own_redis.url, "101")
            assert json.loads(follower.recv(timeout=20))["price"] == 101
            for stranger in (*silent, *kept):
                stranger.close()
        assert gateway.process.poll() is None
        said, size = events(gateway), gateway.log.stat().st_size
    assert (said["handshakes_full"], said["rest_connections_full"], said["clients_lowered"]) == (1, 1, 2)
    assert said["open_files_exhausted"] == 0
    assert size < 10_000


def test_more_clients_than_files_are_refused_in_a_line(own_redis: RedisServer) -> None:
    settings = Settings(redis_url=own_redis.url, gateway_port=0, gateway_clients_max=5_000)
    done = subprocess.run(
        ["prlimit", f"--nofile={FILES}", *COMMAND, "gateway"], env=environment(settings), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert "5000 connections need" in lines[0]
    assert "TAPEFLOW_GATEWAY_CLIENTS_MAX" in lines[0]


@pytest.mark.thorough
def test_a_body_or_a_second_head_that_never_ends_is_closed(own_redis: RedisServer, tmp_path: Path) -> None:
    with running_gateway(tmp_path, own_redis.url) as gateway:
        port = gateway.settings.gateway_port
        with (
            socket.create_connection(("127.0.0.1", port), 20) as body,
            socket.create_connection(("127.0.0.1", port), 20) as head,
        ):
            body.sendall(
                b"POST /api/watchlists HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            head.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += head.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200 ")
            head.sendall(b"GET /health HTTP/1.1\r\nHost:")
            assert body.recv(4096) == b""
            assert head.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_five_hundred_clients_notice_nothing_of_a_flood(own_redis: RedisServer, tmp_path: Path) -> None:
    trade(own_redis.url, "100")
    with running_gateway(tmp_path, own_redis.url) as gateway:
        port, over = gateway.settings.gateway_port, threading.Event()
        answered: Counter[int] = Counter()

        def flood(number: int) -> None:
            while not over.is_set():
                answered[status(port, PAGES[number % len(PAGES)])] += 1
                socket.create_connection(("127.0.0.1", port), 5).close()

        floods = [threading.Thread(target=flood, args=(number,)) for number in range(len(PAGES))]
        sent, delays_ms = asyncio.run(follow(gateway, own_redis.url, floods, over))
        said = events(gateway)
    assert set(answered) == {200}
    assert len(delays_ms) == 500 * sent
    delays_ms.sort()
    p99_ms = delays_ms[len(delays_ms) * 99 // 100]
    print(f"{sum(answered.values())} requests beside; delivery p99 {p99_ms:.0f} ms")
    assert p99_ms < 2_000
    assert said["client_closed"] == 0


async def follow(
    gateway: GatewayCommand, url: str, floods: list[threading.Thread], over: threading.Event
) -> tuple[int, list[float]]:
    """500 clients on one symbol; trades sent, and ms from each write to each client that had it next in order."""
    clients = [await connect_async(f"{gateway.websocket}/ws/prices", proxy=None) for _ in range(500)]
    for each in clients:
        await each.send(SUBSCRIBE)
    last = [json.loads(await each.recv())["sequence"] for each in clients]
    redis = open_redis(url, 5_000)
    flow = Flow(redis)
    flow.sequence = time.time_ns() // 1_000_000
    await flow.trade("AAPL", "100")
    last = [json.loads(await each.recv())["sequence"] for each in clients]
    for thread in floods:
        thread.start()
    delays_ms: list[float] = []
    sent = 0
    try:
        for number in range(20):
            began = time.monotonic()
            after = await flow.trade("AAPL", str(101 + number))
            sent += 1
            for index, each in enumerate(clients):
                async with asyncio.timeout(20):
                    message = json.loads(await each.recv())
                assert message["previous"] == last[index]
                assert message["sequence"] == after["sequence"]
                last[index] = message["sequence"]
                delays_ms.append((time.monotonic() - began) * 1000)
    finally:
        over.set()
        await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in floods))
        for each in clients:
            await each.close()
        await redis.aclose(close_connection_pool=True)
    return sent, delays_ms
