"""The REST process on a free port, and a small market in real stores, for tests of REST and SSE.

Test modules name this file in ``pytest_plugins``. RestServer starts what ``tapeflow gateway`` starts, with settings of
the test; ``market`` is a database of its own in the run's ClickHouse and a numbered database of the run's Redis.
"""

import http.client
import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
import redis
from clickhouse_driver import Client

from gateway.access.auth import make_token
from local.ports import free_port
from local.process import ServerProcess
from runtime.settings.whole import Settings
from schemas.names import SYMBOLS_KEY

SECRET = "integration-secret-integration-secret"
SERVE = """
import socket, threading
from gateway.rest.app import serve_rest
from gateway.port.handover import Passed, hand_over, open_queue
from runtime.logging import configure_logging
from runtime.settings.whole import load_settings

def accept():
    while True:
        connection, peer = listener.accept()
        with connection:
            hand_over(giving, connection, Passed(*peer, False, b""))

settings = load_settings()
configure_logging("json")
giving, taking = open_queue()
listener = socket.create_server(("127.0.0.1", settings.gateway_port))
threading.Thread(target=accept, daemon=True).start()
serve_rest(settings, taking)
"""
MINUTE_MS = 60_000
NOW_MS = int(time.time() * 1000)
OPEN_MS = NOW_MS // MINUTE_MS * MINUTE_MS  # start of the live one-minute bar


def eventually(holds: Callable[[], Any], within_s: float = 30.0) -> Any:
    """The first true answer of ``holds``; fails after ``within_s``."""
    deadline = time.monotonic() + within_s
    pause = time.monotonic()
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s} s"
        while time.monotonic() < pause:
            pass
        pause = time.monotonic() + 0.02


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body, parse_float=Decimal, parse_int=Decimal)


