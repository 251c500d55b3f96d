"""REST against a bare endpoint of the same framework on the same server, in the same run; and bars of a large table.

``python -m bench.gateway_rest --json FILE``. The server has core 0, the client core 1; rounds of bare and ours
alternate and medians are compared. Nothing is switched off for the measurement: tokens are verified, limits counted,
answers tagged. The price is asked three times: one symbol by one user, which is always in the cache; so many symbols
that none is, and every answer comes from Redis; and one symbol by many users, each counted under a limit like the
default.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import redis
from clickhouse_driver import Client
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.report import Figure, commit, write
from gateway.access.auth import make_token
from gateway.rest.prices import EXAMPLE
from local.ports import free_port
from processes.gateway_processes import answers
from runtime.settings.whole import Settings
from tests.servers.needs import require, two_cores
from tests.servers.redis import redis_binary

SECRET = "bench-secret-bench-secret-bench-secret"
DATABASE = "bench_rest"
SYMBOLS = 200
MINUTE_MS = 60_000
FIRST_MS = 1_735_689_600_000  # 2025-01-01
TICKER = {"type": "snapshot", **{name: value for name, value in EXAMPLE.items() if name != "stale"}}
SYMBOLS_NOT_CACHED = 100_000
"""More than can be asked for within the life of a cache entry."""
ROTATE = """
local tokens, index = {}, 0
for line in io.lines("%s") do tokens[#tokens + 1] = line end
request = function()
  index = index %% #tokens + 1
  return wrk.format("GET", nil, {["Authorization"] = "Bearer " .. tokens[index]})
end
"""
WALK = """
local index = 0
request = function()
  index = index %% %d + 1
  return wrk.format("GET", "/api/prices/S" .. index)
end
"""


async def bare_price(request: Request) -> Response:
    """What the framework costs by itself: a route with a parameter, a dict, its JSON."""
    body = msgspec.json.encode({**TICKER, "symbol": request.path_params["symbol"]})
    return Response(body, media_type="application/json")


def bare() -> Starlette:
    return Starlette(routes=[Route("/api/prices/{symbol:path}", bare_price)])


@dataclass
class Run:
    """One window of load. ``cpu_us``: processor time of the server per answer, which foreign load hardly moves."""

    rate: float
    p99_ms: float
    cpu_us: float
    core_share: float


@dataclass
class Served:
    port: int
    group: int

    def cpu_s(self) -> float:
        """Processor time that the server's processes have used."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                ours = self.group in (
                    int(fields[1]),
                    int(fields[2]),
                )  # the gateway's processes have sessions of their own
                ticks += (int(fields[11]) + int(fields[12])) * ours
        return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def process(command: list[str], port: int, **environment: str) -> Iterator[Served]:
    """A server that answers on ``port``; its whole group ends with the block."""
    running = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 30
    while True:
        with (
            contextlib.suppress(OSError),
            contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, 1)) as probe,
        ):
            probe.connect()
            break
        if time.monotonic() > deadline or running.poll() is not None:
            raise SystemExit(f"did not start: {' '.join(command)}")
        time.sleep(0.05)
    try:
        yield Served(port, running.pid)
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


@contextlib.contextmanager
def stores(folder: Path, redis_url: str, dsn: str) -> Iterator[tuple[str, str]]:
    """Addresses of Redis and ClickHouse: those given, else servers of our own."""
    with contextlib.ExitStack() as stack:
        if not redis_url:
            port = free_port()
            command = [redis_binary(), "--port", str(port), "--save", "", "--dir", str(folder)]
            stack.enter_context(process(command, port))
            redis_url = f"redis://127.0.0.1:{port}/0"
        if not dsn:
            port = free_port()
            command = [sys.executable, "-m", "local.clickhouse", "--path", str(folder / "ch"), "--port", str(port)]
            stack.enter_context(process(command, port))
            dsn = f"clickhouse://127.0.0.1:{port}"
        yield redis_url, dsn


def settings(redis_url: str, dsn: str, port: int, per_minute: int) -> Settings:
    return Settings(
        redis_url=redis_url,
        clickhouse_dsn=dsn,
        clickhouse_database=DATABASE,
        gateway_port=port,
        gateway_token_secret=SECRET,
        gateway_requests_per_minute=per_minute,
        log_level="error",
    )


