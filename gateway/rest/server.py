"""The HTTP server (uvicorn) of REST and SSE, for connections that another process accepted.

This file alone knows uvicorn. Connections come from gateway.port.handover with the bytes that were read already. A
request has a time limit from its first byte to its last, and its head one in size, as a client that never finishes
would keep a connection for ever. Where files run out, the connection that has been idle longest makes room.
"""

import asyncio
import contextlib
import logging
import secrets
import signal
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.port.deadlines import Deadlines
from gateway.port.episode import Episode
from gateway.port.handover import Passed, take
from gateway.rest.endpoint import Later
from gateway.rest.errors import bad_request, encode_error
from gateway.rest.reply import WHOLE, Headers, Sent
from gateway.rest.straight import Straight
from gateway.rest.streaming import CUT
from gateway.rest.wire import whole_answer

__all__ = ["RestServer"]

KEEP_ALIVE_S: Final = 75  # longer than the proxies' usual 60 s, so that they are the ones to close
REQUEST_S: Final = 10.0
HEAD_BYTES_MAX: Final = 65_536
DRAIN_S: Final = 8
TAKES: Final = 64  # connections in one turn of the loop
LOOK_S: Final = 1.0
_END: Final = b"Connection: close\r\nContent-Length: 0\r\n\r\n"
SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\n" + _END
TOO_BIG: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _END
BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n" + _END


