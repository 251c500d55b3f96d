"""One endpoint of REST: from the request's bytes to the reply's, the same way for all of them.

Each request passes here: request id, token, shared limit, validated query, the handler, then conditional and compressed
sending; whatever goes wrong becomes the one error shape. An unexpected exception is logged with the request id and
answered by INTERNAL_ERROR. A client that leaves cancels its handler. This is bare ASGI below Starlette's router, as its
Request and Response cost more than the whole cached answer.
"""

import asyncio
import gzip
import re
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec
import structlog

from gateway.access.addresses import AddressRule, forwarded_entries, limited_address
from gateway.access.hosts import is_local_host
from gateway.access.origins import REFUSED, OriginRule
from gateway.access.principal import Principal, TokenRefused
from gateway.rest.errors import (
    ApiError,
    bad_request,
    encode_error,
    forbidden,
    internal_error,
    unauthorized,
    unavailable,
)
from gateway.rest.limits import Limiter
from gateway.rest.metrics import RestMetrics
from gateway.rest.query import convert_query, query_pairs
from gateway.rest.request_id import new_request_id
from gateway.rest.request_limits import Allowance
from gateway.rest.streaming import send_stream
from gateway.rest.words import NoQuery, Query
from gateway.stores.breaker import BreakerOpenError
from gateway.stores.clickhouse import HistoryTooSlowError, HistoryUnavailableError
from gateway.stores.kafka_rules import RulesUnavailableError
from gateway.stores.now import NowUnavailableError
from kernels.symbols import SYMBOL_RULE, is_symbol
from runtime.tracing.names import HTTP_METHOD, HTTP_ROUTE, HTTP_STATUS, REQUEST
from runtime.tracing.tracer import SERVER, tracer
from schemas.traces import Span

__all__ = [
    "Call",
    "Doors",
    "Endpoint",
    "Headers",
    "Operation",
    "Receive",
    "Reply",
    "Scope",
    "Send",
    "check_symbol",
    "etag_of",
    "is_held",
    "takes_gzip",
]

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._\-]{1,64}")
GZIP_BYTES_MIN: Final = 1400  # below, it all goes in one packet anyway
GZIP_BYTES_ASIDE: Final = 262_144  # from here on it takes milliseconds
BODY_BYTES_MAX: Final = 65_536
JSON: Final = b"application/json"
OUTAGES: Final = {NowUnavailableError: "redis", HistoryUnavailableError: "clickhouse", RulesUnavailableError: "kafka"}
DOWN: Final[tuple[type[Exception], ...]] = (BreakerOpenError, HistoryTooSlowError, *OUTAGES)
log = structlog.get_logger(__name__)


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


@dataclass(slots=True)
class Call:
    """One request as handlers see it. ``client``: whose limits count; ``allowance``: what is left of them; ``address``:
    where it came from, as limits count it."""

    scope: Scope
    receive: Receive
    send: Send
    request_id: str
    headers: dict[bytes, bytes]
    principal: Principal
    query: Any
    path: dict[str, str]
    client: str = ""
    allowance: Allowance | None = None
    address: str = ""

    @property
    def now_us(self) -> int:
        """The wall clock, microseconds since the epoch."""
        return time.time_ns() // 1000

    def symbol(self) -> str:
        """The path's symbol, checked and allowed; raises ApiError."""
        symbol = self.path["symbol"]
        check_symbol(symbol, self.principal)
        return symbol

    async def body(self) -> bytes:
        """The request's body; raises ApiError when it is too big."""
        parts, size = [], 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise asyncio.CancelledError
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > BODY_BYTES_MAX:
                raise bad_request("The body is too big", bytesMax=BODY_BYTES_MAX)
            if not message.get("more_body", False):
                return b"".join(parts)


