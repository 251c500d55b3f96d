"""The one port: accepts connections, reads what they want, and brings each to the half that serves it.

Upgrades to WebSocket stay in this process, everything else goes to REST by gateway.port.handover, whole: the socket
and the bytes that were read. Connections that have said nothing yet are bounded in number, per address and in all, and
in time; the one that has been silent longest makes room for a new one. One that came just now is given time to speak:
when many clients come back at once, those that don't fit yet wait in the kernel. When files run out, accepting pauses.
None of this disturbs who is connected, and each is two lines in the log, however long it lasts.
"""

import asyncio
import contextlib
import errno
import re
import socket
import ssl
from collections import OrderedDict
from typing import Any, Final, Protocol

import aiofastnet
import structlog
from aiofastnet.selector_transport import SelectorSocketTransport  # type: ignore[import-not-found]

from gateway.port.deadlines import Deadlines
from gateway.port.episode import Episode
from gateway.port.handover import Passed, hand_over
from gateway.ws.options import WsOptions, boot_clock_ms
from gateway.ws.splice import Splice

__all__ = ["Entrance", "Host", "split_head", "wants_websocket"]

ACCEPTS_MAX: Final = 16  # in one turn of the loop, which fans out besides
HEAD_BYTES_MAX: Final = 16_384
SCRATCH: Final = memoryview(bytearray(HEAD_BYTES_MAX))
NO_FILES_PAUSE_S: Final = 0.5
YOUNG_MS: Final = 250  # long enough for a request to arrive from anywhere
YOUNG_PAUSE_S: Final = 0.02
NO_FILES: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
UPGRADE: Final = re.compile(rb"^upgrade[ \t]*:[^\r\n]*\bwebsocket\b", re.IGNORECASE | re.MULTILINE)
log = structlog.get_logger(__name__)


def _refusal(status: str, *more: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *more, "Connection: close", "Content-Length: 0", "", "")).encode()


BAD: Final = _refusal("400 Bad Request")
SLOW: Final = _refusal("408 Request Timeout")
TOO_BIG: Final = _refusal("431 Request Header Fields Too Large")
BUSY: Final = _refusal("503 Service Unavailable", "Retry-After: 1")


class Host(Protocol):
    """What the entrance asks of the gateway behind it."""

    @property
    def connections(self) -> int:
        """WebSocket connections now."""
        ...

    def has_path(self, path: str) -> bool:
        """Whether WebSocket is served there."""
        ...

    def left(self) -> None:
        """A connection that REST answered through this process is gone."""
        ...

    def serve(self, transport: Any, head: bytes, unread: bytes, peer: str) -> None:
        """A request for this process from ``peer``; ``unread``: what came after its head."""
        ...


def split_head(data: bytes) -> tuple[bytes, bytes] | None:
    """The request line with the headers, and what came after them; None while they are not complete."""
    found = HEAD_END.search(data)
    return None if found is None else (data[: found.start()], data[found.end() :])


def wants_websocket(head: bytes) -> bool:
    return UPGRADE.search(head) is not None


class Newcomer(asyncio.BufferedProtocol):
    """A connection that hasn't said yet what it wants."""

    def __init__(self, entrance: "Entrance", connection: socket.socket, peer: tuple[str, int], now_ms: int) -> None:
        self._entrance, self.connection, self.peer, self.entered_ms = entrance, connection, peer, now_ms
        self.transport: Any = None
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def look(self) -> None:
        """Reads what came with the connection already: most clients ask at once."""
        with contextlib.suppress(OSError):  # nothing yet; what is wrong with it, the transport finds
            self.data = self.connection.recv(HEAD_BYTES_MAX, socket.MSG_DONTWAIT)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - a protocol's shape
        return SCRATCH[: HEAD_BYTES_MAX - len(self.data)]

    def buffer_updated(self, nbytes: int) -> None:
        self.data += SCRATCH[:nbytes]
        self._entrance.read(self)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a protocol's shape
        self._entrance.forget(self)

    def refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()
        else:  # in the TLS handshake, whose library then closes it
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)


