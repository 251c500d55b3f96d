"""``GET /api/events``: the log of events as Server-Sent Events, with resume.

events.py follows the stream and knows gaps; here a client is let in, written to, and let go. A client that does not
read is closed and resumes by ``Last-Event-ID``; its events wait in memory only in a bounded queue. The stream ends when
the token does. The header wins over ``lastEventId``: a browser that reconnects keeps the old address but sends the
newest id.
"""

import asyncio
import contextlib
import time
from functools import partial
from typing import Annotated, Final

from msgspec import Meta

from gateway.rest.endpoint import Call, Operation
from gateway.rest.errors import bad_request, unavailable
from gateway.rest.metrics import RestMetrics
from gateway.rest.reply import Reply
from gateway.rest.words import Query
from gateway.stores.events import EventFeed, EventId, Listener, parse_event_id
from gateway.stores.redis_pool import REDIS_ERRORS

__all__ = ["EventsQuery", "Sse"]

SEND_S_MAX: Final = 30.0
CLOSE_S_MAX: Final = 2.0
HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # proxies that would collect the stream
]
EXAMPLE: Final = (
    "retry: 5000\n\n"
    "id: 1767225600123-0\nevent: price_alert\nretry: 5000\n"
    'data: {"symbol":"BTC/USDT","price":64250.1,"alert_type":"above","threshold":64000}\n\n'
)


class EventsQuery(Query):
    last_event_id: Annotated[
        str, Meta(max_length=41, description="Resume after this id, for clients that cannot set Last-Event-ID")
    ] = ""


class Sse:
    """Handler of the event stream."""

    def __init__(self, feed: EventFeed, metrics: RestMetrics, *, queue_max: int, clients_max: int) -> None:
        self._feed = feed
        self._metrics = metrics
        self._queue_max = queue_max
        self._clients_max = clients_max
        self._clients = 0

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/events",
                self.stream,
                "streamEvents",
                "events",
                "Events as they happen (Server-Sent Events)",
                str,
                query=EventsQuery,
                example=EXAMPLE,
                watched=True,
                content_type="text/event-stream",
                description="Events news, price_alert, system_status and alert, filtered by what the token may see. "
                "The header Last-Event-ID resumes without loss while the log holds it; an event gap says where not.",
            ),
        )

    async def stream(self, call: Call) -> Reply | None:
        since = _since(call)
        if self._clients >= self._clients_max:
            raise unavailable("Too many listeners here; another gateway may have room")
        listener = Listener(call.principal, self._queue_max)
        self._clients += 1
        self._metrics.sse_clients.set(self._clients)
        try:
            missed = await self._feed.join(listener, since)
            await call.send({"type": "http.response.start", "status": 200, "headers": self._headers(call)})
            await self._send(call, b"retry: 5000\n\n")
            end = call.principal.exp
            remaining_s = None if end is None else end - time.time()
            async with asyncio.timeout(remaining_s) as bound:
                # The writer may hang in a send to a client that does not read: closing bounds that too.
                listener.on_close = partial(_end_soon, bound)
                async for frames in missed:
                    await self._send(call, frames)
                while (chunk := await listener.next()) is not None:
                    await self._send(call, chunk)
        except (TimeoutError, *REDIS_ERRORS):
            pass  # the token ended, the client does not read, or Redis left in mid-resume: the client comes back
        finally:
            self._feed.listeners.discard(listener)
            self._clients -= 1
            self._metrics.sse_clients.set(self._clients)
            if listener.closed == "slow":
                self._metrics.sse_slow_closes.inc()
        with contextlib.suppress(TimeoutError):  # a client that does not read is left to the server's own end
            async with asyncio.timeout(1.0):
                await call.send({"type": "http.response.body", "body": b"", "more_body": False})
        return None

    def _headers(self, call: Call) -> list[tuple[bytes, bytes]]:
        limits = call.allowance.headers() if call.allowance else []
        return [*HEADERS, (b"x-request-id", call.request_id.encode()), *limits]

    async def _send(self, call: Call, chunk: bytes) -> None:
        async with asyncio.timeout(SEND_S_MAX):
            await call.send({"type": "http.response.body", "body": chunk, "more_body": True})
        self._metrics.sse_bytes.inc(len(chunk))


def _since(call: Call) -> EventId | None:
    text = call.headers.get(b"last-event-id", b"").decode("latin-1") or call.query.last_event_id
    if not text:
        return None
    try:
        return parse_event_id(text)
    except ValueError as error:
        raise bad_request(str(error), parameter="lastEventId") from None


def _end_soon(bound: asyncio.Timeout) -> None:
    end = asyncio.get_running_loop().time() + CLOSE_S_MAX
    when = bound.when()
    if not bound.expired() and (when is None or when > end):
        bound.reschedule(end)
