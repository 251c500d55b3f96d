"""Every ticker at once: how long ``/api/market`` takes, how large it is, and how long its loop serves nobody else.

``python -m bench.gateway_market --json FILE``. A real Redis holds the tickers; the gateway has core 0, the client core
1. The list is asked for every 2.1 s, so that it is read anew each time, and then again at once, while it is kept. Turns
of the loop are measured by the processor time of its thread, which other work on the machine hardly moves: a second
task of the loop notes how much passes from one turn of its own to the next while the list is read.
"""

import argparse
import asyncio
import gzip
import http.client
import json
import os
import tempfile
import time
from pathlib import Path

import redis
import uvloop

from bench.gateway_rest import TICKER, Served, ours, settings, stores
from bench.report import Figure, commit, write
from gateway.access.auth import OpenAuthorizer, make_token
from gateway.rest.market import Market
from gateway.rest.parts import Parts
from schemas.names import SYMBOLS_KEY, RedisKeys
from tests.servers.needs import require, two_cores
from tests.servers.redis import redis_binary

ANEW_S = 2.1  # a little longer than an answer is kept
KEPT = 10  # times that a kept answer is asked for
TURNS_OF = 5  # reads in which the loop's turns are measured
NO_CLICKHOUSE = "clickhouse://127.0.0.1:1"


def fill(redis_url: str, symbols: int) -> None:
    """So many tickers, whose names and numbers differ."""
    client, keys = redis.Redis.from_url(redis_url), RedisKeys()
    pipeline = client.pipeline(transaction=False)
    for number in range(symbols):
        name = f"S{number * 7919 % symbols:05}/USDT"
        numbers = {"price": 1 + number * 1.000001, "volume": number * 17.0001, "sequence": 10**6 + number}
        pipeline.set(keys.price(name), json.dumps({**TICKER, "symbol": name, **numbers}, separators=(",", ":")))
        pipeline.sadd(SYMBOLS_KEY, name)
    pipeline.execute()
    client.close()


async def turns(redis_url: str) -> list[float]:
    """Processor time of each turn of a loop that reads the list, in ms."""
    parts = Parts(settings(redis_url, NO_CLICKHOUSE, 1, 1), OpenAuthorizer(), None)
    market, found_ms = Market(parts.now, parts.caches.market), list[float]()

    async def note() -> None:
        while True:
            began_s = time.thread_time()
            await asyncio.sleep(0)
            found_ms.append((time.thread_time() - began_s) * 1000)

    noting = asyncio.create_task(note())
    for _ in range(TURNS_OF):
        await market.read()
    noting.cancel()
    await parts.redis.aclose(close_connection_pool=True)
    return found_ms


def ask(client: http.client.HTTPConnection, token: str, cache: str) -> tuple[float, bytes]:
    """Milliseconds, and the body as it came."""
    began_s = time.perf_counter()
    client.request("GET", "/api/market", headers={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"})
    answer = client.getresponse()
    body = answer.read()
    took_ms = (time.perf_counter() - began_s) * 1000
    assert answer.status == 200, body[:300]
    assert answer.getheader("x-cache") == cache, answer.headers
    return took_ms, body


def quantile(times_ms: list[float], share: float) -> float:
    return sorted(times_ms)[min(int(len(times_ms) * share), len(times_ms) - 1)]


def measure(served: Served, token: str, symbols: int, asked: int) -> dict[str, tuple[float, str]]:
    """Figures by name, each with its unit."""
    client = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    read_ms, kept_ms, packed = list[float](), list[float](), b""
    used_s = served.cpu_s()
    for _ in range(asked):
        took_ms, packed = ask(client, token, "MISS")
        read_ms.append(took_ms)
        kept_ms += [ask(client, token, "HIT")[0] for _ in range(KEPT)]
        time.sleep(ANEW_S)
    used_s = served.cpu_s() - used_s
    plain = gzip.decompress(packed)
    assert len(json.loads(plain)) == symbols
    return {
        "plain_bytes": (len(plain), "bytes"),
        "gzip_bytes": (len(packed), "bytes"),
        "read_p50": (quantile(read_ms, 0.5), "ms"),
        "read_p99": (quantile(read_ms, 0.99), "ms"),
        "read_cpu": (used_s / asked * 1000, "ms"),
        "kept_p50": (quantile(kept_ms, 0.5), "ms"),
        "kept_p99": (quantile(kept_ms, 0.99), "ms"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures of /api/market")
    parser.add_argument("--json", help="add the figures to this file")
    parser.add_argument("--symbols", type=int, default=24_000)
    parser.add_argument("--asked", type=int, default=30, help="times that the list is read anew")
    given = parser.parse_args()
    require("bench", "taskset", two_cores, redis_binary)
    command = f"python -m bench.gateway_market --symbols {given.symbols} --asked {given.asked}"
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder), "", NO_CLICKHOUSE) as (url, dsn):
        fill(url, given.symbols)
        found_ms = uvloop.run(turns(url))
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        token = make_token(settings(url, dsn, 1, 1), "one")
        with ours(url, dsn, 100_000_000) as served:
            found = measure(served, token, given.symbols, given.asked)
    found |= {"loop_turn_p99": (quantile(found_ms, 0.99), "ms"), "loop_turn_max": (max(found_ms), "ms")}
    figures = [Figure(f"market_{name}", value, unit, None, command, commit()) for name, (value, unit) in found.items()]
    write(figures, given.json)


if __name__ == "__main__":
    main()
