"""How one process of the gateway gives an accepted connection to another: the socket itself, over a Unix socket.

The WebSocket process reads a request's head and gives whatever isn't a WebSocket to REST, with the bytes that it has
read; the kernel moves the descriptor (SCM_RIGHTS, unix(7)), so nothing is copied afterwards. The parent opens the
queue and its children inherit an end each: several may give, several may take, and what waits there outlives a REST
process that is started anew. A full queue is a False, never a wait.
"""

import contextlib
import socket
from typing import Final

import msgspec

__all__ = ["Passed", "hand_over", "open_queue", "take"]

QUEUE_BYTES: Final = 4_000_000
"""Asked for; the kernel's limit is net.core.wmem_max, by which some hundred connections wait."""
MESSAGE_BYTES_MAX: Final = 65_536


class Passed(msgspec.Struct, array_like=True):
    """What goes with a socket. ``head``: bytes that were read from it; ``secure``: its client speaks TLS.

    peer, port: the client's address as the accepting socket had it; of a TLS client only we know it.
    """

    peer: str
    port: int
    secure: bool
    head: bytes


def open_queue() -> tuple[socket.socket, socket.socket]:
    """The end to give into and the end to take from."""
    giving, taking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    giving.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, QUEUE_BYTES)
    for end in (giving, taking):
        end.setblocking(False)
    return giving, taking


def hand_over(queue: socket.socket, connection: socket.socket, passed: Passed) -> bool:
    """Gives ``connection``, which the caller still has to close. False where the queue is full."""
    try:
        socket.send_fds(queue, [msgspec.msgpack.encode(passed)], [connection.fileno()])
    except OSError:  # it is full, or nobody has its other end any more
        return False
    return True


def take(queue: socket.socket) -> tuple[socket.socket | None, Passed] | None:
    """The connection that waited longest, None where none waits; its socket is None where we may open no more files.

    Raises EOFError when nobody is left to give.
    """
    try:
        data, handles, _, _ = socket.recv_fds(queue, MESSAGE_BYTES_MAX, 1, socket.MSG_CMSG_CLOEXEC)
    except (BlockingIOError, InterruptedError):
        return None
    if not data:
        raise EOFError
    passed = msgspec.msgpack.decode(data, type=Passed)
    if not handles:
        return None, passed
    connection = socket.socket(fileno=handles[0])
    with contextlib.suppress(OSError):
        connection.setblocking(False)
    return connection, passed
