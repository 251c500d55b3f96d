"""The embedded broker's door: one thread per client, requests answered in the order they came.

Gives each request to ``Api`` and sends the answer, records straight from the file (``sendfile``), so that a fetch costs
no copy in Python. A request that can't be answered ends its connection with a line in the log, never with a wrong
answer. A waiting fetch holds up the requests behind it on the same connection, exactly as in Kafka.
"""

import os
import socket
import socketserver
import struct
from typing import Final

import structlog

from local.kafka.api import Api, Part
from local.kafka.codec import Reader
from local.kafka.segment import Extent
from local.kafka.topics import Topics

__all__ = ["Server"]

log = structlog.get_logger()

REQUEST_BYTES_MAX: Final = 256 << 20
SOCKET_BUFFER_BYTES: Final = 4 << 20


class Server(socketserver.ThreadingTCPServer):
    """Listens from construction on; ``port`` 0 takes a free one."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, address: tuple[str, int], topics: Topics) -> None:
        super().__init__(address, _Connection)
        self.api = Api(topics, address[0], self.port)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Connection(socketserver.BaseRequestHandler):
    server: Server
    request: socket.socket

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        memory = memoryview(bytearray(1 << 20))
        try:
            while True:
                size = int.from_bytes(self._exactly(memory[:4]), "big")
                if size > REQUEST_BYTES_MAX:
                    raise ValueError(f"request of {size} bytes")
                if size > len(memory):
                    memory = memoryview(bytearray(size))
                self._answer(self._exactly(memory[:size]))
        except (EOFError, ConnectionError):
            # The client hung up, as clients do.
            return
        except (ValueError, struct.error, UnicodeDecodeError) as error:
            log.warning("kafka_request_refused", reason=str(error))

    def _exactly(self, into: memoryview) -> memoryview:
        got = 0
        while got < len(into):
            size = self.request.recv_into(into[got:])
            if not size:
                raise EOFError
            got += size
        return into

    def _answer(self, data: memoryview) -> None:
        request = Reader(data)
        key, version, correlation = request.int16(), request.int16(), request.int32()
        request.nullable_text()
        parts = self.server.api.answer(key, version, request)
        if parts is None:
            return
        size = 4 + sum(part.size if isinstance(part, Extent) else len(part) for part in parts)
        head = struct.pack(">ii", size, correlation)
        self._send([head, *parts])

    def _send(self, parts: list[Part]) -> None:
        held = b""
        for part in parts:
            if isinstance(part, Extent):
                if held:
                    self.request.sendall(held, socket.MSG_MORE)
                    held = b""
                self._send_extent(part)
            else:
                held += part
        if held:
            self.request.sendall(held)

    def _send_extent(self, extent: Extent) -> None:
        position, left = extent.position, extent.size
        while left:
            sent = os.sendfile(self.request.fileno(), extent.segment.fd, position, left)
            if not sent:
                raise ConnectionError("the log's file ended early")
            position += sent
            left -= sent