class RestServer:
    """One REST process; a context manager. ``changed`` are settings by name."""

    def __init__(self, folder: Path, **changed: Any) -> None:
        self.port = free_port()
        self.settings = Settings(
            **{
                "gateway_port": self.port,
                "gateway_requests_per_minute": 0,
                "gateway_token_secret": SECRET,
                **changed,
            }
        )
        environment = [f"{name}={value}" for name, value in self.settings.environment().items()]
        command = ["env", *environment, sys.executable, "-c", SERVE]
        self.log = folder / f"rest-{self.port}.log"
        self.process = ServerProcess("rest", command, partial(self._answers), self.log, marker=str(self.port))

    def _answers(self) -> bool:
        try:
            return self.get("/health", token="").status == 200
        except OSError:
            return False

    def token(self, user: str = "u1", symbols: tuple[str, ...] = ("*",), **more: Any) -> str:
        return make_token(self.settings, user, symbols=symbols, **more)

    def ask(
        self, method: str, path: str, *, token: str | None = None, body: bytes | None = None, **headers: str
    ) -> Answer:
        """One request on its own connection; without ``token`` as user u1 who may see everything, "" sends none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = self.token() if token is None and self.settings.gateway_token_secret else token
        if given:
            named["authorization"] = f"Bearer {given}"
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, *, token: str | None = None, **headers: str) -> Answer:
        return self.ask("GET", path, token=token, **headers)

    def __enter__(self) -> Self:
        self.process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()


def bar_json(symbol: str, start_ms: int, sequence: int, *, final: bool = True, **changed: Any) -> bytes:
    """A bar as the flow writes it to Redis."""
    bar = {
        "type": "bar",
        "symbol": symbol,
        "interval": "1m",
        "time": start_ms,
        "open": 100,
        "high": 101.5,
        "low": 99.25,
        "close": 101,
        "volume": 7,
        "quoteVolume": 703.5,
        "vwap": 100.5,
        "tradeCount": 3,
        "buyVolume": 4,
        "stddev": 0.5,
        "final": final,
        "revision": 0,
        "sequence": sequence,
    }
    return json.dumps({**bar, **changed}, separators=(",", ":")).encode()


class Market:
    """Writers into the stores that tests of REST share: each takes symbols of its own."""

    def __init__(self, redis_url: str, dsn: str, database: str) -> None:
        self.redis_url, self.dsn, self.database = redis_url, dsn, database
        self.redis = redis.Redis.from_url(redis_url)
        self.clickhouse = Client.from_url(dsn)

    def migrate(self) -> None:
        self.clickhouse.execute(f"CREATE DATABASE IF NOT EXISTS {self.database} ENGINE = Atomic")
        for path in sorted((Path(__file__).parents[3] / "schemas" / "clickhouse").glob("*.sql")):
            for statement in path.read_text().replace("{database}", self.database).split(";\n"):
                if any(line.strip() and not line.startswith("--") for line in statement.splitlines()):
                    self.clickhouse.execute(statement)

    def settings(self) -> dict[str, Any]:
        return {
            "redis_url": self.redis_url,
            "clickhouse_dsn": self.dsn,
            "clickhouse_database": self.database,
            "gateway_price_cache_ms": 0,
            "gateway_redis_timeout_ms": 10_000,  # tests of outages set their own; elsewhere a slow disk is no outage
        }

    def add_symbol(self, symbol: str) -> None:
        self.redis.hset(f"symbol:{symbol}", mapping={"exchange": "X", "first_seen": 1, "last_seen": 2, "shard": 0})
        self.redis.sadd(SYMBOLS_KEY, symbol)

    def add_bars(self, symbol: str, starts_ms: list[int], sequences: list[int], **changed: Any) -> None:
        """One-minute bars in ClickHouse."""
        columns = {
            "symbol": symbol,
            "interval": "1m",
            "open": Decimal("100.0000000001"),
            "high": Decimal("101.5"),
            "low": Decimal("99.25"),
            "close": Decimal(101),
            "volume": Decimal("123456789012345678.0123456789"),
            "buy_volume": Decimal(4),
            "quote_volume": Decimal("703.00000000000000000001"),
            "vwap": Decimal("100.5"),
            "stddev": Decimal("0.5"),
            "trade_count": 3,
            "revision": 0,
            **changed,
        }
        rows = [
            {**columns, "start": datetime.fromtimestamp(start / 1000, UTC), "version": sequence}
            for start, sequence in zip(starts_ms, sequences, strict=True)
        ]
        names = ", ".join(rows[0])
        self.clickhouse.execute(f"INSERT INTO {self.database}.bars ({names}) VALUES", rows)

    def add_trades(self, symbol: str, trades: list[dict[str, Any]]) -> None:
        """Trades with time_us, price, size, offset and what else is given."""
        base = {"side": "BUY", "trade_id": "", "exchange": "X", "kafka_partition": 0}
        rows = []
        for trade in trades:
            row = {**base, **trade, "symbol": symbol}
            time_us, offset = row.pop("time_us"), row.pop("offset")
            whole, part = divmod(time_us, 1_000_000)
            at = datetime.fromtimestamp(whole, UTC).replace(microsecond=part)
            rows.append({**row, "event_time": at, "kafka_time": at, "kafka_offset": offset, "sequence": offset})
        names = ", ".join(rows[0])
        self.clickhouse.execute(f"INSERT INTO {self.database}.trades ({names}) VALUES", rows)


@pytest.fixture(scope="session")
def market(redis_url: str, clickhouse_dsn: str) -> Iterator[Market]:
    found = Market(redis_url.rpartition("/")[0] + "/7", clickhouse_dsn, f"rest_{uuid.uuid4().hex[:10]}")
    found.redis.flushdb()
    found.migrate()
    yield found
    found.redis.flushdb()
    found.redis.close()
    found.clickhouse.execute(f"DROP DATABASE {found.database} SYNC")
    found.clickhouse.disconnect()


@pytest.fixture(scope="session")
def rest(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RestServer]:
    """A server with a token secret, without a request limit, and prices that are not cached."""
    with RestServer(tmp_path_factory.mktemp("rest"), **market.settings()) as server:
        yield server
