"""``/health``, ``/health/ready``, ``/health/ws-stats`` and ``/metrics``: what operators and load balancers ask.

Liveness asks nothing of anyone else. Readiness asks every dependency, each within a bound and on a connection of its
own, at most once a second however many ask, and names the one that fails. Redis and the token keys are needed to be
ready; without ClickHouse or the event log the gateway is degraded but still worth sending users to. None of it needs a
token, and none of it shows who a user is or where a server stands.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Literal

import msgspec
import structlog

from gateway.rest.endpoint import Call, Operation
from gateway.rest.metrics import RestMetrics
from gateway.rest.reply import Reply
from gateway.stores.breaker import BreakerOpenError, CircuitBreaker
from gateway.stores.clickhouse import HistoryDefectError, HistoryTooSlowError, HistoryUnavailableError
from gateway.stores.now import NowUnavailableError
from gateway.stores.ws_stats import WsProcess, WsStats

__all__ = ["Dependency", "Health"]

FAILURES: Final = (
    NowUnavailableError,
    HistoryUnavailableError,
    HistoryTooSlowError,
    HistoryDefectError,
    BreakerOpenError,
)
CHECK_S_MAX: Final = 2.0
READY_S: Final = 1.0  # for so long an answer is given again
log = structlog.get_logger(__name__)
NO_STORE: Final = [(b"cache-control", b"no-store")]
WS_STATS_EXAMPLE: Final = {
    "connections": 12,
    "broadcaster": {
        "totalRooms": 1,
        "totalClients": 12,
        "rooms": [
            {
                "key": "BTC/USDT:1m",
                "clientCount": 12,
                "hasCandle": True,
                "lastBroadcast": 1767225600123,
            }
        ],
    },
    "aggregator": {"oneMinuteCandlesCount": 108},
    "gateways": [{"gateway": "ws-1", "updatedAt": 1767225600123, "stats": {"clients": 12}}],
}


class Dependency(msgspec.Struct, rename="camel"):
    status: Literal["up", "down"]
    needed: bool
    latency_ms: float
    breaker: str = "closed"
    error: str = ""


class Alive(msgspec.Struct, rename="camel"):
    status: Literal["ok"]
    uptime_s: int


class Ready(msgspec.Struct, rename="camel"):
    status: Literal["ready", "degraded", "down"]
    dependencies: dict[str, Dependency]


class Room(msgspec.Struct, rename="camel"):
    """Clients of one symbol's bars of one interval; ``lastBroadcast`` in ms since the epoch."""

    key: str
    client_count: int
    has_candle: bool
    last_broadcast: int | None


class Broadcaster(msgspec.Struct, rename="camel"):
    """Rooms of candles; the list ends at a thousand for each process."""

    total_rooms: int = 0
    total_clients: int = 0
    rooms: list[Room] = []


class Aggregator(msgspec.Struct, rename="camel"):
    """One-minute bars that gateways hold for their clients."""

    one_minute_candles_count: int = 0


class WsStatsAnswer(msgspec.Struct, rename="camel"):
    """All living WebSocket processes together, and ``gateways``, an entry for each."""

    connections: int
    broadcaster: Broadcaster
    aggregator: Aggregator
    gateways: list[WsProcess]


