"""The WebSocket gateway of one process: hub, reader, leases and sockets put together.

Data goes Redis → fanout → hub → frames → sockets; words of clients go the other way. Everything runs on one loop, so
nothing is locked. When a flush happens ``flusher`` says: at once after a quiet time, within ``flush_ms`` under load,
and earlier where a channel has a full batch. Between two flushes nothing is written but pongs and closes. On SIGTERM it
stops listening, closes every client with 1001 and a time to come back at, and waits for them to go.
"""

import asyncio
import contextlib
import random
import signal
import socket
import time
import uuid
from dataclasses import replace
from typing import Any, Final

import msgspec
import structlog
import uvloop

from core.fanout.client import HELD_BY_TRANSPORT, Client
from core.fanout.dialect import Dialect, Variant
from core.fanout.hub import Hub
from core.fanout.stats import candle_stats, hub_stats
from gateway.access.auth import TokenAuthorizer, listen_host, make_authorizer
from gateway.access.principal import Authorizer
from gateway.messages.candles import CANDLES
from gateway.port.open_files import raise_open_files
from gateway.stores.redis_pool import REDIS_ERRORS, Redis, end_tasks, open_redis
from gateway.stores.ws_stats import SharedWsStats
from gateway.ws.admission import Admission, Handshake, Refusal
from gateway.ws.connection import Connection, serve
from gateway.ws.demand import Demand
from gateway.ws.dialects.analytics import AnalyticsDialect
from gateway.ws.dialects.candles import CandlesDialect
from gateway.ws.dialects.prices import PricesDialect
from gateway.ws.dialects.quotes import QuotesDialect
from gateway.ws.entrance import Entrance
from gateway.ws.fanout import Fanout
from gateway.ws.flusher import Flusher
from gateway.ws.frames import Packer, is_binary
from gateway.ws.listening import listening_socket, tls_context
from gateway.ws.metrics import WsMetrics
from gateway.ws.options import WsOptions, boot_clock_ms
from gateway.ws.quote_reader import QuoteReader
from gateway.ws.session import Session
from runtime.garbage import keep_what_is_loaded
from runtime.settings.whole import Settings
from runtime.tracing.names import CLIENT_ID, HTTP_ROUTE
from runtime.tracing.tracer import SERVER, LiveSpan, tracer
from schemas.channels import ALERTS
from schemas.contract import CLOSE_AWAY
from schemas.errors import Unreachable

__all__ = ["WebSocketGateway", "run_websocket_gateway"]

DIALECTS: Final[tuple[Dialect, ...]] = (PricesDialect(), CandlesDialect(), QuotesDialect(), AnalyticsDialect())
ALIASES: Final = dict.fromkeys(CANDLES.aliases, CANDLES.path)
TICK_S: Final = 0.1
SWEEP_TICKS: Final = 10
STATS_S: Final = 5.0
REDIS_TIMEOUT_MS: Final = 5_000
log = structlog.get_logger(__name__)


