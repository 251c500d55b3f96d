"""Bytes of a TLS client to the process that answers it, and back.

TLS ends where a connection was accepted, so its socket can't be given away: REST gets one end of a socket pair, and
this process copies between the other end and the client. A side that doesn't read holds the other one back; when one
ends, what it sent still reaches the other.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

__all__ = ["Splice"]

CHUNK: Final = bytearray(65_536)
"""Of all splices: it is read and written out again before another gets its turn."""


class Splice(asyncio.BufferedProtocol):
    """One direction: reads from its own transport and writes to ``other``'s. ``ended`` is called once it is closed."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self.transport: Any = None
        self.other: Splice | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - a protocol's shape
        return memoryview(CHUNK)

    def buffer_updated(self, nbytes: int) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.write(bytes(memoryview(CHUNK)[:nbytes]))

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a protocol's shape
        other, self.other = self.other, None
        if other is not None:
            other.other = None
            if other.transport is not None:  # else whoever opens it sees that this side is gone
                other.transport.close()
        self._ended()
