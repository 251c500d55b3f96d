"""What counting a request costs in Redis: ours, the library's own storage and one GCRA script, in the same run.

``python -m bench.gateway_limits --json FILE``. 64 tasks of one process count requests of 400 clients under a limit of
999 a minute, on a Redis of their own; ways alternate in rounds and medians are compared. Each way is one call for each
request, as the gateway makes it, without the gateway around it. Under limits of 1,000 and more ours draws in bulk,
which the last row shows with 100,000,000 a minute.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter

from bench.report import Figure, commit, write
from gateway.rest.limit_counts import LimitCounts
from gateway.rest.request_limits import RequestLimits, RequestPolicy
from gateway.stores.breaker import CircuitBreaker
from gateway.stores.redis_pool import Redis, open_redis
from tests.servers.redis import RedisServer

COMMAND = "python -m bench.gateway_limits"
TASKS = 64
CLIENTS = 400
TIMEOUT_MS = 5000
GCRA = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + ARGV[1]
if due - now > tonumber(ARGV[2]) then return -1 end
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', math.ceil((due - now) / 1000))
return math.floor((ARGV[2] - (due - now)) / ARGV[1])
"""
"""The generic cell rate algorithm. KEYS: a client; ARGV: microseconds of one request and of the window."""
Take = Callable[[str], Awaitable[object]]


def ways(redis: Redis, url: str) -> dict[str, Take]:
    """One call each that takes a request of a client."""
    counts = LimitCounts(redis, CircuitBreaker("redis"), TIMEOUT_MS)
    ours = RequestLimits([RequestPolicy("user", 999, 60)], counts, time.time)
    bulk = RequestLimits([RequestPolicy("bulk", 100_000_000, 60)], counts, time.time)
    shared: Any = {"connection_pool": redis.connection_pool}  # typed as a scalar option, meant to be a pool
    library = FixedWindowRateLimiter(RedisStorage(url, implementation="redispy", key_prefix="library", **shared))
    item = RateLimitItemPerMinute(999)
    script = redis.register_script(GCRA)

    async def by_script(client: str) -> object:
        return await script(keys=[f"gcra:{client}"], args=[60_000_000 // 999, 60_000_000])

    return {
        "limits_ours": ours.take,
        "limits_library": lambda client: library.hit(item, client),
        "limits_gcra": by_script,
        "limits_ours_in_bulk": bulk.take,
    }


async def rate_of(take: Take, seconds: float) -> float:
    """Requests counted a second."""
    names = itertools.cycle([f"client-{number}" for number in range(CLIENTS)])
    end_s, done = time.perf_counter() + seconds, 0

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < end_s:
            for _ in range(20):
                await take(next(names))
            done += 20

    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(work())
    return done / (time.perf_counter() - began_s)


async def measure(url: str, rounds: int, seconds: float) -> dict[str, float]:
    redis = open_redis(url, TIMEOUT_MS)
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        await redis.flushall()
        for name, take in ways(redis, url).items():
            for number in range(CLIENTS):  # a client's first request asks for the end of its window too
                await take(f"client-{number}")
            found.setdefault(name, []).append(await rate_of(take, seconds))
    await redis.aclose()
    return {name: statistics.median(rates) for name, rates in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as server:
        rates = asyncio.run(measure(server.url, args.rounds, args.seconds))
    bare = rates["limits_library"]
    figures = [
        Figure(f"{name}_per_s", rate, "1/s", None if name == "limits_library" else rate / bare, COMMAND, commit())
        for name, rate in rates.items()
    ]
    write(figures, args.json)


if __name__ == "__main__":
    main()
