"""Fetches a document over HTTP or HTTPS, whole within a time and a size or not at all.

The gateway takes public keys and the metrics of flows through it, each in a thread of its own. A timeout of a socket
bounds only the pauses, so a connection is cut when the whole time is over, however slowly its bytes come. A redirect
never leads from https to http, since what came over a plain connection would be anybody's.
"""

import http.client
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any, Final

__all__ = ["download"]

IDLE_S: Final = 5.0


def download(url: str, *, total_s: float, bytes_max: int, proxied: bool = True) -> bytes:
    """What stands at ``url``; ``proxied``: through a proxy of the environment, where there is one.

    Raises OSError, ValueError or http.client.HTTPException where there is nothing.
    """
    cutter = _Cutter(total_s)
    proxies = urllib.request.ProxyHandler(None if proxied else {})
    opener = urllib.request.build_opener(proxies, _Plain(cutter), _Secure(cutter), _Redirects())
    with cutter:
        try:
            with opener.open(url, timeout=min(IDLE_S, total_s)) as answer:
                found: bytes = answer.read(bytes_max + 1)
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds the connection
            if cutter.has_cut:
                raise TimeoutError(f"no whole answer within {total_s:g} s") from None
            raise
        if cutter.has_cut:
            raise TimeoutError(f"no whole answer within {total_s:g} s")
    if len(found) > bytes_max:
        raise ValueError(f"more than {bytes_max:,} bytes")
    return found


class _Cutter:
    """Ends every connection that was opened under it when the time is over; a timeout alone bounds the pauses only."""

    def __init__(self, total_s: float) -> None:
        self.has_cut = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(total_s, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def watch(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.append(connected)
            if self.has_cut:
                self._end(connected)

    def _cut(self) -> None:
        with self._lock:
            self.has_cut = True
            for each in self._sockets:
                self._end(each)

    @staticmethod
    def _end(connected: socket.socket) -> None:
        with suppress(OSError):  # it is closed already
            connected.shutdown(socket.SHUT_RDWR)


def _watched(kind: type[http.client.HTTPConnection], cutter: _Cutter) -> Callable[..., http.client.HTTPConnection]:
    class Watched(kind):  # type: ignore[misc, valid-type]  # the class is an argument
        def connect(self) -> None:
            super().connect()
            cutter.watch(self.sock)

    return Watched


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, cutter: _Cutter) -> None:
        super().__init__()
        self._connection: Any = _watched(http.client.HTTPConnection, cutter)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, cutter: _Cutter) -> None:
        super().__init__()
        self._connection: Any = _watched(http.client.HTTPSConnection, cutter)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connection, req)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.lower().startswith("https://"):
            fp.close()
            raise urllib.error.URLError(f"redirected from https to {newurl[:200]}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