class WebSocketGateway:
    """Also the Host of the entrance and the Door of its connections: see entrance and connection.

    ``queue``: where REST takes connections from; without one this process answers what it can itself.
    """

    def __init__(
        self,
        options: WsOptions,
        authorizer: Authorizer,
        redis: Redis,
        queue: socket.socket | None = None,
    ) -> None:
        self.options = options
        self.name = uuid.uuid4().hex[:12]
        self.hub = Hub(options.limits, lossless=(ALERTS,))
        self.admission = Admission(options, authorizer)
        self.fanout = Fanout(redis, self.hub, boot_clock_ms, on_input=self.poke_now)
        self.quotes = QuoteReader(redis, self.hub, self.fanout.counts, self.poke_now)
        self.demand = Demand(redis, self.name, lambda: self.hub.watched)
        self.metrics = WsMetrics(self.stats)
        self.flusher = Flusher(self.hub, self.metrics, self.fanout.wake_loader, self.fanout.take_traceparents)
        self.port = 0
        self._shared = SharedWsStats(redis)
        self._sessions: dict[Session, LiveSpan | None] = {}
        self._variants: dict[tuple[str, str, bool], Variant] = {}
        self._paths = {dialect.path: dialect for dialect in DIALECTS}
        self._paths |= {alias: self._paths[path] for alias, path in ALIASES.items()}
        self._tasks: list[asyncio.Task[None]] = []
        self._queue = queue
        self._entrances: list[Entrance] = []
        self._empty: asyncio.Event | None = None  # while stopping: set when the last client is gone
        self._client_number = 0
        self._ticks = 0

    # Life.

    async def start(self) -> None:
        """Reads the streams' positions, then listens. Raises Unreachable or SettingError."""
        try:
            await self.quotes.start()
            await self.fanout.start()
        except REDIS_ERRORS as error:
            raise Unreachable(f"Redis does not answer: {error}", mend="start it or set TAPEFLOW_REDIS_URL") from error
        jobs = (
            self.fanout.read_for_ever(),
            self.fanout.load_for_ever(),
            self.fanout.control_for_ever(),
            self.quotes.read_for_ever(),
            self.demand.keep(),
            self._tick_for_ever(),
            self._tell_stats(),
        )
        self._listen()
        self._tasks = [asyncio.create_task(job) for job in jobs]
        for task in self._tasks:
            task.add_done_callback(_fail_loudly)
        log.info("websocket_started", host=self.options.host, port=self.port, gateway=self.name)

    def _listen(self) -> None:
        options, context = self.options, tls_context(self.options)
        doors = [(options, self._queue)]
        if options.rest_port and self._queue is not None:
            doors.append((replace(options, port=options.rest_port), self._queue))
        if options.process_port:
            doors.append((replace(options, port=options.process_port, reuse_port=False), None))
        for chosen, queue in doors:
            self._entrances.append(Entrance(self, chosen, listening_socket(chosen), queue, context))
        for entrance in self._entrances:
            entrance.open()
        self.port = self._entrances[0].port

    async def stop(self) -> None:
        """Stops listening, tells every client to come back later, and waits for them to go."""
        for entrance in self._entrances:
            entrance.close()
        self.flusher.finish()
        for session in list(self._sessions):
            wait_ms = random.randrange(self.options.jitter_ms + 1)  # noqa: S311 - spreads reconnects, no secret
            session.close(CLOSE_AWAY, f"shutting down: reconnect in {wait_ms} ms")
        if not self._is_empty():
            self._empty = asyncio.Event()
            with contextlib.suppress(TimeoutError):  # who is still there then is cut off with the process
                async with asyncio.timeout(self.options.drain_s):
                    await self._empty.wait()
        await end_tasks(self._tasks)
        self.flusher.close()
        with contextlib.suppress(*REDIS_ERRORS):  # leases end by themselves
            await self.demand.release()
            await self._shared.withdraw(self.name)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._ticks += 1
            self.poke()
            if self._ticks % SWEEP_TICKS == 0:
                now_ms = boot_clock_ms()
                for entrance in self._entrances:
                    entrance.look(now_ms)
                for session in list(self._sessions):
                    session.tick(now_ms, ping_ms=self.options.ping_ms, pong_ms=self.options.pong_ms)

    async def _tell_stats(self) -> None:
        while True:
            self.metrics.refresh()
            with contextlib.suppress(*REDIS_ERRORS):  # the next time will do
                await self._shared.publish(self.name, self.stats())
            await asyncio.sleep(STATS_S)

    # The Host and the Door.

    def now_ms(self) -> int:
        return boot_clock_ms()

    def poke(self) -> None:
        self.flusher.poke()

    def poke_now(self) -> None:
        self.flusher.poke_now()

    @property
    def connections(self) -> int:
        return self.admission.connections

    def serve(self, transport: Any, head: bytes, unread: bytes, peer: str) -> None:
        serve(self, self.options, transport, head, unread, peer)

    def page(self, path: str) -> tuple[bytes, str] | None:
        if path == "/health":
            return b'{"status":"ok"}', "application/json"
        if path == "/health/ws-stats":
            return msgspec.json.encode(self.stats()), "application/json"
        if path == "/metrics":
            return self.metrics.render(), "text/plain; version=0.0.4"
        return None

    def has_path(self, path: str) -> bool:
        return path in self._paths

    def opened(self, handshake: Handshake, address: str, link: Connection) -> Session | None:
        self.admission.enter(address)
        verdict = self.admission.judge(handshake, address)
        if isinstance(verdict, Refusal):
            link.close(verdict.code, verdict.reason)
            return None
        now_ms = boot_clock_ms()
        self._client_number += 1
        encoding, deflate = handshake.protocol or "json", bool(handshake.deflate)
        client = Client(
            f"{self.name}-{self._client_number}",
            self._variant(self._paths[handshake.path], encoding, deflate=deflate),
            now_ms,
            self.options.limits,
            user_id=verdict.user_id,
            may_see=verdict.may_see,
            may_join=verdict.may_join,
        )
        session = client.sink = Session(
            self.hub,
            client,
            link,
            now_ms,
            deflate=deflate,
            msgpack=is_binary(encoding),
            inbound_max=self.options.inbound_max,
            expires_s=verdict.exp,
        )
        self._sessions[session] = _span_of(handshake, client) if tracer().is_on else None
        self.hub.connect(client, now_ms)
        if client.replies:
            self.poke()
        return session

    def closed(self, address: str, session: Session | None) -> None:
        self.admission.leave(address)
        if session is not None:
            session.closing = True
            self.hub.disconnect(session.client)
            if (span := self._sessions.pop(session, None)) is not None:
                span.end()
        self.left()

    def left(self) -> None:
        if self._empty is not None and self._is_empty():
            self._empty.set()

    def _is_empty(self) -> bool:
        return not self.admission.connections and not any(entrance.splices for entrance in self._entrances)

    def held(self, session: Session, full: bool) -> None:
        if full:
            self.hub.delivery.hold(session.client, HELD_BY_TRANSPORT, boot_clock_ms())
        else:
            self.hub.delivery.release(session.client, HELD_BY_TRANSPORT)
        self.poke()

    def _variant(self, dialect: Dialect, encoding: str, *, deflate: bool) -> Variant:
        key = (dialect.name, encoding, deflate)
        if key not in self._variants:
            name = f"{dialect.name}/{encoding}{'+deflate' if deflate else ''}"
            self._variants[key] = Variant(name, dialect, Packer(encoding, deflate=deflate))
        return self._variants[key]

    def stats(self) -> dict[str, object]:
        """What /health/ws-stats shows of this process; times in ms since the epoch."""
        return {
            "connections": self.admission.connections,
            **hub_stats(self.hub),
            **candle_stats(self.hub),
            "bytes": self.flusher.written,
            "inputConnected": self.fanout.connected,
            **{f"input_{name}": count for name, count in sorted(self.fanout.counts.items())},
            **{f"refused_{code}": count for code, count in sorted(self.admission.refused.items())},
        }