NOBODY_WAITS: Final = asyncio.Event()
"""For a request without a body."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol of one connection, with limits. ``passed`` knows the client where its socket does not."""

    def __init__(self, server: "RestServer", passed: Passed) -> None:
        super().__init__(server.config, server.server_state, server.lifespan.state)
        self._rest_server, self._passed = server, passed
        self._head_bytes = 0
        self._in_head = False
        self._receiving = False  # between the first byte of a request and its last
        self._may_answer = False  # no more than one at once of each read, so that others get their turn
        self._answered = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.client = (self._passed.peer, self._passed.port)
        if self._passed.secure:
            self.scheme = "https"
        if self._passed.head:
            self.data_received(self._passed.head)

    def data_received(self, data: bytes) -> None:
        self._rest_server.idle.end(self)
        self._receiving = self._may_answer = True
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._receiving:
            self._rest_server.late.begin(self)
        elif self._is_free:
            self._rest_server.idle.begin(self)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self.refuse(TOO_BIG)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._receiving = True

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        if self._answer_at_once():
            return
        extensions: Any = {CUT: self.transport.abort}
        self.scope["extensions"] = extensions
        super().on_headers_complete()
        extensions[WHOLE] = partial(_send_whole, self.cycle)

    def on_message_complete(self) -> None:
        self._receiving = False
        self._rest_server.late.end(self)
        if self._answered:  # and had no body
            self._answered = False
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's, but for its timer: ``idle`` closes what is kept for nothing."""
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._receiving:
            self._rest_server.idle.begin(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest_server.late.end(self)
        self._rest_server.idle.end(self)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What isn't HTTP is refused in the words that every error of REST has."""
        request_id = secrets.token_hex(8)
        body = encode_error(bad_request(msg), request_id)
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.transport.write(f"{head}X-Request-Id: {request_id}\r\nConnection: close\r\n\r\n".encode() + body)
        self.transport.close()

    @property
    def _is_free(self) -> bool:
        """Whether no request waits for its answer."""
        return self.cycle is None or self.cycle.response_complete

    def _answer_at_once(self) -> bool:
        """Whether the request was answered already, as nothing had to be waited for."""
        if not self._may_answer or self.flow.write_paused or not self._is_free:
            return False
        self._may_answer = False
        parser = self.parser
        if parser.get_method() != b"GET" or parser.get_http_version() != "1.1" or not parser.should_keep_alive():
            return False
        found = self._rest_server.at_hand(self.url, self.headers, self._passed.peer)
        if found is None:
            return False
        if isinstance(found, Sent):
            self.transport.write(whole_answer(*found))
        else:
            self.cycle = waiting = _Waiting()  # type: ignore[assignment]  # what comes meanwhile waits for its turn
            task = self.loop.create_task(self._answer_when_there(waiting, found))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        self._answered = True
        return True

    async def _answer_when_there(self, waiting: "_Waiting", later: Later) -> None:
        try:
            found = await later
            if self.flow.write_paused:
                await self.flow.drain()
            if found is not None and not waiting.disconnected:
                self.transport.write(whole_answer(*found, closes=not waiting.keep_alive))
                waiting.response_complete = waiting.keep_alive
        finally:
            if not waiting.response_complete:
                waiting.response_complete = True
                self.transport.close()
        self.on_response_complete()

    def refuse(self, answer: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._is_free:
            self.transport.write(answer)
        self.transport.close()


class _Waiting:
    """Stands for uvicorn's cycle of a request that is answered past it, where its protocol asks about one."""

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self) -> None:
        self.disconnected = self.response_complete = False
        self.keep_alive = True
        self.message_event = NOBODY_WAITS


def _send_whole(cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
    """What uvicorn makes of ASGI's two messages, in one write; False where it has to wait for the client."""
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    answer = whole_answer(status, headers, body, closes=not cycle.keep_alive)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(answer)
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


class RestServer(uvicorn.Server):
    """Serves ``app`` to what comes through ``queue``, until SIGTERM or SIGINT.

    sockets_max: connections at once; on_drain is called when it is asked to stop, to end what ends by nothing else.
    """

    def __init__(self, app: Straight, queue: socket.socket, sockets_max: int, on_drain: Callable[[], None]) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # below are what clients do
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # our own limits know how many proxies to trust
                timeout_graceful_shutdown=DRAIN_S,
            )
        )
        self._queue, self._sockets_max, self._on_drain = queue, sockets_max, on_drain
        self.at_hand = app.at_hand
        self.late: Deadlines[BoundedHttp] = Deadlines(REQUEST_S, lambda each: each.refuse(SLOW))
        self.idle: Deadlines[BoundedHttp] = Deadlines(KEEP_ALIVE_S, lambda each: each.transport.close())
        self._full = Episode("rest_connections_full", sockets_max=sockets_max)
        self._no_files = Episode("open_files_exhausted", mend="raise ulimit -n")
        self._joining: set[asyncio.Task[Any]] = set()
        self._look: asyncio.TimerHandle | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's shape
        await super().startup(sockets=[])
        asyncio.get_running_loop().add_reader(self._queue.fileno(), self._take)
        self._look_again()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's shape
        asyncio.get_running_loop().remove_reader(self._queue.fileno())
        self._take()  # who came in before is answered
        await asyncio.gather(*self._joining)
        if self._look is not None:
            self._look.cancel()
        self.late.stop()
        self.idle.stop()
        self._on_drain()
        await super().shutdown(sockets=[])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again at the end, which would make a drained process look killed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, setattr, self, "should_exit", True)
        yield

    def _look_again(self) -> None:
        for episode in (self._full, self._no_files):
            episode.look(_now_ms())
        self._look = asyncio.get_running_loop().call_later(LOOK_S, self._look_again)

    def _take(self) -> None:
        for _ in range(TAKES):
            try:
                found = take(self._queue)
            except EOFError:
                asyncio.get_running_loop().remove_reader(self._queue.fileno())
                return
            if found is None:
                return
            connection, passed = found
            if connection is None:
                self._no_files.happened(_now_ms())
                self._make_room()
            elif self._has_room():
                task = asyncio.create_task(self._join(connection, passed))
                self._joining.add(task)
                task.add_done_callback(self._joining.discard)
            else:
                with connection, contextlib.suppress(OSError):
                    connection.send(BUSY)

    def _has_room(self) -> bool:
        if len(self.server_state.connections) + len(self._joining) < self._sockets_max:
            return True
        self._full.happened(_now_ms())
        return self._make_room()

    def _make_room(self) -> bool:
        """Closes the connection that has been idle longest; False where all are at work."""
        longest = self.idle.take_oldest()
        if longest is None:
            return False
        longest.transport.close()
        return True

    async def _join(self, connection: socket.socket, passed: Passed) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: BoundedHttp(self, passed), connection)
        except OSError:  # it is gone
            connection.close()


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
