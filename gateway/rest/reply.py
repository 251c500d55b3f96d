"""A reply, and how it is sent: whole or in parts, conditional, compressed.

Handlers make a Reply, endpoint.py hands it here with the request's headers and what is left of the client's limits.
A server that offers WHOLE takes head and body at once, which costs a third of ASGI's two messages; any other gets
those. A reply that a client holds already is a 304 without a body.
"""

import asyncio
import gzip
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from gateway.rest.request_limits import Allowance
from gateway.rest.streaming import send_stream

__all__ = [
    "JSON",
    "WHOLE",
    "Headers",
    "Receive",
    "Reply",
    "Scope",
    "Send",
    "Sent",
    "etag_of",
    "is_held",
    "send_reply",
    "sent",
    "sent_plain",
    "takes_gzip",
]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
WHOLE: Final = "tapeflow.whole"
"""An extension of the ASGI scope: takes status, headers and body of an answer; False where it must wait to be sent."""
GZIP_BYTES_MIN: Final = 1400  # below, it all goes in one packet anyway
GZIP_BYTES_ASIDE: Final = 262_144  # from here on it takes milliseconds
JSON: Final = b"application/json"


@dataclass(slots=True)
class Reply:
    """What is sent. ``etag`` None means that the answer is not conditional. ``packed``: the body by gzip, where it is
    at hand. ``stream``: the body in parts, each made when the one before is sent."""

    body: bytes
    status: int = 200
    etag: bytes | None = None
    content_type: bytes = JSON
    headers: Headers = field(default_factory=list)
    packed: bytes | None = None
    stream: AsyncGenerator[bytes, None] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is sent as it is, whatever the client can unpack."""
        return self.stream is None and len(self.body) < GZIP_BYTES_MIN


class Sent(NamedTuple):
    """An answer as it goes out."""

    status: int
    headers: Headers
    body: bytes


def etag_of(body: bytes) -> bytes:
    """A weak tag: the same for the compressed and the plain form."""
    return b'W/"' + blake2b(body, digest_size=12).hexdigest().encode() + b'"'


def sent_plain(reply: Reply, request_id: str, asked: dict[bytes, bytes], allowance: Allowance | None) -> Sent:
    """A reply that is plain, with all its headers."""
    status, headers = _begun(reply, request_id, asked, allowance)
    body = b"" if status == 304 else reply.body
    return Sent(status, _measured(status, headers, body), body)


async def sent(reply: Reply, request_id: str, asked: dict[bytes, bytes], allowance: Allowance | None) -> Sent:
    """A reply that is no stream, with all its headers, compressed where the client can unpack it."""
    if reply.is_plain:
        return sent_plain(reply, request_id, asked, allowance)
    status, headers = _begun(reply, request_id, asked, allowance)
    body = b"" if status == 304 else reply.body
    if body:
        headers.append((b"vary", b"accept-encoding"))
        if takes_gzip(asked):
            body = reply.packed if reply.packed is not None else await _pack(body)
            headers.append((b"content-encoding", b"gzip"))
    return Sent(status, _measured(status, headers, body), body)


async def send_reply(
    reply: Reply, request_id: str, scope: Scope, receive: Receive, send: Send,
    *, asked: dict[bytes, bytes], allowance: Allowance | None, head: bool,
) -> None:  # fmt: skip
    if reply.stream is not None:
        status, headers = _begun(reply, request_id, asked, allowance)
        if status != 304:
            await send_stream(status, headers, reply.stream, scope, receive, send, head=head)
            return
    found = await sent(reply, request_id, asked, allowance)
    body = b"" if head else found.body
    # An answer to a page of another origin goes by ASGI's messages, to which CORS adds its headers.
    whole = None if b"origin" in asked else scope.get("extensions", {}).get(WHOLE)
    if whole is None or not whole(found.status, found.headers, body):
        await send({"type": "http.response.start", "status": found.status, "headers": found.headers})
        await send({"type": "http.response.body", "body": body})


def _begun(
    reply: Reply, request_id: str, asked: dict[bytes, bytes], allowance: Allowance | None
) -> tuple[int, Headers]:
    """The status, and the headers that don't depend on the body's form."""
    status = reply.status
    headers: Headers = [(b"content-type", reply.content_type), (b"x-request-id", request_id.encode()), *reply.headers]
    if allowance is not None:
        headers += allowance.headers()
    if reply.etag is not None:
        headers += ((b"etag", reply.etag), (b"cache-control", b"private, no-cache"))
        if is_held(reply.etag, asked):
            status = 304
    return status, headers


def _measured(status: int, headers: Headers, body: bytes) -> Headers:
    if status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(body)))
    return headers


async def _pack(body: bytes) -> bytes:
    """``body`` by gzip; a long one on a thread, so that nobody waits for it."""
    if len(body) < GZIP_BYTES_ASIDE:
        return gzip.compress(body, 1, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, 1, mtime=0)


def is_held(etag: bytes, asked: dict[bytes, bytes]) -> bool:
    """Whether the client has this answer, by the If-None-Match among its headers."""
    named = asked.get(b"if-none-match")
    if named is None:
        return False
    opaque = etag.removeprefix(b"W/")
    return any(each.strip().removeprefix(b"W/") in (opaque, b"*") for each in named.split(b","))


def takes_gzip(asked: dict[bytes, bytes]) -> bool:
    return b"gzip" in asked.get(b"accept-encoding", b"")
