"""The REST and SSE application: every part made from the settings, put together, and served.

``create_app`` gives a Starlette application that any ASGI server runs (``uvicorn --factory
gateway.rest.app:create_app``); ``serve_rest`` runs it for the connections that the WebSocket process hands over.
Nothing is opened when it is made. Connections are made at first use, so a gateway starts while its dependencies are
down and says so in ``/health/ready``. The router has one entry per path, as methods share a path's endpoint.
"""

import socket
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import msgspec
import structlog
import uvloop
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.access.addresses import AddressRule
from gateway.access.auth import OpenAuthorizer, TokenAuthorizer, make_authorizer
from gateway.access.login import make_login
from gateway.access.origins import LOOPBACK_ORIGINS, OriginRule
from gateway.port.open_files import OWN_FILES, raise_open_files
from gateway.rest.about import Gateway
from gateway.rest.alert_rules import AlertRules
from gateway.rest.asyncapi import make_asyncapi
from gateway.rest.desk_alerts import Alerts
from gateway.rest.desk_figures import Desk
from gateway.rest.docs_page import POLICY, make_page
from gateway.rest.endpoint import Call, Doors, Endpoint, Operation
from gateway.rest.errors import ApiError, encode_error, not_found
from gateway.rest.flows import Flows
from gateway.rest.health import Health
from gateway.rest.historical import Historical
from gateway.rest.login import Login
from gateway.rest.market import Market
from gateway.rest.ohlc import Ohlc
from gateway.rest.openapi import make_document
from gateway.rest.openapi_headers import LIMIT_HEADERS
from gateway.rest.pages import dashboard_routes
from gateway.rest.parts import Parts
from gateway.rest.prices import Prices
from gateway.rest.quote_bars import QuoteBars
from gateway.rest.reply import Reply, etag_of
from gateway.rest.reports import Reports
from gateway.rest.request_id import new_request_id
from gateway.rest.server import RestServer
from gateway.rest.sse import Sse
from gateway.rest.straight import Straight
from gateway.rest.symbols import Symbols
from gateway.rest.trades import Trades
from gateway.rest.watchlists import Watchlists
from gateway.stores.desk_alerts import DeskAlerts
from gateway.stores.desk_figures import DeskFigures
from gateway.stores.quote_bars import QuoteHistory
from gateway.stores.ws_stats import WsStats
from runtime.garbage import keep_what_is_loaded
from runtime.settings.whole import Settings, load_settings

__all__ = ["create_app", "serve_rest"]

EXPOSED: Final = ("Content-Disposition", "ETag", "Link", "Location", "Retry-After", *LIMIT_HEADERS)
EXPOSED_OURS: Final = ("X-Cache", "X-Next-Cursor", "X-Request-Id", "X-Sequence", "X-Stale", "X-Total-Count")
log = structlog.get_logger(__name__)


class Documents(NamedTuple):
    """What describes the gateway, as plain JSON values."""

    openapi: dict[str, Any]
    asyncapi: dict[str, Any]


def create_app(
    settings: Settings | None = None,
    *,
    authorizer: OpenAuthorizer | TokenAuthorizer | None = None,
    ws_stats: WsStats | None = None,
) -> Starlette:
    """The application; without arguments from the environment, as server commands with factories call it."""
    settings = settings or load_settings()
    authorizer = authorizer or make_authorizer(settings)
    parts = Parts(settings, authorizer, ws_stats)
    caches = parts.caches
    ohlc = Ohlc(parts.now, parts.history, parts.known, caches.bars, parts.limiter)
    trades = Trades(parts.history, parts.known, caches.settled, caches.recent, parts.limiter)
    reports = parts.reports
    operations = (
        *Prices(parts.now, parts.history, caches.prices, parts.limiter).operations(),
        *ohlc.operations(),
        *trades.operations(),
        *Historical(ohlc, trades).operations(),
        *Symbols(parts.now, caches.symbols).operations(),
        *Market(parts.now, caches.market).operations(),
        *Sse(
            parts.feed,
            parts.metrics,
            queue_max=settings.gateway_sse_queue,
            clients_max=settings.gateway_sse_clients_max,
        ).operations(),
        *Watchlists(parts.redis, parts.now).operations(),
        *Reports(reports.jobs, reports.source, reports.results, reports.runner, parts.limiter).operations(),
        *AlertRules(
            parts.redis,
            parts.now,
            parts.rule_topic,
            parts.price_alerts,
            parts.limiter,
            settings.gateway_alert_rules_max,
        ).operations(),
        *Desk(DeskFigures(parts.clickhouse), parts.limiter).operations(),
        *QuoteBars(QuoteHistory(parts.clickhouse), parts.limiter).operations(),
        *Alerts(
            parts.redis,
            parts.now,
            DeskAlerts(parts.clickhouse),
            parts.limiter,
            None if authorizer.open else frozenset(settings.gateway_acknowledge_roles),
        ).operations(),
        *Health(parts.checks, parts.ws_stats, parts.metrics).operations(),
        *Flows(parts.flow_metrics).operations(),
        *Login(make_login(settings), parts.limiter).operations(),
        *Gateway(settings, version("tapeflow"), is_open=authorizer.open).operations(),
    )
    documents = Documents(
        make_document(operations, version("tapeflow"), settings.gateway_port),
        make_asyncapi(version("tapeflow"), settings),
    )
    operations += _about(documents)
    origins = OriginRule(tuple(settings.gateway_origins), authorizer.open)
    addresses = AddressRule(settings.gateway_trust_forwarded, settings.gateway_forwarded_hops)
    doors = Doors(authorizer.verify, authorizer.open, parts.limiter, parts.metrics, origins, addresses)
    app = Starlette(
        routes=[*_routes(operations, doors), *dashboard_routes(doors, wanted=settings.gateway_dashboard)],
        middleware=[_cors(origins)] if origins.named or origins.is_open else [],
        exception_handlers={HTTPException: _refuse},
        lifespan=parts.live,
    )
    app.router.redirect_slashes = False
    app.state.parts, app.state.documents = parts, documents
    return app


