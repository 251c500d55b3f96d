"""The short way to endpoints whose answers may be at hand: past the framework's middleware and router.

The server asks here with what it has parsed. What is at hand is given at once, without a task; what only a store has to
be asked for, by one task and no more. All else goes to the endpoint, or through the application, which both give the
very same answer: middleware has nothing to add where no page of another origin asks, and endpoints answer their own
errors.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.routing import Route

from gateway.rest.endpoint import Endpoint, Later
from gateway.rest.reply import Headers, Receive, Scope, Send, Sent

__all__ = ["Straight"]

SPECIAL: Final = frozenset((b"origin", b"content-length", b"transfer-encoding", b"expect", b"upgrade"))
"""Headers of requests that have a body, or that the application or the server treats in a way of its own."""


class Straight:
    """An ASGI application in front of ``app``, for its routes ``/…/{name:path}`` with answers at hand."""

    def __init__(self, app: Starlette) -> None:
        self._app: Any = app  # whose types of messages are wider
        self._ways = list(_ways(app))

    def at_hand(self, target: bytes, given: Headers, peer: str) -> Sent | Later | None:
        """The answer to ``GET target`` from ``peer``, or what gives it soon; None: ``__call__`` is to be asked."""
        path = _path_of(target)
        for prefix, name, endpoint in self._ways:
            if path.startswith(prefix) and "\n" not in path:
                headers = dict(given)
                if SPECIAL.isdisjoint(headers):
                    return endpoint.at_hand({name: path[len(prefix) :]}, given, headers, peer)
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            path: str = scope["path"]
            for prefix, name, endpoint in self._ways:
                if (
                    path.startswith(prefix)
                    and "\n" not in path
                    and all(key != b"origin" for key, _ in scope["headers"])
                ):
                    scope["path_params"] = {name: path[len(prefix) :]}
                    await endpoint(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _ways(app: Starlette) -> Iterator[tuple[str, str, Endpoint]]:
    """What paths begin with, the name of the rest, and the endpoint."""
    for route in app.routes:
        if isinstance(route, Route) and isinstance(route.endpoint, Endpoint) and route.endpoint.has_answers_at_hand:
            prefix, _, name = route.path.removesuffix(":path}").partition("{")
            yield prefix, name, route.endpoint


@lru_cache(10_000)
def _path_of(target: bytes) -> str:
    """The path of a request's target; empty where there is more to it than a path."""
    return unquote(target.decode("ascii")) if target.isascii() and b"?" not in target and b"#" not in target else ""