@contextlib.contextmanager
def ours(redis_url: str, dsn: str, per_minute: int) -> Iterator[Served]:
    port = free_port()
    chosen = settings(redis_url, dsn, port, per_minute)
    gateway = "import sys; from tapeflow.cli import main; sys.exit(main(['gateway']))"
    with process(["taskset", "-c", "0", sys.executable, "-c", gateway], port, **chosen.environment()) as served:
        while not answers(f"http://127.0.0.1:{port}/health"):
            time.sleep(0.1)
        yield served


@contextlib.contextmanager
def theirs() -> Iterator[Served]:
    port = free_port()
    options = ["--factory", "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--ws", "none"]
    quiet = ["--no-access-log", "--no-server-header", "--log-level", "error"]
    command = ["taskset", "-c", "0", sys.executable, "-m", "uvicorn", *options, *quiet, "bench.gateway_rest:bare"]
    with process(command, port) as served:
        yield served


def undisturbed(served: Served, seconds: int, *options: str) -> Run:
    """A run in which the server had its core to itself; of five tries without one, that which had most of it."""
    tries: list[Run] = []
    for _ in range(5):
        tries.append(wrk(served, seconds, *options))
        if tries[-1].core_share >= 0.9:
            break
    return max(tries, key=lambda run: run.core_share)