class Entrance:
    """One listening socket. ``queue``: where REST takes connections from; None where this process answers all."""

    def __init__(
        self,
        host: Host,
        options: WsOptions,
        listener: socket.socket,
        queue: socket.socket | None,
        context: ssl.SSLContext | None,
    ) -> None:
        self._host, self._options, self._listener, self._queue, self._tls = host, options, listener, queue, context
        self._loop: Any = None
        self._newcomers: OrderedDict[Newcomer, None] = OrderedDict()
        self._late: Deadlines[Newcomer] = Deadlines(options.handshake_s, self._too_slow)
        self._by_address: dict[str, OrderedDict[Newcomer, None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._resume: asyncio.TimerHandle | None = None
        self._crowded = Episode("handshakes_full", mend="these connections say nothing; the oldest make room")
        self._full = Episode("connections_full", sockets_max=options.sockets_max)
        self._no_files = Episode("open_files_exhausted", mend="raise ulimit -n")
        self._unheard = Episode("rest_queue_full", consequence="requests are answered 503")
        self._splices = 0
        self._accepts = 1  # in the next turn: more while they keep coming
        self.port: int = listener.getsockname()[1]

    # Life.

    def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener.listen(4096)
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Stops listening and lets go of those that have said nothing."""
        if self._resume is not None:
            self._resume.cancel()
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        self._listener.close()
        for newcomer in list(self._newcomers):
            newcomer.drop()
        self._late.stop()

    @property
    def splices(self) -> int:
        """TLS connections whose answers go through this process."""
        return self._splices

    def look(self, now_ms: int) -> None:
        """To be called about once a second."""
        for episode in (self._crowded, self._full, self._no_files, self._unheard):
            episode.look(now_ms)

    # Accepting.

    def _accept(self) -> None:
        accepts, self._accepts = self._accepts, 1
        for _ in range(accepts):
            if self._all_are_young():
                self._crowded.happened(boot_clock_ms())
                self._pause(YOUNG_PAUSE_S)
                return
            try:
                connection, peer = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in NO_FILES:
                    self._let_go()
                    self._pause(NO_FILES_PAUSE_S)
                    return
                raise
            self._enter(connection, peer[:2])
        self._accepts = min(ACCEPTS_MAX, 2 * accepts)

    def _all_are_young(self) -> bool:
        """As many as may be silent are, and none for so long that it should make room."""
        if len(self._newcomers) < self._options.handshakes_max:
            return False
        return boot_clock_ms() - next(iter(self._newcomers)).entered_ms < YOUNG_MS

    def _pause(self, seconds: float) -> None:
        """What waits in the kernel waits on."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener.fileno())
        self._resume = loop.call_later(seconds, loop.add_reader, self._listener.fileno(), self._accept)

    def _let_go(self) -> None:
        """No file is left: half of the silent ones go."""
        self._no_files.happened(boot_clock_ms())
        for newcomer in list(self._newcomers)[: max(1, len(self._newcomers) // 2)]:
            newcomer.drop()

    def _enter(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        options, now_ms = self._options, boot_clock_ms()
        same = self._by_address.setdefault(peer[0], OrderedDict())
        # Behind a proxy all clients have its address.
        if len(same) >= max(options.handshakes_per_ip, options.clients_per_ip) and not options.trust_forwarded:
            self._crowded.happened(now_ms)
            self._drop(next(iter(same)))
        elif len(self._newcomers) >= options.handshakes_max:
            self._crowded.happened(now_ms)
            self._drop(next(iter(self._newcomers)))
        if len(self._newcomers) + self._host.connections + 2 * self._splices >= options.sockets_max:
            self._full.happened(now_ms)
            if not self._newcomers:
                connection.close()
                return
            self._drop(next(iter(self._newcomers)))
        newcomer = Newcomer(self, connection, peer, now_ms)
        self._newcomers[newcomer] = None
        self._late.begin(newcomer)
        self._by_address.setdefault(peer[0], same)[newcomer] = None
        if self._tls is None:  # what connect_accepted_socket makes, without a task to wait for it
            newcomer.look()
            SelectorSocketTransport(self._loop, connection, newcomer)
            if newcomer.data:
                self._loop.call_soon(self.read, newcomer)  # once the transport is ready
            return
        connection.setblocking(False)
        task = asyncio.create_task(self._connect(newcomer, self._tls))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, newcomer: Newcomer, context: ssl.SSLContext) -> None:
        try:
            await aiofastnet.connect_accepted_socket(
                asyncio.get_running_loop(),
                lambda: newcomer,
                newcomer.connection,
                ssl=context,
                ssl_handshake_timeout=self._options.handshake_s,
            )
        except (OSError, ssl.SSLError, TimeoutError):  # no TLS, or gone: the library has closed it
            self.forget(newcomer)

    def _too_slow(self, newcomer: Newcomer) -> None:
        if newcomer.data and newcomer.transport is not None:
            newcomer.refuse(SLOW)
        self._drop(newcomer)

    def _drop(self, newcomer: Newcomer) -> None:
        self.forget(newcomer)
        newcomer.drop()

    def forget(self, newcomer: Newcomer) -> None:
        """It is no newcomer any more; may be called again."""
        if newcomer not in self._newcomers:
            return
        del self._newcomers[newcomer]
        self._late.end(newcomer)
        same = self._by_address[newcomer.peer[0]]
        same.pop(newcomer)
        if not same:
            del self._by_address[newcomer.peer[0]]

    # What they want.

    def read(self, newcomer: Newcomer) -> None:
        """``newcomer`` has sent something."""
        if newcomer not in self._newcomers:
            return  # it had to make room meanwhile
        found = split_head(newcomer.data)
        if found is None:
            if not newcomer.data[:1].isalpha():
                newcomer.refuse(BAD)
            elif len(newcomer.data) >= HEAD_BYTES_MAX:
                newcomer.refuse(TOO_BIG)
            return
        self.forget(newcomer)
        head, unread = found
        target = head.partition(b" ")[2].partition(b" ")[0].partition(b"?")[0].decode("latin-1")
        if self._queue is None or (target != "/" and self._host.has_path(target)) or wants_websocket(head):
            # What the kernel would hold for a slow client is stale before it is sent.
            newcomer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._options.send_buffer)
            self._host.serve(newcomer.transport, head, unread, newcomer.peer[0])
        elif self._tls is None:
            self._to_rest(self._queue, newcomer)
        else:
            self._splice(self._queue, newcomer)

    def _to_rest(self, queue: socket.socket, newcomer: Newcomer) -> None:
        passed = Passed(*newcomer.peer, False, newcomer.data)
        if hand_over(queue, newcomer.connection, passed):
            newcomer.transport.abort()  # our descriptor of it; the connection lives on in the other process
        else:
            self._unheard.happened(boot_clock_ms())
            newcomer.refuse(BUSY)

    def _splice(self, queue: socket.socket, newcomer: Newcomer) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            if not hand_over(queue, theirs, Passed(*newcomer.peer, True, newcomer.data)):
                ours.close()
                self._unheard.happened(boot_clock_ms())
                newcomer.refuse(BUSY)
                return
        newcomer.transport.pause_reading()
        self._splices += 1
        client, rest = Splice(self._splice_ended), Splice(_nothing)
        client.other, rest.other = rest, client  # before REST's first bytes, which may come at once
        client.transport = newcomer.transport
        newcomer.transport.set_protocol(client)
        task = asyncio.create_task(self._join(client, rest, ours))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, client: Splice, rest: Splice, ours: socket.socket) -> None:
        ours.setblocking(False)
        await aiofastnet.connect_accepted_socket(asyncio.get_running_loop(), lambda: rest, ours)
        if client.transport.is_closing():
            rest.transport.close()
        else:
            client.transport.resume_reading()

    def _splice_ended(self) -> None:
        self._splices -= 1
        self._host.left()


def _nothing() -> None:
    """The client's side counts."""
