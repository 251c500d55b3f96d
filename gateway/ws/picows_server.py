"""The server library (picows) behind the gateway's own words: upgrade requests in, sessions and links out.

This file alone knows picows; gateway.ws.entrance gives it connections. It turns frames into ``Session.frame``, gives
each Session a Link and a ``write`` for ready frames, and answers small HTTP requests where no REST stands beside it.
Every connection ends in bounded time. After a close frame it is cut off when the grace is over, however full its buffer
is. A request that is never finished is cut off by the handshake's time limit. Ready frames go to the transport below
picows, so that one ``bytes`` serves every client.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Protocol

from picows import (
    WSAutoPingStrategy,
    WSFrame,
    WSListener,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # what its own ws_create_server makes

from gateway.ws.admission import Admission, Handshake, read_handshake
from gateway.ws.options import WsOptions
from gateway.ws.session import Session
from schemas.errors import SettingError

__all__ = ["Door", "listening_socket", "tls_context", "websocket_protocol"]

LOW_SHARE: Final = 4  # a slow client is served again when its buffer is down to this fraction
READ_BUFFER: Final = 2048  # grows where a client sends more; most send a few short messages
REASON_BYTES_MAX: Final = 123
CLOSE_FRAME: Final = 0x8


class Silence(logging.LoggerAdapter[logging.Logger]):
    """The library's warnings are what clients do, which the gateway counts itself. A Logger would get a child each."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: ARG002, N802 - the standard library's name
        return False


SILENCE: Final = Silence(logging.getLogger("gateway.picows"))


class Door(Protocol):
    """What the gateway decides about connections."""

    admission: Admission

    def page(self, path: str) -> tuple[bytes, str] | None:
        """Body and content type of a plain HTTP page."""
        ...

    def has_path(self, path: str) -> bool: ...

    def opened(self, handshake: Handshake, address: str, link: "PicowsLink") -> Session | None:
        """A session, or None after closing the link with the reason of the refusal."""
        ...

    def closed(self, address: str, session: Session | None) -> None: ...
    def held(self, session: Session, full: bool) -> None: ...
    def now_ms(self) -> int: ...
    def poke(self) -> None:
        """Something may have to be sent."""
        ...


class PicowsLink(WSListener):
    """One connection: picows' listener on one side, Link of a Session on the other."""

    __slots__ = ("_address", "_door", "_handshake", "_options", "_session", "_transport")

    def __init__(self, door: Door, options: WsOptions, handshake: Handshake) -> None:
        self._door, self._options = door, options
        self._handshake: Handshake | None = handshake  # until it is open: ten thousand of them are megabytes
        self._session: Session | None = None
        self._transport: Any = None
        self._address = ""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        below = transport.underlying_transport
        transport.request.headers.clear()  # the library keeps the request for good
        peer = below.get_extra_info("peername")
        high = self._options.write_buffer
        below.set_write_buffer_limits(high=high, low=high // LOW_SHARE)
        handshake, self._handshake = self._handshake, None
        assert handshake is not None
        self._address = self._door.admission.address(handshake, str(peer[0]) if peer else "")
        self._session = self._door.opened(handshake, self._address, self)
        if self._session is not None:
            self._session.write = below.write

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        opcode = int(frame.msg_type)  # type: ignore[call-overload]  # a C enum
        if self._session is not None:
            payload = frame.get_payload_as_bytes()
            rsv23 = frame.rsv2 or frame.rsv3
            now_ms = self._door.now_ms()
            self._session.frame(opcode, payload, now_ms, fin=bool(frame.fin), rsv1=bool(frame.rsv1), rsv23=rsv23)
            self._door.poke()
        if opcode == CLOSE_FRAME:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        session, self._session = self._session, None
        self._door.closed(self._address, session)

    def pause_writing(self) -> None:
        if self._session is not None:
            self._door.held(self._session, True)

    def resume_writing(self) -> None:
        if self._session is not None:
            self._door.held(self._session, False)

    def ping(self) -> None:
        self._transport.send_ping()

    def pong(self, payload: bytes) -> None:
        self._transport.send_pong(payload)

    def close(self, code: int, reason: str) -> None:
        text = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
        self._transport.send_close(code, text)
        asyncio.get_running_loop().call_later(self._options.close_grace_s, self.abort)

    def abort(self) -> None:
        if not self._transport.is_disconnected:
            self._transport.disconnect(False)


def _answer(door: Door, options: WsOptions, request: WSUpgradeRequest) -> Any:
    target = request.path.decode("latin-1")
    path = target.partition("?")[0]
    if "Upgrade" not in request.headers:
        if not door.admission.serves(request.headers.get("Host", "")):
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(403), None)
        page = door.page(path)
        if page is None:
            return WSUpgradeResponseWithListener(
                WSUpgradeResponse.create_error_response(426 if door.has_path(path) else 404), None
            )
        body, content_type = page
        headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
        return WSUpgradeResponseWithListener(WSUpgradeResponse.create_ok_response(body, headers), None)
    if not door.has_path(path):
        return None
    handshake = read_handshake(target, request.headers)
    listener = PicowsLink(door, options, handshake)
    return WSUpgradeResponseWithListener(_welcome(handshake.protocol, handshake.deflate), listener)


@lru_cache(64)
def _welcome(protocol: str, deflate: str) -> WSUpgradeResponse:
    """One for all who ask alike: the library sets its own header anew each time it sends it, and keeps it for good."""
    extra: dict[str, str] = {}
    if protocol:
        extra["Sec-WebSocket-Protocol"] = protocol
    if deflate:
        extra["Sec-WebSocket-Extensions"] = deflate
    response: WSUpgradeResponse = WSUpgradeResponse.create_101_response(extra)
    return response


def listening_socket(options: WsOptions) -> socket.socket:
    """Bound, not listening yet. Raises SettingError for an address that can't be had."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setblocking(False)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        where = f"{options.host}:{options.port}"
        raise SettingError(
            f"can't listen: {error.strerror}", where=where, mend="set another TAPEFLOW_GATEWAY_PORT"
        ) from None
    return listener


def tls_context(options: WsOptions) -> ssl.SSLContext | None:
    if not options.tls_cert and not options.tls_key:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingError(
            f"TLS files can't be used: {error}", where=options.tls_cert or "TAPEFLOW_GATEWAY_TLS_CERT"
        ) from None
    return context


def websocket_protocol(door: Door, options: WsOptions) -> asyncio.BufferedProtocol:
    """The library's protocol of one connection; it reads the upgrade request itself."""
    make: Callable[[WSUpgradeRequest], Any] = lambda request: _answer(door, options, request)  # noqa: E731
    protocol: asyncio.BufferedProtocol = WSProtocol(
        None,  # host and port, of clients
        None,  # path, of clients
        False,  # is a client
        make,
        SILENCE,
        True,  # disconnects on an exception
        options.handshake_s,
        False,  # pings by itself
        20,  # seconds of its pings
        20,
        WSAutoPingStrategy.PING_WHEN_IDLE,
        False,  # pongs by itself
        options.inbound_max,
        None,  # headers, of clients
        READ_BUFFER,
    )
    return protocol