Handler = Callable[[Call], Awaitable[Reply | None]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the interface: what the router, OpenAPI and the metrics know of an endpoint.

    A handler that answers None has sent its own response. ``watched`` ones are cancelled when the client leaves.
    ``id`` is the operationId. ``answer``: a shape, or several of which one comes. ``headers``: those of this answer
    alone; ``tagged``: it has an ETag. ``errors``: statuses of this one beyond those of all. ``files``: other types that
    the answer may come as.
    """

    method: str
    path: str
    handler: Handler
    id: str
    tag: str
    summary: str
    answer: Any = None
    query: type[Query] = NoQuery
    body: type[msgspec.Struct] | None = None
    status: int = 200
    public: bool = False
    limited: bool = True
    watched: bool = False
    description: str = ""
    example: Any = None
    content_type: str = "application/json"
    headers: tuple[str, ...] = ()
    tagged: bool = False
    errors: tuple[int, ...] = ()
    body_example: Any = None
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.method} {self.path.replace(':path', '')}"


@dataclass(slots=True)
class Doors:
    """What every endpoint needs to let a request in."""

    verify: Callable[[str | None], Principal]
    is_open: bool
    limiter: Limiter
    metrics: RestMetrics
    origins: OriginRule
    addresses: AddressRule

    def check_host(self, headers: dict[bytes, bytes]) -> None:
        """Raises ApiError where an open gateway is asked by a name that isn't this machine's."""
        if self.is_open and not is_local_host(headers.get(b"host", b"").decode("latin-1")):
            raise forbidden("Without a token secret only local names are served")


def check_symbol(symbol: str, principal: Principal) -> None:
    """Raises ApiError where ``symbol`` is no symbol or not the user's."""
    if not is_symbol(symbol):
        raise bad_request(f"Not a symbol: {SYMBOL_RULE}", symbol=symbol[:100])
    if not principal.may_see(symbol):
        raise forbidden(f"The token does not give access to {symbol}", symbol=symbol)


def etag_of(body: bytes) -> bytes:
    """A weak tag: the same for the compressed and the plain form."""
    return b'W/"' + blake2b(body, digest_size=12).hexdigest().encode() + b'"'


class Endpoint:
    """An ASGI application for one path; ``operations`` by method."""

    def __init__(self, operations: dict[str, Operation], doors: Doors) -> None:
        self._operations = operations
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given_id = headers.get(b"x-request-id")
        request_id = given_id.decode() if given_id and REQUEST_ID.fullmatch(given_id) else new_request_id()
        operation = self._operations["GET" if scope["method"] == "HEAD" else scope["method"]]
        about = {HTTP_METHOD: scope["method"], HTTP_ROUTE: operation.path, REQUEST: request_id}
        parents = [headers[b"traceparent"].decode("latin-1")] if b"traceparent" in headers else ()
        with tracer().span(operation.name, SERVER, parents, about, enters=True) as span:
            await self._answer(operation, scope, receive, send, headers, request_id, span)

    async def _answer(
        self, operation: Operation, scope: Scope, receive: Receive, send: Send,
        headers: dict[bytes, bytes], request_id: str, span: Span,
    ) -> None:  # fmt: skip
        began = time.perf_counter()
        allowance: Allowance | None = None
        try:
            principal, query = self._enter(operation, scope, headers)
            address = self._address(scope)
            client = f"ip:{address}" if self._doors.is_open else principal.user_id
            if operation.limited:
                allowance = await self._doors.limiter.request(client, address)
            path = scope["path_params"]
            call = Call(scope, receive, send, request_id, headers, principal, query, path, client, allowance, address)
            reply = await (_watch(operation.handler, call) if operation.watched else operation.handler(call))
        except ApiError as error:
            reply = _refusal(error, request_id)
        except asyncio.CancelledError:
            self._doors.metrics.requests.labels(operation.name, "left").inc()
            raise
        except _ClientLeft:
            self._doors.metrics.requests.labels(operation.name, "left").inc()
            return
        except DOWN as error:
            reply = _refusal(_outage(error), request_id)
        except Exception as error:  # noqa: BLE001 - the process' edge: a defect becomes a 500, not a torn connection
            # As text, since structured tracebacks carry local variables, and here these hold tokens.
            trace = "".join(traceback.format_exception(error))
            log.error("request_failed", request_id=request_id, operation=operation.name, traceback=trace)
            reply = _refusal(internal_error(), request_id)
        if reply is not None:
            head = scope["method"] == "HEAD"
            await _send(reply, request_id, scope, receive, send, asked=headers, allowance=allowance, head=head)
            self._doors.metrics.count(operation.name, reply.status, time.perf_counter() - began)
            span.set(HTTP_STATUS, reply.status)
            if reply.status >= 500:
                span.fail(str(reply.status))

    def _address(self, scope: Scope) -> str:
        """What limits per address count by."""
        peer = scope["client"][0] if scope.get("client") else "unknown"
        rule = self._doors.addresses
        if not rule.trusts:
            return limited_address(peer)
        lines = (value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for")
        return limited_address(rule.of(forwarded_entries(lines), peer))

    def _enter(self, operation: Operation, scope: Scope, headers: dict[bytes, bytes]) -> tuple[Principal, Any]:
        token: str | None = None
        pairs: list[tuple[str, str]] = []
        if scope["query_string"]:
            pairs, token = query_pairs(scope["query_string"])
        authorization = headers.get(b"authorization")
        if authorization is not None:
            kind, _, given = authorization.partition(b" ")
            if kind.lower() == b"bearer":
                token = given.strip().decode("latin-1")
            elif not operation.public:  # a proxy's or a probe's own credentials are no reason to hide the health
                raise unauthorized("Authorization must be a Bearer token")
        self._doors.check_host(headers)
        if operation.method != "GET" or not operation.public:
            self._check_page(operation, headers)
        if operation.public:
            principal = Principal("")
        else:
            try:
                principal = self._doors.verify(token)
            except TokenRefused as error:
                raise unauthorized(str(error)) from None
        return principal, convert_query(pairs, operation.query)

    def _check_page(self, operation: Operation, headers: dict[bytes, bytes]) -> None:
        """A page of an origin that isn't allowed is told so, rather than being answered and kept from reading it.

        Without a token any page can send simple requests, as browsers call them; none of them write here.
        """
        if given := headers.get(b"origin"):
            origin, host = given.decode("latin-1"), headers.get(b"host", b"").decode("latin-1")
            if not self._doors.origins.allows(origin, host):
                raise forbidden(REFUSED, origin=origin[:200])
        if self._doors.is_open and operation.body is not None:
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != JSON:
                raise bad_request("Content-Type must be application/json")


class _ClientLeft(Exception):
    """There is nobody to answer any more."""


async def _watch(handler: Handler, call: Call) -> Reply | None:
    """Runs a handler for as long as the client is there."""
    work = asyncio.ensure_future(handler(call))
    gone = asyncio.ensure_future(_until_gone(call.receive))
    try:
        await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise _ClientLeft
        return work.result()
    finally:
        gone.cancel()
        if not work.done():
            work.cancel()
            work.add_done_callback(lambda task: task.cancelled() or task.exception())  # nobody waits for it any more


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _refusal(error: ApiError, request_id: str) -> Reply:
    headers = [(name.encode(), value.encode()) for name, value in error.headers.items()]
    return Reply(encode_error(error, request_id), error.status, headers=headers)


def _outage(error: Exception) -> ApiError:
    if isinstance(error, BreakerOpenError):
        return unavailable(f"{error.name} is not answering", round(error.retry_after_s), dependency=error.name)
    if isinstance(error, HistoryTooSlowError):
        return unavailable("The query took too long; ask for a shorter range", 1, dependency="clickhouse")
    name = next(name for kind, name in OUTAGES.items() if isinstance(error, kind))
    return unavailable(f"{name} is not answering", dependency=name)


async def _send(
    reply: Reply, request_id: str, scope: Scope, receive: Receive, send: Send,
    *, asked: dict[bytes, bytes], allowance: Allowance | None, head: bool,
) -> None:  # fmt: skip
    body, status = reply.body, reply.status
    headers: Headers = [(b"content-type", reply.content_type), (b"x-request-id", request_id.encode()), *reply.headers]
    if allowance is not None:
        headers += allowance.headers()
    if reply.etag is not None:
        headers += ((b"etag", reply.etag), (b"cache-control", b"private, no-cache"))
        if is_held(reply.etag, asked):
            status, body = 304, b""
    if reply.stream is not None and status != 304:
        await send_stream(status, headers, reply.stream, scope, receive, send, head=head)
        return
    if len(body) >= GZIP_BYTES_MIN:
        headers.append((b"vary", b"accept-encoding"))
        if takes_gzip(asked):
            body = reply.packed if reply.packed is not None else await _pack(body)
            headers.append((b"content-encoding", b"gzip"))
    if status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


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
