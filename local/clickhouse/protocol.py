"""Packets of ClickHouse's native protocol at revision 54429, the server's side: read requests, write answers.

``server`` talks to one client through one ``Wire``. After any packet the stream stands exactly at the next one, or the
connection ends. The revision is chosen with care. Below 54429 clients send settings typed, and silently drop those that
they have no type for (``insert_deduplication_token``). From 54454 on every column carries a serialization byte, and
blocks would stop being equal to FORMAT Native, which is what lets this server pass them on untouched.
"""

import socket
import struct
from dataclasses import dataclass, field
from typing import Final

from local.clickhouse import compression
from local.clickhouse.native import Block, Column, header_block, text, varint, walk_block
from local.clickhouse.types import ServerError
from local.clickhouse.window import STEP_BYTES, Window

__all__ = ["CANCEL", "DATA", "PING", "QUERY", "REVISION", "Hello", "Query", "Wire"]

REVISION: Final = 54429

HELLO, QUERY, DATA, CANCEL, PING = range(5)
_HELLO, _DATA, _EXCEPTION, _PROGRESS, _PONG, _END_OF_STREAM, _PROFILE = (bytes([code]) for code in range(7))
BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""is_overflows = 0, bucket_num = -1, end of fields."""


@dataclass(frozen=True, slots=True)
class Hello:
    client: str
    revision: int
    database: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Query:
    """``settings``: name to (value, important). An important one that the engine doesn't know is an error."""

    sql: str
    settings: dict[str, tuple[str, bool]] = field(default_factory=dict)
    external_tables: bool = False


class Wire:
    """One client's connection. Reading raises EOFError when the client is gone, ConnectionError when it talks
    nonsense.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connection
        self._stream = Window(self._receive)
        self._frames = Window(self._open_frame)
        self._compressed = False

    def _receive(self, window: Window) -> None:
        size = self._socket.recv_into(window.room())
        if not size:
            raise EOFError
        window.grew(size)

    def _open_frame(self, window: Window) -> None:
        stream = self._stream
        stream.mark()
        size = compression.frame_size(stream.take(compression.FRAME_HEAD_BYTES))
        stream.skip(size - compression.FRAME_HEAD_BYTES)
        raw = compression.open_frame(stream.marked())
        window.room(len(raw))[: len(raw)] = raw
        window.grew(len(raw))
        stream.release()

    # -- from the client

    def read_hello(self) -> Hello:
        stream = self._stream
        if stream.varint() != HELLO:
            raise ConnectionError("the first packet isn't Hello")
        client = stream.text()
        stream.varint()
        stream.varint()
        return Hello(client, stream.varint(), stream.text(), stream.text(), stream.text())

    def read_kind(self) -> int:
        """The next packet's kind; its body must be read before the next call."""
        self._stream.release()
        return self._stream.varint()

    def wants_attention(self) -> bool:
        """Whether the client said something, or hung up, while the server was busy answering. Never waits."""
        if self._stream.at < self._stream.end:
            return True
        self._socket.setblocking(False)
        try:
            self._receive(self._stream)
        except BlockingIOError:
            return False
        finally:
            self._socket.setblocking(True)
        return True

    def read_query(self) -> Query:
        """A query packet's body and the external tables behind it (which are read and dropped)."""
        stream = self._stream
        stream.text()
        if stream.byte():
            self._skip_client_info()
        settings: dict[str, tuple[str, bool]] = {}
        while name := stream.text():
            important = bool(stream.byte() & 1)
            settings[name] = (stream.text(), important)
        stream.varint()
        self._compressed = bool(stream.varint())
        if self._compressed and not compression.available():
            raise ConnectionError("compression needs the packages lz4 and clickhouse-cityhash")
        sql = stream.text()
        external = False
        while True:
            if self.read_kind() != DATA:
                raise ConnectionError("a query must be followed by a data packet")
            table, block, _ = self.read_data()
            if not block.rows and not table:
                return Query(sql, settings, external)
            external = True

    def _skip_client_info(self) -> None:
        stream = self._stream
        for _ in range(3):
            stream.text()
        stream.byte()
        for _ in range(3):
            stream.text()
        for _ in range(3):
            stream.varint()
        stream.text()
        stream.varint()

    def read_data(self) -> tuple[str, Block, memoryview]:
        """A data packet's body: table name, what the block holds, its bytes (valid until the next read)."""
        table = self._stream.text()
        window = self._frames if self._compressed else self._stream
        while info := window.varint():
            window.skip(1 if info == 1 else 4)
        window.mark()
        block = walk_block(window)
        native = window.marked()
        if self._compressed:
            # A frame never spans two blocks, so the window is empty now and may start anew.
            window.release()
        return table, block, native

    # -- to the client

    def send_hello(self, version: tuple[int, int, int]) -> None:
        major, minor, patch = version
        self._send(
            _HELLO,
            text("ClickHouse"),
            varint(major),
            varint(minor),
            varint(REVISION),
            text("UTC"),
            text("tapeflow local"),
            varint(patch),
        )

    def send_pong(self) -> None:
        self._send(_PONG)

    def send_header(self, columns: list[Column]) -> None:
        self.send_block(header_block(columns))

    def send_block(self, native: bytes) -> None:
        if self._compressed:
            body = BLOCK_INFO + native
            frames = [compression.pack_frame(body[at : at + STEP_BYTES]) for at in range(0, len(body), STEP_BYTES)]
            self._send(_DATA, b"\x00", *frames)
        else:
            self._send(_DATA, b"\x00", BLOCK_INFO, native)

    def send_profile(self, rows: int, blocks: int, size: int) -> None:
        """The sums of a SELECT, as profile and as the one progress packet."""
        self._send(
            _PROFILE,
            varint(rows),
            varint(blocks),
            varint(size),
            bytes(3),
            _PROGRESS,
            varint(rows),
            varint(size),
            bytes(3),
        )

    def send_written(self, rows: int, size: int) -> None:
        self._send(_PROGRESS, bytes(3), varint(rows), varint(size))

    def send_end(self) -> None:
        self._send(_END_OF_STREAM)

    def send_exception(self, error: ServerError) -> None:
        self._send(
            _EXCEPTION, struct.pack("<i", error.code), text("DB::Exception"), text(error.message), text(""), b"\x00"
        )

    def _send(self, *parts: bytes) -> None:
        self._socket.sendall(b"".join(parts))