class Check:
    """One dependency: how to ask it, and whether the gateway is of use without it.

    The answer is public and says no addresses; the log has the whole text, once for each change.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[None]], *, needed: bool, breaker: CircuitBreaker | None = None
    ) -> None:
        self._ask = ask
        self._needed = needed
        self._breaker = breaker
        self._error = ""

    async def run(self, name: str) -> Dependency:
        began = time.perf_counter()
        error = cause = ""
        try:
            async with asyncio.timeout(CHECK_S_MAX):
                await self._ask()
        except (TimeoutError, HistoryTooSlowError) as failure:
            error, cause = "no answer in time", repr(failure)
        except HistoryDefectError as failure:
            error, cause = "the query fails on the server", str(failure)
        except FAILURES as failure:
            error, cause = "not reachable", str(failure)
        if error != self._error:
            self._error = error
            log.warning("dependency_changed", dependency=name, status="down" if error else "up", error=cause)
        latency_ms = round((time.perf_counter() - began) * 1000, 3)
        breaker = self._breaker.state if self._breaker else "closed"
        return Dependency("down" if error else "up", self._needed, latency_ms, breaker, error)


class Health:
    """Handlers of health and metrics; ``checks`` by the dependency's name."""

    def __init__(self, checks: dict[str, Check], ws_stats: WsStats, metrics: RestMetrics) -> None:
        self._checks = checks
        self._ws_stats = ws_stats
        self._metrics = metrics
        self._began = time.monotonic()
        self._asked: asyncio.Task[Ready] | None = None
        self._asked_s = 0.0

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/health",
                self.alive,
                "getHealth",
                "health",
                "Liveness",
                Alive,
                public=True,
                limited=False,
                example={"status": "ok", "uptimeS": 86400},
            ),
            Operation(
                "GET",
                "/health/ready",
                self.ready,
                "getReadiness",
                "health",
                "Readiness, with each dependency",
                Ready,
                public=True,
                limited=False,
                description="503 with the same body where a needed dependency is down.",
                example={
                    "status": "ready",
                    "dependencies": {
                        "redis": {"status": "up", "needed": True, "latencyMs": 0.4, "breaker": "closed", "error": ""}
                    },
                },
            ),
            Operation(
                "GET",
                "/health/ws-stats",
                self.ws_stats,
                "getWsStats",
                "health",
                "Rooms and clients of the WebSocket gateways",
                WsStatsAnswer,
                public=True,
                limited=False,
                example=WS_STATS_EXAMPLE,
            ),
            Operation(
                "GET",
                "/metrics",
                self.metrics,
                "getMetrics",
                "health",
                "Prometheus metrics",
                str,
                public=True,
                limited=False,
                content_type="text/plain; version=0.0.4",
                example="tapeflow_sse_clients 3.0\n",
            ),
        )

    async def alive(self, call: Call) -> Reply:  # noqa: ARG002 - a handler's shape
        body = msgspec.json.encode(Alive("ok", int(time.monotonic() - self._began)))
        return Reply(body, headers=NO_STORE)

    async def ready(self, call: Call) -> Reply:  # noqa: ARG002 - a handler's shape
        now_s = time.monotonic()
        if self._asked is None or (self._asked.done() and now_s - self._asked_s >= READY_S):
            self._asked_s, self._asked = now_s, asyncio.create_task(self._ask())
        answer = await asyncio.shield(self._asked)  # one who leaves takes it from nobody else
        return Reply(msgspec.json.encode(answer), 503 if answer.status == "down" else 200, headers=NO_STORE)

    async def _ask(self) -> Ready:
        found = await asyncio.gather(*(check.run(name) for name, check in self._checks.items()))
        dependencies = dict(zip(self._checks, found, strict=True))
        down = [each for each in found if each.status == "down"]
        needed_down = any(each.needed for each in down)
        return Ready("down" if needed_down else "degraded" if down else "ready", dependencies)

    async def ws_stats(self, call: Call) -> Reply:  # noqa: ARG002 - a handler's shape
        return Reply(msgspec.json.encode(_together(await self._ws_stats.read())), headers=NO_STORE)

    async def metrics(self, call: Call) -> Reply:  # noqa: ARG002 - a handler's shape
        return Reply(self._metrics.render(), content_type=b"text/plain; version=0.0.4; charset=utf-8", headers=NO_STORE)


def _together(processes: list[WsProcess]) -> WsStatsAnswer:
    """Counts of all processes added up; a room that several of them have is one room."""
    rooms: dict[str, Room] = {}
    broadcaster, aggregator = Broadcaster(0, 0, []), Aggregator(0)
    for stats in (each.stats for each in processes):
        theirs = msgspec.convert(stats.get("broadcaster", {}), Broadcaster)
        broadcaster.total_clients += theirs.total_clients
        aggregator.one_minute_candles_count += int(stats.get("aggregator", {}).get("oneMinuteCandlesCount", 0))
        for room in theirs.rooms:
            held = rooms.setdefault(room.key, Room(room.key, 0, False, None))
            held.client_count += room.client_count
            held.has_candle |= room.has_candle
            held.last_broadcast = max(held.last_broadcast or 0, room.last_broadcast or 0) or None
        broadcaster.total_rooms = max(broadcaster.total_rooms, theirs.total_rooms, len(rooms))
    broadcaster.rooms = [rooms[key] for key in sorted(rooms)]
    connections = sum(int(each.stats.get("connections", 0)) for each in processes)
    return WsStatsAnswer(connections, broadcaster, aggregator, processes)
