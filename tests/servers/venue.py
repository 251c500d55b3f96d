"""A venue on this machine that does what a script says: WebSocket and REST on one port, and every fault on demand.

Trades of the script happen one after the other by ``trade``, whether anybody listens or not; REST knows what has
happened. Faults are given out in order: to the next handshakes, to the next questions of REST, or to all connections
at once. It runs in the event loop of its test.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.servers.venue_forms import FORMS, ScriptedTrade, is_end

__all__ = ["ScriptedVenue", "hang_up", "status"]

LOGGER = logging.Logger("venue")  # of nobody, so nothing is shown
BEAT_S = 0.05
Answer = Callable[[ServerConnection], Response | None]


class ScriptedVenue:
    """``past``: trades of a market that a subscription gets again, where the venue does so; ``listed``: its markets,
    by its own names and by ours, those of the script unless they are changed."""

    def __init__(self, name: str, script: Sequence[ScriptedTrade], past: int = 5) -> None:
        self.form = FORMS[name]()
        self.name, self.script, self.past = name, script, past
        self.happened = 0
        self.listed = {trade.name: trade.symbol for trade in script}
        self.handshakes: deque[Answer] = deque()
        self.rest: deque[Answer] = deque()
        self.questions: list[str] = []
        self.is_mute = False
        self.opened = 0
        self._listening: dict[ServerConnection, set[str]] = {}
        self._server: Server | None = None
        self._beating: asyncio.Task[None] | None = None
        self._port = 0

    @property
    def addresses(self) -> str:
        """For TAPEFLOW_FEED_ADDRESSES."""
        return f"{self.name}=ws://127.0.0.1:{self._port},{self.name}=http://127.0.0.1:{self._port}"

    @property
    def listeners(self) -> int:
        """Connections that have subscribed."""
        return len(self._listening)

    @property
    def followed(self) -> set[str]:
        """The venue's names of the markets that anybody listens to."""
        return {name for names in self._listening.values() for name in names}

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen, always on the same port."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self._port,
            process_request=self._request,
            ping_interval=None,
            compression=None,
            logger=LOGGER,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        if self.form.beat:
            self._beating = asyncio.create_task(self._beat())

    async def close(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
        if self._server is not None:
            self.abort()
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def trade(
        self, count: int = 1, *, lost: bool = False, jumbled: bool = False, change: Callable[[str], str] = str
    ) -> None:
        """Let the next trades happen; ``lost``: nobody is sent them; ``jumbled``: they are sent the
        other way round; ``change``: what becomes of each frame."""
        trades = self.script[self.happened : self.happened + count]
        self.happened += len(trades)
        if lost:
            return
        for run in runs_of(trades[::-1] if jumbled else trades):
            for text in self.form.trades(run):
                await self._send(change(text), run[0].name)

    async def say(self, data: str | bytes) -> None:
        """Send this to everybody who listens."""
        for name in {name for names in self._listening.values() for name in names}:
            await self._send(data, name)
            return

    def mute(self) -> None:
        """Take everything and answer nothing, not even a ping, until ``speak``."""
        self.is_mute = True
        for connection in self._listening:
            connection.transport.pause_reading()

    def speak(self) -> None:
        self.is_mute = False
        self.abort()

    def abort(self) -> None:
        """Cut every connection, as a cable does."""
        for connection in [*self._listening]:
            connection.transport.abort()
        self._listening.clear()

    async def cut_amid_a_frame(self) -> None:
        """The header of a frame of 200 bytes, a part of it, and no more."""
        for connection in [*self._listening]:
            connection.transport.write(b"\x81\x7e\x00\xc8" + b'{"action":"upd')
        await asyncio.sleep(0)
        self.abort()

    async def end(self, code: int) -> None:
        """Close every connection in order."""
        connections = [*self._listening]
        self._listening.clear()
        for connection in connections:
            await connection.close(code)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            for name in {name for names in self._listening.values() for name in [*names][:1]}:
                await self._send(self.form.beat, name)

    async def _send(self, data: str | bytes, name: str) -> None:
        for connection, names in [*self._listening.items()]:
            if name in names and not self.is_mute:
                try:
                    await connection.send(data)
                except ConnectionClosed:
                    self._listening.pop(connection, None)

    async def _serve(self, connection: ServerConnection) -> None:
        self.opened += 1
        try:
            async for message in connection:
                if not self.is_mute:
                    await self._take(connection, str(message))
        except ConnectionClosed:
            pass
        finally:
            self._listening.pop(connection, None)

    async def _take(self, connection: ServerConnection, text: str) -> None:
        known = {trade.name for trade in self.script}
        names = [name for name in self.form.asked(text) or [] if name in known]
        for answer in self.form.answers(text, known):
            await connection.send(answer)
        if is_end(text):
            self._listening.get(connection, set()).difference_update(names)
            return
        for name in names:
            happened = [trade for trade in self.script[: self.happened] if trade.name == name]
            if self.form.sends_past and happened[-self.past :]:
                for frame in self.form.trades(happened[-self.past :], past=True):
                    await connection.send(frame)
        if names:
            # What happened while the past was sent went nowhere: no await lies between here and the script.
            self._listening.setdefault(connection, set()).update(names)

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade"):
            return self.handshakes.popleft()(connection) if self.handshakes else None
        self.questions.append(request.path)
        if self.rest:
            answer = self.rest.popleft()(connection)
            if answer is not None:
                return answer
        if urlsplit(request.path).path == self.form.listing_path:
            return connection.respond(200, self.form.listing(self.listed))
        body = self.form.page(request.path, self.script[: self.happened])
        return connection.respond(200, body)


def runs_of(trades: Sequence[ScriptedTrade]) -> list[list[ScriptedTrade]]:
    """Cut where the market changes."""
    runs: list[list[ScriptedTrade]] = []
    for trade in trades:
        if runs and runs[-1][0].name == trade.name:
            runs[-1].append(trade)
        else:
            runs.append([trade])
    return runs


def status(code: int, body: str = "", **headers: str) -> Any:
    """An answer with this status; names of headers with _ for -."""

    def answer(connection: ServerConnection) -> Response:
        response = connection.respond(code, body)
        for name, value in headers.items():
            response.headers[name.replace("_", "-")] = value
        return response

    return answer


def hang_up(connection: ServerConnection) -> None:
    """No answer at all."""
    connection.transport.abort()
