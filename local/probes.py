"""Does a server answer? One question per protocol, asked over a bare socket.

``process`` polls them until a server that was started is ready. A probe tells True only after the server did real work
(a SELECT, a PING, a metadata answer), never for an open port alone. No client library is used, since their own retries
and logs would hide what a probe is for.
"""

import socket
import struct
from typing import Final

from local.clickhouse.native import text, varint

__all__ = ["clickhouse_answers", "kafka_answers", "redis_answers"]

TIMEOUT_S: Final = 2.0


def redis_answers(port: int, host: str = "127.0.0.1") -> bool:
    """PING gives PONG; False too while Redis still loads its data."""
    return _ask(host, port, b"PING\r\n", expected=b"+PONG")


def clickhouse_answers(port: int, host: str = "127.0.0.1") -> bool:
    """SELECT 1 as the user ``default`` gives data."""
    hello = b"\x00" + text("probe") + varint(1) + varint(0) + varint(54429) + text("") + text("default") + text("")
    no_tables = b"\x02\x00\x01\x00\x02\xff\xff\xff\xff\x00\x00\x00"
    query = b"\x01" + text("") + b"\x00" + text("") + varint(2) + varint(0) + text("SELECT 1") + no_tables
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.sendall(hello)
            if connection.recv(4096)[:1] != b"\x00":
                return False
            connection.sendall(query)
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def kafka_answers(port: int, host: str = "127.0.0.1") -> bool:
    """A metadata request (version 5, no topics) is answered."""
    body = struct.pack(">hhih", 3, 5, 7, -1) + struct.pack(">ib", 0, 0)
    return _ask(host, port, struct.pack(">i", len(body)) + body, expected=struct.pack(">i", 7), skip=4)


def _ask(host: str, port: int, question: bytes, *, expected: bytes, skip: int = 0) -> bool:
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.sendall(question)
            answer = b""
            while len(answer) < skip + len(expected):
                part = connection.recv(4096)
                if not part:
                    return False
                answer += part
            return answer[skip:].startswith(expected)
    except OSError:
        return False