def _routes(operations: tuple[Operation, ...], doors: Doors) -> list[Route]:
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [Route(path, Endpoint(methods, doors), methods=list(methods)) for path, methods in by_path.items()]


def _about(documents: Documents) -> tuple[Operation, ...]:
    """The pages that describe the others, encoded once."""
    text, channels_text = msgspec.json.encode(documents.openapi), msgspec.json.encode(documents.asyncapi)
    page = make_page(documents.openapi, documents.asyncapi)
    text_tag, channels_tag, page_tag = etag_of(text), etag_of(channels_text), etag_of(page)
    free: dict[str, Any] = {"public": True, "limited": False}
    policy = [(b"content-security-policy", POLICY.encode()), (b"x-content-type-options", b"nosniff")]

    async def openapi(call: Call) -> Reply:  # noqa: ARG001 - a handler's shape
        return Reply(text, etag=text_tag)

    async def asyncapi(call: Call) -> Reply:  # noqa: ARG001 - a handler's shape
        return Reply(channels_text, etag=channels_tag)

    async def docs(call: Call) -> Reply:  # noqa: ARG001 - a handler's shape
        return Reply(page, etag=page_tag, content_type=b"text/html; charset=utf-8", headers=policy)

    return (
        Operation("GET", "/openapi.json", openapi, "getOpenApi", "about", "This document", **free),
        Operation("GET", "/asyncapi.json", asyncapi, "getAsyncApi", "about", "WebSocket and events", **free),
        Operation("GET", "/docs", docs, "getDocs", "about", "Both to read", **free),
    )


def _cors(origins: OriginRule) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=list(origins.named),
        allow_origin_regex=LOOPBACK_ORIGINS if origins.is_open else None,
        allow_credentials="*" not in origins.named,  # pages that send theirs read nothing without it
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "If-None-Match",
            "Last-Event-ID",
            "Traceparent",
            "X-Request-Id",
        ],
        expose_headers=[*EXPOSED, *EXPOSED_OURS],
        max_age=600,
    )


async def _refuse(request: Request, error: Exception) -> Response:  # what the router itself answers: 404 and 405
    assert isinstance(error, HTTPException)
    refused = not_found("No such path", path=request.url.path[:200])
    if error.status_code == 405:
        allowed = dict(error.headers or {})
        refused = ApiError("METHOD_NOT_ALLOWED", f"{request.method} is not for this path", {}, allowed)
    request_id = new_request_id()
    headers = {**refused.headers, "x-request-id": request_id}
    return Response(encode_error(refused, request_id), refused.status, headers, "application/json")


def serve_rest(settings: Settings, queue: socket.socket) -> None:
    """Serves what comes through ``queue`` until SIGTERM or SIGINT; raises SettingError for keys that can't be read."""
    app = create_app(settings)
    files = raise_open_files(settings.gateway_sse_clients_max)
    server = RestServer(Straight(app), queue, files - OWN_FILES, app.state.parts.feed.close)
    keep_what_is_loaded()
    log.info("rest_started", docs="/docs")
    uvloop.run(server.serve())
