"""The dashboard: the built page at ``/`` and what it loads, out of the package and into browsers.

``npm run build`` in ``web/`` writes the files into ``gateway/dashboard``; here they are read and compressed once, when
the application is made. Names below ``/assets`` hold a hash of their content, so browsers keep them for a year; all
others are asked for anew each time and answered 304 while they are the same. The page needs no token, its data does.
Its policy lets it load from this server alone, and run no script or style that isn't a file of it; the one exception
is the style of the chart library's logo, by its hash. A package without the page leads ``/`` to ``/docs``.
"""

import gzip
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.rest.endpoint import Doors
from gateway.rest.errors import ApiError, encode_error
from gateway.rest.reply import Headers, Receive, Scope, Send, etag_of, is_held, takes_gzip

__all__ = ["DASHBOARD_POLICY", "dashboard_routes"]

LOGO_STYLE: Final = "sha256-3pRED1tOXas1FXFoPb9TGCjmYe9XQsmO9OV23khV2nY="
"""Of the one style element that lightweight-charts makes."""
DASHBOARD_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' '{LOGO_STYLE}'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",  # of the same host and port also ws: and wss:
        "manifest-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
SAFETY: Final[Headers] = [
    (b"content-security-policy", DASHBOARD_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
INDEX: Final = "index.html"
ASSETS: Final = "assets"
FOR_A_YEAR: Final = b"public, max-age=31536000, immutable"
ASK_ANEW: Final = b"no-cache"
CONTENT_TYPES: Final = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "svg": b"image/svg+xml",
    "png": b"image/png",
    "ico": b"image/x-icon",
    "woff2": b"font/woff2",
    "json": b"application/json",
    "webmanifest": b"application/manifest+json",
    "txt": b"text/plain; charset=utf-8",
}
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is sent. ``packed``: the same by gzip, None where that is no smaller. ``operation``: its metric's
    label."""

    operation: str
    body: bytes
    packed: bytes | None
    etag: bytes
    content_type: bytes
    cache_control: bytes

    @classmethod
    def of(cls, name: str, body: bytes, *, hashed: bool) -> "PageFile":
        packed = gzip.compress(body, mtime=0)
        return cls(
            f"GET /{ASSETS}" if hashed else "GET /",
            body,
            packed if len(packed) < len(body) else None,
            etag_of(body),
            CONTENT_TYPES.get(name.rpartition(".")[2], b"application/octet-stream"),
            FOR_A_YEAR if hashed else ASK_ANEW,
        )


class PageEndpoint:
    """An ASGI application that sends one file, to GET and HEAD. Its query is the page's own affair."""

    def __init__(self, file: PageFile, doors: Doors) -> None:
        self._file, self._doors = file, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's shape
        began, file, asked = time.perf_counter(), self._file, dict(scope["headers"])
        status, body = 200, file.body
        headers: Headers = [*SAFETY, (b"etag", file.etag), (b"cache-control", file.cache_control)]
        if file.packed is not None:
            headers.append((b"vary", b"accept-encoding"))
        try:
            self._doors.check_host(asked)
        except ApiError as error:
            request_id = os.urandom(8).hex()
            status, body = error.status, encode_error(error, request_id)
            headers = [(b"content-type", b"application/json"), (b"x-request-id", request_id.encode())]
        else:
            if is_held(file.etag, asked):
                status, body = 304, b""
            else:
                headers.append((b"content-type", file.content_type))
                if file.packed is not None and takes_gzip(asked):
                    body = file.packed
                    headers.append((b"content-encoding", b"gzip"))
        if status != 304:
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        self._doors.metrics.count(file.operation, status, time.perf_counter() - began)


def dashboard_routes(doors: Doors, *, wanted: bool) -> list[Route]:
    """A route for ``/`` and for each file that the page loads; where the page isn't ``wanted``, ``/`` alone."""
    pages = dict(page_files(files("gateway").joinpath("dashboard"))) if wanted else {}
    if "/" not in pages:
        if wanted:
            log.warning(
                "dashboard_missed", consequence="/ leads to /docs", mend="install a package that was built whole"
            )
        return [Route("/", _to_docs)]
    return [Route(path, PageEndpoint(file, doors), methods=["GET"]) for path, file in pages.items()]


def page_files(folder: Traversable) -> Iterator[tuple[str, PageFile]]:
    """Each file of the page with its path; nothing where there is no folder."""
    if not folder.is_dir():
        return
    for each in folder.iterdir():
        if each.is_file():
            path = "/" if each.name == INDEX else f"/{each.name}"
            yield path, PageFile.of(each.name, each.read_bytes(), hashed=False)
    assets = folder.joinpath(ASSETS)
    for each in assets.iterdir() if assets.is_dir() else ():
        yield f"/{ASSETS}/{each.name}", PageFile.of(each.name, each.read_bytes(), hashed=True)


async def _to_docs(request: Request) -> Response:  # noqa: ARG001 - a handler's shape
    """Who opens the bare address in a browser gets something to read."""
    return RedirectResponse("/docs")
