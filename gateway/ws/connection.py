"""One WebSocket connection below its session: bytes of a transport in, frames to the session, answers out.

``entrance`` hands over a request with its transport, which is TCP or TLS; ``serve`` answers it, and a Connection then
reads the transport. Every connection ends in bounded time: after a close frame it is cut off when the grace is over,
however full its buffer is. A client that breaks the protocol is told so, and what it sends until then is thrown away.
Ready frames go to the transport as they are, so that one ``bytes`` serves every client.
"""

import asyncio
from typing import Any, Final, Protocol

from gateway.ws.admission import Admission, Handshake, read_handshake
from gateway.ws.frames import CLOSE, PING, PONG, frame
from gateway.ws.inbound import Broken, read_frame
from gateway.ws.options import WsOptions
from gateway.ws.session import Session
from gateway.ws.upgrade import Refused, accepted, answer, key_of, read_request

__all__ = ["Connection", "Door", "serve"]

LOW_SHARE: Final = 4  # a slow client is served again when its buffer is down to this fraction
REASON_BYTES_MAX: Final = 123
SCRATCH: Final = memoryview(bytearray(65_536))
"""Of all connections: what is read is taken out before another gets its turn."""


class Door(Protocol):
    """What the gateway decides about connections."""

    admission: Admission

    def page(self, path: str) -> tuple[bytes, str] | None:
        """Body and content type of a plain HTTP page."""
        ...

    def has_path(self, path: str) -> bool: ...

    def opened(self, handshake: Handshake, address: str, link: "Connection") -> Session | None:
        """A session, or None after closing the link with the reason of the refusal."""
        ...

    def closed(self, address: str, session: Session | None) -> None: ...
    def held(self, session: Session, full: bool) -> None: ...
    def now_ms(self) -> int: ...
    def poke(self) -> None:
        """Something may have to be sent."""
        ...


class Connection(asyncio.BufferedProtocol):
    """Protocol of the transport on one side, Link of a Session on the other. ``address``: whose limits count."""

    __slots__ = ("_address", "_broken", "_door", "_options", "_session", "_transport", "_unread")

    def __init__(self, door: Door, options: WsOptions, transport: Any, address: str) -> None:
        self._door, self._options, self._transport, self._address = door, options, transport, address
        self._session: Session | None = None
        self._unread: bytearray | None = None  # of a frame that isn't whole yet
        self._broken = False

    def open(self, handshake: Handshake, unread: bytes) -> None:
        """From here on the client is a client; ``unread``: what it has sent after its request."""
        high = self._options.write_buffer
        self._transport.set_write_buffer_limits(high=high, low=high // LOW_SHARE)
        self._session = self._door.opened(handshake, self._address, self)
        if self._session is not None:
            self._session.write = self._transport.write_nocheck
        if unread:
            self._read(unread)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - a protocol's shape
        return SCRATCH

    def buffer_updated(self, nbytes: int) -> None:
        if self._broken:
            return
        if self._unread is None:
            self._read(bytes(SCRATCH[:nbytes]))
        else:
            unread, self._unread = self._unread, None
            unread += SCRATCH[:nbytes]
            self._read(unread)

    def _read(self, data: bytes | bytearray) -> None:
        at, session = 0, self._session
        while not self._broken:
            found = read_frame(data, at, self._options.inbound_max)
            if found is None:
                if at < len(data):
                    self._unread = bytearray(data[at:]) if at or isinstance(data, bytes) else data
                break
            if isinstance(found, Broken):
                self._broken = True
                if session is not None:
                    session.close(found.code, found.reason)
                break
            opcode, payload, fin, rsv1, rsv23, at = found
            if session is not None:
                session.frame(opcode, payload, self._door.now_ms(), fin=fin, rsv1=rsv1, rsv23=rsv23)
            if opcode == CLOSE:
                self._broken = True
                self._transport.close()
        if session is not None:
            self._door.poke()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a protocol's shape
        session, self._session = self._session, None
        self._broken, self._unread = True, None
        self._door.closed(self._address, session)

    def pause_writing(self) -> None:
        if self._session is not None:
            self._door.held(self._session, True)

    def resume_writing(self) -> None:
        if self._session is not None:
            self._door.held(self._session, False)

    def ping(self) -> None:
        self._transport.write(frame(b"", PING))

    def pong(self, payload: bytes) -> None:
        self._transport.write(frame(payload, PONG))

    def close(self, code: int, reason: str) -> None:
        text = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
        self._transport.write(frame(code.to_bytes(2) + text.encode(), CLOSE))
        asyncio.get_running_loop().call_later(self._options.close_grace_s, self._transport.abort)


def serve(door: Door, options: WsOptions, transport: Any, head: bytes, unread: bytes, peer: str) -> None:
    """Answers the request of ``head`` from ``peer``; ``unread``: what came after it."""
    request = read_request(head)
    refused = request if isinstance(request, Refused) else None
    if not isinstance(request, Refused):
        path = request.target.partition("?")[0]
        if "upgrade" not in request.headers:
            _end(transport, _page(door, path, request.headers.get("host", "")))
            return
        key = key_of(request.headers)
        if not door.has_path(path):
            refused = Refused(404, "no WebSocket is served there")
        elif isinstance(key, Refused):
            refused = key
        else:
            handshake = read_handshake(request.target, request.headers)
            connection = Connection(door, options, transport, door.admission.address(handshake, peer))
            transport.write(accepted(key, handshake.protocol, handshake.deflate))
            transport.set_protocol(connection)
            connection.open(handshake, unread)
    if refused is not None:
        _end(transport, answer(refused.status, refused.why.encode()))


def _page(door: Door, path: str, host: str) -> bytes:
    if not door.admission.serves(host):
        return answer(403)
    page = door.page(path)
    return answer(200, *page) if page is not None else answer(426 if door.has_path(path) else 404)


def _end(transport: Any, data: bytes) -> None:
    transport.write(data)
    transport.close()
