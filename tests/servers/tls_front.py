"""A TLS front before a server of this machine that speaks none: what comes in encrypted goes on in plain, and back.

The tests put the embedded ClickHouse behind it, as a proxy in a company would stand before a real one.
"""

import asyncio
import contextlib
import ssl
import threading
from types import TracebackType
from typing import Self

from tests.servers.certificates import Certificates

__all__ = ["TlsFront"]

BYTES = 1 << 16


class TlsFront:
    """A context manager; ``port`` is where clients come, ``behind`` the port of the server."""

    def __init__(self, behind: int, tls: Certificates) -> None:
        self.port = 0
        self._behind = behind
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(tls.certificate, tls.key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self._server = asyncio.run_coroutine_threadsafe(started, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        running = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened = [writer]
        with contextlib.suppress(OSError):
            try:
                server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._behind)
                opened.append(server_writer)
                ways = (_pass_on(reader, server_writer), _pass_on(server_reader, writer))
                passing = [asyncio.create_task(way) for way in ways]
                await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
                for task in passing:
                    task.cancel()
            finally:
                for each in opened:
                    each.close()
                for each in opened:
                    await each.wait_closed()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(BYTES):
            target.write(data)
            await target.drain()
