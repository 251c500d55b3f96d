"""One endpoint of REST: from the request's bytes to the reply, the same way for all of them.

Each request passes here: request id, token, shared limit, validated query, the handler; reply.py sends what comes of
it, and whatever goes wrong becomes the one error shape. An unexpected exception is logged with the request id and
answered by INTERNAL_ERROR. A client that leaves cancels its handler. This is bare ASGI below Starlette's router, as its
Request and Response cost more than the whole cached answer. Where nothing has to be waited for, ``at_hand`` gives the
very same answer without a task.
"""

import asyncio
import re
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
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
from gateway.rest.reply import JSON, Headers, Receive, Reply, Scope, Send, Sent, send_reply, sent, sent_plain
from gateway.rest.request_id import new_request_id
from gateway.rest.request_limits import Allowance
from gateway.rest.words import NoQuery, Query
from gateway.stores.breaker import BreakerOpenError
from gateway.stores.clickhouse import HistoryTooSlowError, HistoryUnavailableError
from gateway.stores.kafka_rules import RulesUnavailableError
from gateway.stores.now import NowUnavailableError
from kernels.symbols import SYMBOL_RULE, is_symbol
from runtime.tracing.names import HTTP_METHOD, HTTP_ROUTE, HTTP_STATUS, REQUEST
from runtime.tracing.tracer import SERVER, tracer
from schemas.traces import Span

__all__ = ["Call", "Doors", "Endpoint", "Later", "Operation", "check_symbol"]

REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._\-]{1,64}")
BODY_BYTES_MAX: Final = 65_536
OUTAGES: Final = {NowUnavailableError: "redis", HistoryUnavailableError: "clickhouse", RulesUnavailableError: "kafka"}
DOWN: Final[tuple[type[Exception], ...]] = (BreakerOpenError, HistoryTooSlowError, *OUTAGES)
log = structlog.get_logger(__name__)


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
AtHand = Callable[[dict[str, str], Principal], Reply | None]
Later = Coroutine[Any, Any, Sent | None]
"""Gives the answer; None where there is none to be sent."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the interface: what the router, OpenAPI and the metrics know of an endpoint.

    A handler that answers None has sent its own response. ``watched`` ones are cancelled when the client leaves.
    ``id`` is the operationId. ``answer``: a shape, or several of which one comes. ``headers``: those of this answer
    alone; ``tagged``: it has an ETag. ``errors``: statuses of this one beyond those of all. ``files``: other types that
    the answer may come as. ``at_hand``: the reply by the path's parameters, or None where the handler has to be asked.
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
    at_hand: AtHand | None = None

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


class Endpoint:
    """An ASGI application for one path; ``operations`` by method."""

    def __init__(self, operations: dict[str, Operation], doors: Doors) -> None:
        self._operations = operations
        self._doors = doors

    @property
    def has_answers_at_hand(self) -> bool:
        return "GET" in self._operations and self._operations["GET"].at_hand is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        request_id = _request_id(headers)
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
            principal, query = self._enter(operation, scope["query_string"], headers)
            address = self._address(scope["client"][0] if scope.get("client") else "unknown", scope["headers"])
            client = self._client(principal, address)
            if operation.limited:
                allowance = await self._doors.limiter.request(client, address)
            path = scope["path_params"]
            call = Call(scope, receive, send, request_id, headers, principal, query, path, client, allowance, address)
            reply = await (_watch(operation.handler, call) if operation.watched else operation.handler(call))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the process' edge
            reply = self._reply_to(error, operation, request_id)
        if reply is not None:
            head = scope["method"] == "HEAD"
            await send_reply(reply, request_id, scope, receive, send, asked=headers, allowance=allowance, head=head)
            self._doors.metrics.count(operation.name, reply.status, time.perf_counter() - began)
            span.set(HTTP_STATUS, reply.status)
            if reply.status >= 500:
                span.fail(str(reply.status))

    def _reply_to(self, error: BaseException, operation: Operation, request_id: str) -> Reply | None:
        """What answers ``error``; None where nobody is left. A defect becomes a 500, not a torn connection."""
        if isinstance(error, ApiError):
            return _refusal(error, request_id)
        if isinstance(error, asyncio.CancelledError | _ClientLeft):
            self._doors.metrics.requests.labels(operation.name, "left").inc()
            if isinstance(error, asyncio.CancelledError):
                raise error
            return None
        if isinstance(error, DOWN):
            return _refusal(_outage(error), request_id)
        # As text, since structured tracebacks carry local variables, and here these hold tokens.
        trace = "".join(traceback.format_exception(error))
        log.error("request_failed", request_id=request_id, operation=operation.name, traceback=trace)
        return _refusal(internal_error(), request_id)

    def at_hand(
        self, path: dict[str, str], given: Headers, headers: dict[bytes, bytes], peer: str
    ) -> Sent | Later | None:
        """The answer to a GET without query and body, if nothing has to be waited for and nothing is wrong with it.

        Where only the handler has to be waited for, what gives the answer then. None: ``__call__`` is to be asked.
        ``headers`` are those of ``given`` by name.
        """
        operation = self._operations["GET"]
        if operation.at_hand is None or tracer().is_on:
            return None
        began = time.perf_counter()
        try:
            principal, query = self._enter(operation, b"", headers)
            address = self._address(peer, given)
            client = self._client(principal, address)
            held = self._doors.limiter.held(client, address)
            reply = None if held is None else operation.at_hand(path, principal)
        except ApiError:
            return None
        except Exception:  # noqa: BLE001 - a defect: by __call__ the request is answered, and the log says why
            return None
        if held is None or (reply is not None and not reply.is_plain):
            return None
        allowance, request_id = self._doors.limiter.take_held(held), _request_id(headers)
        if reply is None:
            call = Call({}, _nothing, _nowhere, request_id, headers, principal, query, path, client, allowance, address)
            return self._later(operation, call, began)
        found = sent_plain(reply, request_id, headers, allowance)
        self._doors.metrics.count(operation.name, reply.status, time.perf_counter() - began)
        return found

    async def _later(self, operation: Operation, call: Call, began: float) -> Sent | None:
        """As ``_answer``, of a request that was let in."""
        try:
            reply = await operation.handler(call)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the process' edge
            reply = self._reply_to(error, operation, call.request_id)
        if reply is None:
            return None
        found = await sent(reply, call.request_id, call.headers, call.allowance)
        self._doors.metrics.count(operation.name, reply.status, time.perf_counter() - began)
        return found

    def _client(self, principal: Principal, address: str) -> str:
        """Whose limits count."""
        return f"ip:{address}" if self._doors.is_open else principal.user_id

    def _address(self, peer: str, given: Headers) -> str:
        """What limits per address count by."""
        rule = self._doors.addresses
        if not rule.trusts:
            return limited_address(peer)
        lines = (value.decode("latin-1") for name, value in given if name == b"x-forwarded-for")
        return limited_address(rule.of(forwarded_entries(lines), peer))

    def _enter(self, operation: Operation, query_string: bytes, headers: dict[bytes, bytes]) -> tuple[Principal, Any]:
        token: str | None = None
        pairs: list[tuple[str, str]] = []
        if query_string:
            pairs, token = query_pairs(query_string)
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


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _nowhere(message: dict[str, Any]) -> None:
    raise AssertionError(f"an answer at hand is sent whole, not by {message['type']}")


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


def _request_id(headers: dict[bytes, bytes]) -> str:
    """The client's own name of its request, if it can be one."""
    given = headers.get(b"x-request-id")
    return given.decode() if given and REQUEST_ID.fullmatch(given) else new_request_id()


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
