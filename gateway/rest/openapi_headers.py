"""The response headers of REST, described once for the OpenAPI document.

openapi.py puts HEADERS among the components and refers to them by name. ``headers_of`` says which of them an answer
has; an endpoint names its own in Operation.headers.
"""

from typing import Any, Final

from gateway.rest.endpoint import Operation

__all__ = ["HEADERS", "LIMIT_HEADERS", "headers_of"]

LIMIT_HEADERS: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy")


def _header(description: str, example: Any, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}, "example": example}


HEADERS: Final[dict[str, dict[str, Any]]] = {
    "RateLimit-Limit": _header("Requests of the tightest policy's window; absent without a limit", 100, "integer"),
    "RateLimit-Remaining": _header("Requests that are left of it", 97, "integer"),
    "RateLimit-Reset": _header("Seconds until its window ends", 42, "integer"),
    "RateLimit-Policy": _header("All policies that apply: requests, and seconds of the window", "100;w=60"),
    "Retry-After": _header("Seconds to wait before asking again", 42, "integer"),
    "ETag": _header("Tag of this answer; send it as If-None-Match to get 304 while it is right", 'W/"1f0c5a"'),
    "Cache-Control": _header("private, no-cache: keep it, but ask whether it is still right", "private, no-cache"),
    "X-Request-Id": _header("The request's id, given by the client or made here; it finds the log line", "5f3c9a1e"),
    "X-Cache": _header("HIT, MISS, STALE or BYPASS: where the answer comes from", "HIT"),
    "X-Stale": _header("true where a source is down and the answer is older; else absent", "true"),
    "Age": _header("Of a stale answer: seconds since it was read", 12, "integer"),
    "X-Sequence": _header("The highest sequence that the answer knows; the stream counts the same", 184467, "integer"),
    "X-Next-Cursor": _header("After a full page: cursor of the next one", "AAYA"),
    "X-Total-Count": _header("How many there are without the limit", 2, "integer"),
    "Link": _header(
        'After a full page: address of the next one, rel="next"', '</api/trades/A?cursor=AAYA>; rel="next"'
    ),
    "Location": _header("Address of what was made", "/api/watchlists/0b6c1d3e"),
    "Content-Disposition": _header("A name for the file", 'attachment; filename="report.csv"'),
    "WWW-Authenticate": _header("Bearer", "Bearer"),
}
TAGGED: Final = ("ETag", "Cache-Control")
OF_STATUS: Final = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
LIMITED: Final = {429}
"""Errors that come after the limits were asked, and because of them."""


def headers_of(op: Operation, status: int) -> dict[str, Any]:
    """By name, the references of an answer."""
    names = ["X-Request-Id"]
    if status == op.status:
        names += [*op.headers, *(TAGGED if op.tagged else ())]
    if status == 304:
        names += TAGGED
    names += OF_STATUS.get(status, ())
    if op.limited and (status < 400 or status in LIMITED):
        names += LIMIT_HEADERS
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
