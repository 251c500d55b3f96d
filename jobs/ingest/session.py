"""One connection to a venue, opened again for as long as the feed lives: subscribes, listens, notices when it is dead.

The feed gets each frame with the time when it came. Markets come and go while a connection is open. One that brings
nothing for too long is opened anew, and so is one that the venue ends or doesn't answer on. Pauses grow from one try to
the next. An outage is told once, then every minute, and its end once.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from feeds.recording import Frame
from feeds.rows import Notice, Told
from feeds.venue import Subscription
from jobs.ingest.feed import Feed
from jobs.ingest.history import longer
from jobs.ingest.metrics import CONNECTED, LOST
from jobs.ingest.places import Places, is_local
from jobs.ingest.recorder import Recorder
from jobs.ingest.trouble import retry_after_s, words_of

__all__ = ["Session"]

OPEN_S: Final = 10.0
TOLD_S: Final = 60.0
LEFT: Final = "nothing is followed any more"
FRAMES_PAUSE_S: Final = 0.1
"""Between frames that are sent: no venue takes fewer than five a second."""


class Session:
    """Brings ``symbols``, as many as one connection of the venue may have. ``which``: of the venue's subscriptions for
    them. ``run`` ends when no symbol is left that the venue takes."""

    def __init__(
        self,
        feed: Feed,
        symbols: Iterable[str],
        which: int,
        places: Places,
        pause_s: float,
        silence_s: float,
        recorder: Recorder | None,
        *,
        quotes: bool,
    ) -> None:
        self._feed, self._symbols, self._which, self._places = feed, dict.fromkeys(symbols), which, places
        self._pause_s, self._silence_s, self._recorder, self._quotes = pause_s, silence_s, recorder, quotes
        self._subscribed: dict[str, None] = {}
        self._brings: tuple[str, ...] = ()
        self._pending: set[str] = set()
        self._changed = asyncio.Event()
        self._heard_s = self._asked_s = self._told_s = 0.0
        self._down_since_s: float | None = None
        self._failures = 0
        self._why = ""
        self._log = structlog.get_logger().bind(venue=feed.venue.name)

    def want(self, symbols: Iterable[str]) -> None:
        """More symbols, no more in all than a connection may have."""
        self._symbols.update(dict.fromkeys(symbols))
        self._changed.set()

    def leave(self, symbols: Iterable[str]) -> None:
        """Symbols that aren't followed any more."""
        for symbol in symbols:
            self._symbols.pop(symbol, None)
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled, or until no symbol is left. Raises as Feed.take does."""
        while self._symbols:
            subscription = self._subscription([*self._symbols])
            address, advised_s = self._places.websocket(subscription.address), 0.0
            self._why = ""
            try:
                async with self._connect(address) as connection:
                    CONNECTED.labels(self._feed.venue.name).inc()
                    try:
                        await self._follow(connection, address, subscription)
                    finally:
                        CONNECTED.labels(self._feed.venue.name).dec()
            except (OSError, ConnectionClosed, InvalidHandshake, InvalidURI, TimeoutError) as error:
                if isinstance(error, InvalidStatus):
                    advised_s = retry_after_s(error.response.headers.get("Retry-After"))
                self._why = self._why or words_of(error, address)
            if self._why == LEFT:
                continue
            LOST.labels(self._feed.venue.name).inc()
            self._failures += 1
            pause_s = max(advised_s, longer(self._pause_s, self._failures))
            self._tell_outage(address, pause_s)
            if self._symbols:
                await asyncio.sleep(pause_s)

    def _connect(self, address: str) -> AbstractAsyncContextManager[ClientConnection]:
        asks_itself = bool(self._feed.venue.rules.ping)
        options: dict[str, Any] = {"proxy": None} if is_local(address) else {}
        return connect(
            address,
            open_timeout=OPEN_S,
            close_timeout=1,
            max_size=None,
            compression=None,
            ping_interval=None if asks_itself else min(20.0, self._silence_s / 2),
            ping_timeout=None if asks_itself else self._silence_s,
            **options,
        )

    def _subscription(self, symbols: Sequence[str]) -> Subscription:
        return self._feed.venue.subscriptions(symbols, quotes=self._quotes)[self._which]

    async def _follow(self, connection: ClientConnection, address: str, subscription: Subscription) -> None:
        """Until it is over, which ``_why`` explains. Raises ConnectionClosed."""
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()
        self._subscribed = dict.fromkeys(self._symbols)
        self._brings, self._pending = subscription.symbols, set(subscription.symbols)
        self._feed.expect(subscription.symbols)
        if self._recorder is not None:
            self._recorder.opened(address)
        care = asyncio.create_task(self._care(connection, address, subscription.frames))
        try:
            while True:
                data = await connection.recv(decode=False)
                self._heard_s = loop.time()
                frame = Frame(time.time_ns() // 1000, data)
                if self._recorder is not None:
                    self._recorder.received(frame)
                self._look(self._feed.take(frame, self._brings))
                if self._why:
                    return
        finally:
            care.cancel()
            await asyncio.gather(care, return_exceptions=True)

    def _look(self, told: Told) -> None:
        if told.notice is not None:
            self._notice(told.notice)
        elif self._pending and told.trades:
            self._confirm({trade.symbol for trade in told.trades})
        if self._down_since_s is not None and (told.trades or told.quotes or told.notice):
            self._tell_return()

    def _notice(self, notice: Notice) -> None:
        if notice.kind == "subscribed":
            self._confirm(set(notice.symbols or self._brings))
        elif notice.kind == "refused" and (refused := [each for each in notice.symbols if each in self._symbols]):
            for symbol in refused:
                del self._symbols[symbol]
                self._log.error("feed_symbol_refused", symbol=symbol, error=notice.words)
                self._why = f"{symbol} was refused"
        elif notice.kind == "ending":
            self._why = f"the venue ends the session: {notice.words}"
        elif notice.kind in ("refused", "failed"):
            self._log.warning("feed_error_received", error=notice.words)

    def _confirm(self, symbols: set[str]) -> None:
        """The venue sends these markets from now on."""
        confirmed = self._pending & symbols
        if confirmed:
            self._pending -= confirmed
            self._feed.begin(confirmed)
            if not self._pending:
                self._failures = 0
                self._changed.set()

    async def _care(self, connection: ClientConnection, address: str, frames: tuple[str, ...]) -> None:
        """Subscribe, keep the connection alive, and end it when it is dead."""
        loop, rules = asyncio.get_running_loop(), self._feed.venue.rules
        await self._send(connection, address, frames)
        step_s = min(rules.ping_s, self._silence_s / 3)
        due_s = loop.time() + step_s
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due_s):
                    await self._changed.wait()
            if self._changed.is_set():
                self._changed.clear()
                await self._adapt(connection, address)
                continue
            due_s = loop.time() + step_s
            if rules.ping:
                await connection.send(rules.ping)
            if rules.beats and loop.time() - self._heard_s > self._silence_s:
                self._why = f"nothing came for {self._silence_s:g} s"
            elif self._pending and loop.time() - self._asked_s > self._silence_s:
                self._why = f"the venue doesn't confirm {min(self._pending)}"
            if self._why:
                connection.transport.abort()
                return

    async def _adapt(self, connection: ClientConnection, address: str) -> None:
        """Subscribe to what came, and end what went. Answers are waited for first, as those of some venues don't say
        what they are about."""
        if not self._symbols:
            self._why = LEFT
            await connection.close()
        elif not self._pending:
            gone = [symbol for symbol in self._subscribed if symbol not in self._symbols]
            come = [symbol for symbol in self._symbols if symbol not in self._subscribed]
            self._subscribed = dict.fromkeys(self._symbols)
            if gone:
                self._brings = tuple(symbol for symbol in self._brings if symbol in self._symbols)
                await self._send(connection, address, self._subscription(gone).ends)
            if come:
                more = self._subscription(come)
                self._brings += more.symbols
                self._pending |= set(more.symbols)
                self._feed.expect(more.symbols)
                await self._send(connection, address, more.frames)

    async def _send(self, connection: ClientConnection, address: str, frames: Iterable[str]) -> None:
        for text in frames:
            await connection.send(text)
            if self._recorder is not None:
                self._recorder.sent(address, text)
            await asyncio.sleep(FRAMES_PAUSE_S)
        self._asked_s = asyncio.get_running_loop().time()

    def _tell_outage(self, address: str, pause_s: float) -> None:
        now_s = time.monotonic()
        if self._down_since_s is None:
            self._down_since_s = now_s
        if not self._told_s or now_s - self._told_s >= TOLD_S:
            self._told_s = now_s
            down_s = round(now_s - self._down_since_s, 1)
            self._log.warning("feed_lost", where=address, error=self._why, down_s=down_s, pause_s=round(pause_s, 1))

    def _tell_return(self) -> None:
        down_s = round(time.monotonic() - (self._down_since_s or 0.0), 1)
        self._down_since_s, self._told_s = None, 0.0
        self._log.info("feed_returned", down_s=down_s)
