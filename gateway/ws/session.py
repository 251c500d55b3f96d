"""One WebSocket connection above its frames: fragments, compression, UTF-8, limits, pings, token expiry.

The server gives it frames and time; it gives messages to the hub and close codes to its Link. Nothing that a client
sends raises past here. It becomes a message of the dialect, or a close with a code that says what to do: 1002, 1007 and
1009 for broken frames, 4001 when the token ran out, 4008 for too much. The Link is all that is known of the
connection below.
"""

from collections.abc import Callable
from typing import Final, Protocol

from core.fanout.client import HELD_BY_TRANSPORT, Client
from core.fanout.hub import Hub
from gateway.ws.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, InflateLimitError, inflate, to_json
from schemas.contract import CLOSE_NO_PONG, CLOSE_PROTOCOL, CLOSE_RATE, CLOSE_TEXT, CLOSE_TOKEN, CLOSE_TOO_BIG

__all__ = ["Link", "Session"]

FRAME_COST: Final = 0.25  # of an inbound message: pings and fragments are cheap, a flood of them is not


def _nowhere(_data: bytes) -> None:
    """Before a session is open, and after."""


class Link(Protocol):
    """What a session needs of its transport."""

    def ping(self) -> None: ...
    def pong(self, payload: bytes) -> None: ...
    def close(self, code: int, reason: str) -> None:
        """Sends a close frame, then ends the connection soon, whether the peer answers or not."""
        ...


class Session:
    """``expires_s``: when the token ends, seconds since the epoch; None for never."""

    __slots__ = (
        "_compressed",
        "_fragments",
        "_hub",
        "_opcode",
        "_size",
        "client",
        "closing",
        "deflate",
        "expires_s",
        "inbound_max",
        "link",
        "msgpack",
        "pinged_ms",
        "pong_ms",
        "write",
    )

    def __init__(
        self,
        hub: Hub,
        client: Client,
        link: Link,
        now_ms: int,
        *,
        deflate: bool,
        msgpack: bool,
        inbound_max: int,
        expires_s: float | None,
    ) -> None:
        self._hub, self.client, self.link = hub, client, link
        self.deflate, self.msgpack, self.inbound_max, self.expires_s = deflate, msgpack, inbound_max, expires_s
        self.closing = False
        self.write: Callable[[bytes], object] = _nowhere  # ready frames; set by the server once it is open
        self.pinged_ms = self.pong_ms = now_ms
        self._fragments: list[bytes] | None = None
        self._size = 0
        self._opcode = TEXT
        self._compressed = False

    def frame(self, opcode: int, payload: bytes, now_ms: int, *, fin: bool, rsv1: bool, rsv23: bool) -> None:
        """One frame from the client, unmasked."""
        if self.closing:
            return
        is_message = fin and opcode in (TEXT, BINARY)  # the hub counts those
        if not is_message and not self.client.inbound.take(FRAME_COST, now_ms):
            self.close(CLOSE_RATE, "too many frames: back off")
        elif rsv23 or (rsv1 and (not self.deflate or opcode not in (TEXT, BINARY))):
            self.close(CLOSE_PROTOCOL, "reserved bit set")
        elif opcode == PING:
            if not self.client.held & HELD_BY_TRANSPORT:  # a client that doesn't read gets no pongs to pile up
                self.link.pong(payload)
        elif opcode == PONG:
            self.pong_ms = now_ms
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2]) if len(payload) >= 2 else 1000
            self.close(code if code in (1000, 1001) else 1000, "")
        else:
            self._data(opcode, payload, now_ms, fin=fin, rsv1=rsv1)

    def _data(self, opcode: int, payload: bytes, now_ms: int, *, fin: bool, rsv1: bool) -> None:
        if (opcode == CONTINUATION) != (self._fragments is not None):
            self.close(CLOSE_PROTOCOL, "fragments out of order")
            return
        if opcode != CONTINUATION:
            self._opcode, self._compressed, self._size = opcode, rsv1, 0
        self._size += len(payload)
        if self._size > self.inbound_max:
            self.close(CLOSE_TOO_BIG, f"more than {self.inbound_max} bytes")
            return
        if not fin:
            self._fragments = self._fragments or []
            if payload:
                self._fragments.append(payload)
            return
        if self._fragments is not None:
            payload = b"".join([*self._fragments, payload])
            self._fragments = None
        self._message(payload, now_ms)

    def _message(self, payload: bytes, now_ms: int) -> None:
        if self._compressed:
            try:
                payload = inflate(payload, self.inbound_max)
            except InflateLimitError as error:
                self.close(CLOSE_TOO_BIG if "too big" in str(error) else CLOSE_TEXT, str(error))
                return
        if self._opcode == TEXT:
            try:
                payload.decode()
            except UnicodeDecodeError:
                self.close(CLOSE_TEXT, "text is not UTF-8")
                return
        elif self.msgpack:
            payload = to_json(payload)
        self._hub.receive(self.client, payload, now_ms)

    def tick(self, now_ms: int, *, ping_ms: int, pong_ms: int) -> None:
        """Called about once a second."""
        if self.closing:
            return
        if self.expires_s is not None and now_ms >= self.expires_s * 1000:
            self.close(CLOSE_TOKEN, "token expired: get a new one")
        elif now_ms - self.pong_ms > pong_ms:
            self.close(CLOSE_NO_PONG, "no pong")
        elif now_ms - self.pinged_ms >= ping_ms and not self.client.held & HELD_BY_TRANSPORT:
            self.pinged_ms = now_ms
            self.link.ping()

    def close(self, code: int, reason: str) -> None:
        """The hub lets go at once; the link closes in its own time. May be called again."""
        if not self.closing:
            self.closing = True
            self._fragments = None
            self._hub.disconnect(self.client)
            self.link.close(code, reason)