def _span_of(handshake: Handshake, client: Client) -> LiveSpan | None:
    about = {HTTP_ROUTE: handshake.path, CLIENT_ID: client.client_id}
    name, began_ns = f"session {handshake.path}", time.time_ns()
    return tracer().begin(name, SERVER, began_ns, [handshake.traceparent], about, enters=True)


def _fail_loudly(task: asyncio.Task[None]) -> None:
    """A job that died of a defect must not leave a gateway that looks alive: SIGTERM ourselves, which drains."""
    if not task.cancelled() and task.exception() is not None:
        log.error("job_failed", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


def run_websocket_gateway(settings: Settings, queue: socket.socket | None = None, *, share_port: bool = False) -> None:
    """Serves until SIGTERM or SIGINT; raises Unreachable or SettingError when it can't start."""
    uvloop.run(_run(settings, queue, share_port))


async def _run(settings: Settings, queue: socket.socket | None, share_port: bool) -> None:
    authorizer = make_authorizer(settings)
    files = raise_open_files(settings.gateway_clients_max)
    options = WsOptions.from_settings(settings, listen_host(settings, authorizer), files, share_port=share_port)
    redis = open_redis(settings.redis_url, REDIS_TIMEOUT_MS)
    gateway = WebSocketGateway(options, authorizer, redis, queue)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    keys = asyncio.create_task(authorizer.keep_keys()) if isinstance(authorizer, TokenAuthorizer) else None
    try:
        await gateway.start()
        keep_what_is_loaded()
        await stopped.wait()
        log.info("websocket_drain_began", clients=gateway.admission.connections)
    finally:
        await gateway.stop()
        if keys is not None:
            keys.cancel()
        await redis.aclose(close_connection_pool=True)
