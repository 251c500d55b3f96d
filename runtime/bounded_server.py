"""A small HTTP server for figures whose connections are few and end: what one process shows to Prometheus.

``runtime.metrics`` serves the registry with it. A connection has REQUEST_S from its first byte to its last, however
little it sends, and at most CONNECTIONS_MAX are open: a further one takes the place of the oldest. So whoever opens
sockets and says nothing can neither keep Prometheus out nor use up the files of a flow.
"""

import contextlib
import errno
import socket
import threading
import time
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

__all__ = ["CONNECTIONS_MAX", "REQUEST_S", "BoundedServer"]

CONNECTIONS_MAX: Final = 32
REQUEST_S: Final = 10.0
NO_FILES_PAUSE_S: Final = 0.2
NO_FILES: Final = (errno.EMFILE, errno.ENFILE)


class QuietHandler(WSGIRequestHandler):
    """Without a line on standard error for each scrape."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


class BoundedServer(ThreadingMixIn, WSGIServer):
    """``serve_forever`` in a thread of its own; raises OSError where ``address`` can't be had."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = CONNECTIONS_MAX
    """Of five, which is the library's, silent ones fill it at once: the next is answered a second or three later."""

    def __init__(self, address: str, port: int, app: Any) -> None:
        self.address_family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        self._opened_s: dict[Any, float] = {}
        self._guard = threading.Lock()
        super().__init__((address, port), QuietHandler)
        self.set_app(app)

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            return super().get_request()
        except OSError as error:
            if error.errno in NO_FILES:  # the listening socket stays readable: without a pause the loop would spin
                time.sleep(NO_FILES_PAUSE_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            if len(self._opened_s) >= CONNECTIONS_MAX:
                cut(next(iter(self._opened_s)))
            self._opened_s[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._opened_s.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called by the loop twice a second."""
        with self._guard:
            late = [each for each, opened_s in self._opened_s.items() if time.monotonic() - opened_s > REQUEST_S]
        for each in late:
            cut(each)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or was cut off, is no news."""


def cut(connection: socket.socket) -> None:
    """Its thread reads the end and closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