def wrk(served: Served, seconds: int, *options: str) -> Run:
    """Load from core 1; fails on any answer that is not 2xx."""
    url = f"http://127.0.0.1:{served.port}/api/prices/BTC%2FUSDT"
    command = ["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{seconds}s", "--latency", *options, url]
    before_s, began = served.cpu_s(), time.perf_counter()
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        raise SystemExit(text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    assert rate is not None
    assert tail is not None
    count = re.search(r"(\d+) requests in", text)
    assert count is not None
    used_s = served.cpu_s() - before_s
    p99_ms = float(tail[1]) * {"us": 0.001, "ms": 1, "s": 1000}[tail[2]]
    return Run(float(rate[1]), p99_ms, used_s * 1e6 / int(count[1]), used_s / (time.perf_counter() - began))


def measure_prices(redis_url: str, dsn: str, folder: Path, rounds: int, seconds: int, command: str) -> list[Figure]:
    """Bare, ours out of the cache, out of Redis, and with each request counted; in turns."""
    ticker = json.dumps(TICKER)
    with redis.Redis.from_url(redis_url) as now:
        now.set("price:BTC/USDT", ticker)
        now.mset({f"price:S{number}": ticker for number in range(1, SYMBOLS_NOT_CACHED + 1)})
    one = make_token(settings(redis_url, dsn, 1, 1), "one")
    many = [make_token(settings(redis_url, dsn, 1, 1), f"user-{number}") for number in range(4000)]
    (folder / "tokens").write_text("\n".join(many) + "\n")
    (folder / "rotate.lua").write_text(ROTATE % (folder / "tokens"))
    (folder / "walk.lua").write_text(WALK % SYMBOLS_NOT_CACHED)
    names = ("rest_bare", "rest_prices", "rest_prices_from_redis", "rest_prices_each_counted")
    found: dict[str, list[Run]] = {name: [] for name in names}
    bearer = ("-H", f"Authorization: Bearer {one}")
    rotate = ("-s", str(folder / "rotate.lua"))
    for _ in range(rounds):
        with theirs() as served:
            wrk(served, 1)
            found["rest_bare"].append(undisturbed(served, seconds))
        with ours(redis_url, dsn, 100_000_000) as served:
            wrk(served, 1, *bearer)
            found["rest_prices"].append(undisturbed(served, seconds, *bearer))
            found["rest_prices_from_redis"].append(wrk(served, seconds, *bearer, "-s", str(folder / "walk.lua")))
        with ours(redis_url, dsn, 999) as served:
            wrk(served, 2, *rotate)
            found["rest_prices_each_counted"].append(wrk(served, seconds, *rotate))
        counted = redis.Redis.from_url(redis_url)
        counted.delete(*counted.keys("gateway:limits*"))
        counted.close()
    bare_rate = statistics.median(run.rate for run in found["rest_bare"])
    bare_us = statistics.median(run.cpu_us for run in found["rest_bare"])
    figures = []
    for name, runs in found.items():
        rate, cpu_us = statistics.median(run.rate for run in runs), statistics.median(run.cpu_us for run in runs)
        is_bare = name == "rest_bare"
        p99_ms = statistics.median(run.p99_ms for run in runs)
        figures += [
            Figure(f"{name}_requests_per_s", rate, "1/s", None if is_bare else rate / bare_rate, command, commit()),
            Figure(f"{name}_cpu_per_request", cpu_us, "us", None if is_bare else bare_us / cpu_us, command, commit()),
            Figure(f"{name}_p99_at_64_connections", p99_ms, "ms", None, command, commit()),
        ]
    return figures


def fill_bars(dsn: str, bars: int) -> int:
    """A table of ``bars`` one-minute bars of SYMBOLS symbols; answers the bars of each."""
    client = Client.from_url(dsn)
    client.execute(f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic")
    for path in sorted((Path(__file__).parents[1] / "schemas" / "clickhouse").glob("*.sql")):
        for statement in path.read_text().replace("{database}", DATABASE).split(";\n"):
            if any(line.strip() and not line.startswith("--") for line in statement.splitlines()):
                client.execute(statement)
    each = bars // SYMBOLS
    held = client.execute(f"SELECT count() FROM {DATABASE}.bars")[0][0]
    for symbol in range(SYMBOLS) if held < each * SYMBOLS else ():
        client.execute(
            f"""INSERT INTO {DATABASE}.bars SELECT 'S{symbol}', '1m',
            fromUnixTimestamp64Milli({FIRST_MS} + toInt64(number) * {MINUTE_MS}, 'UTC') AS start,
            toDecimal128(100 + rand(1) % 100000 / 1000, 10), toDecimal128(200 + rand(2) % 1000 / 10, 10),
            toDecimal128(100 - rand(3) % 1000 / 100, 10), toDecimal128(150 + rand(4) % 1000 / 10, 10),
            toDecimal128(rand(5) % 100000 / 100, 10), toDecimal128(rand(6) % 10000 / 100, 10),
            toDecimal256(rand(7) % 1000000 / 100, 20), toDecimal128(150.5, 10), toDecimal128(1.25, 10),
            rand(8) % 500, 0, number FROM numbers({each})"""
        )
    client.disconnect()
    return each


def measure_bars(redis_url: str, dsn: str, bars: int, command: str) -> list[Figure]:
    """1,000 bars of a random place (cold: never asked before), and the newest 1,000 again and again (warm)."""
    each = fill_bars(dsn, bars)
    cold, warm = [], []
    with ours(redis_url, dsn, 100_000_000) as served:
        client = http.client.HTTPConnection("127.0.0.1", served.port, 30)
        headers = {"Authorization": "Bearer " + make_token(settings(redis_url, dsn, 1, 1), "one")}

        def ask(symbol: int, end_ms: int) -> float:
            began = time.perf_counter()
            query = urlencode({"limit": 1000, "endTime": end_ms})
            client.request("GET", f"/api/ohlc/S{symbol}?{query}", headers=headers)
            answer = client.getresponse()
            body = answer.read()
            took_ms = (time.perf_counter() - began) * 1000
            assert answer.status == 200, body[:300]
            assert body.count(b'"time"') == 1000
            return took_ms

        for number in range(300):
            place = 1000 + number * 7919 % (each - 1000)
            cold.append(ask(number * 37 % SYMBOLS, FIRST_MS + place * MINUTE_MS))
        for _ in range(1000):
            warm.append(ask(0, FIRST_MS + (each - 1) * MINUTE_MS))
    figures = []
    for name, times in (("cold", cold), ("warm", warm[1:])):
        times.sort()
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            value = times[int(len(times) * share)]
            figures.append(Figure(f"rest_ohlc_1000_bars_{name}_{label}_ms", value, "ms", None, command, commit()))
    figures.append(Figure("rest_ohlc_table_bars", float(each * SYMBOLS), "bars", None, command, commit()))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="REST figures")
    parser.add_argument("--json", help="add the figures to this file")
    parser.add_argument(
        "--redis", default="", help="URL of a Redis to use; its keys gateway:* and price:BTC/USDT change"
    )
    parser.add_argument("--clickhouse", default="", help=f"DSN of a ClickHouse to use; gets a database {DATABASE}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--bars", type=int, default=20_000_000)
    given = parser.parse_args()
    require("bench", "wrk", "taskset", two_cores, *(() if given.redis else (redis_binary,)))
    command = f"python -m bench.gateway_rest --rounds {given.rounds} --seconds {given.seconds} --bars {given.bars}"
    with tempfile.TemporaryDirectory() as folder, stores(Path(folder), given.redis, given.clickhouse) as (url, dsn):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        figures = measure_prices(url, dsn, Path(folder), given.rounds, given.seconds, command)
        if given.bars:
            figures += measure_bars(url, dsn, given.bars, command)
    write(figures, given.json)


if __name__ == "__main__":
    main()
