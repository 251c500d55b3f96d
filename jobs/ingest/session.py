"""One connection to a venue, opened again for as long as the feed lives: subscribes, listens, notices when it is dead.

The feed gets each frame with the time when it came. A connection that brings nothing for too long is opened anew, and
so is one that the venue ends or doesn't answer on. Pauses grow from one try to the next. An outage is told once, then
every minute, and its end once.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from feeds.recording import Frame
from feeds.rows import Notice, Told
from jobs.ingest.feed import Feed
from jobs.ingest.history import longer
from jobs.ingest.metrics import CONNECTED, LOST
from jobs.ingest.places import Places, is_local
from jobs.ingest.recorder import Recorder
from jobs.ingest.trouble import retry_after_s, words_of

__all__ = ["Session"]

OPEN_S: Final = 10.0
TOLD_S: Final = 60.0
FORM_TOLD_S: Final = 10.0
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
        self._pending: set[str] = set()
        self._heard_s = self._told_s = self._form_told_s = 0.0
        self._down_since_s: float | None = None
        self._failures = 0
        self._unread = 0
        self._why = ""
        self._log = structlog.get_logger().bind(venue=feed.venue.name)

    async def run(self) -> None:
        """Until cancelled, or until the venue has refused all. Raises as Feed.take does."""
        while self._symbols:
            subscription = self._feed.venue.subscriptions([*self._symbols], quotes=self._quotes)[self._which]
            address, advised_s = self._places.websocket(subscription.address), 0.0
            self._why = ""
            try:
                async with self._connect(address) as connection:
                    CONNECTED.labels(self._feed.venue.name).inc()
                    try:
                        await self._follow(connection, address, subscription.frames, subscription.symbols)
                    finally:
                        CONNECTED.labels(self._feed.venue.name).dec()
            except (OSError, ConnectionClosed, InvalidHandshake, InvalidURI, TimeoutError) as error:
                if isinstance(error, InvalidStatus):
                    advised_s = retry_after_s(error.response.headers.get("Retry-After"))
                self._why = self._why or words_of(error, address)
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

    async def _follow(
        self, connection: ClientConnection, address: str, frames: tuple[str, ...], symbols: tuple[str, ...]
    ) -> None:
        """Until it is over, which ``_why`` explains. Raises ConnectionClosed."""
        loop = asyncio.get_running_loop()
        self._heard_s = loop.time()
        self._pending = set(symbols)
        self._feed.expect(symbols)
        if self._recorder is not None:
            self._recorder.opened(address)
        care = asyncio.create_task(self._care(connection, address, frames))
        try:
            while True:
                data = await connection.recv(decode=False)
                self._heard_s = loop.time()
                frame = Frame(time.time_ns() // 1000, data)
                if self._recorder is not None:
                    self._recorder.received(frame)
                self._look(self._feed.take(frame, symbols), symbols)
                if self._why:
                    return
        finally:
            care.cancel()
            await asyncio.gather(care, return_exceptions=True)

    def _look(self, told: Told, symbols: tuple[str, ...]) -> None:
        if told.unreadable is not None:
            self._tell_form(told.unreadable.channel, told.unreadable.reason)
        if told.notice is not None:
            self._notice(told.notice, symbols)
        elif self._pending and told.trades:
            self._confirm({trade.symbol for trade in told.trades})
        if self._down_since_s is not None and (told.trades or told.quotes or told.notice):
            self._tell_return()

    def _notice(self, notice: Notice, symbols: tuple[str, ...]) -> None:
        if notice.kind == "subscribed":
            self._confirm({notice.symbol} if notice.symbol else set(symbols))
        elif notice.kind == "refused" and notice.symbol in self._symbols:
            del self._symbols[notice.symbol]
            self._log.error("feed_symbol_refused", symbol=notice.symbol, error=notice.words)
            self._why = f"{notice.symbol} was refused"
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

    async def _care(self, connection: ClientConnection, address: str, frames: tuple[str, ...]) -> None:
        """Subscribe, keep the connection alive, and end it when it is dead."""
        loop, rules = asyncio.get_running_loop(), self._feed.venue.rules
        for number, text in enumerate(frames):
            if number:
                await asyncio.sleep(FRAMES_PAUSE_S)
            await connection.send(text)
            if self._recorder is not None:
                self._recorder.sent(address, text)
        began_s = loop.time()
        step_s = min(rules.ping_s, self._silence_s / 3)
        while True:
            await asyncio.sleep(step_s)
            if rules.ping:
                await connection.send(rules.ping)
            if rules.beats and loop.time() - self._heard_s > self._silence_s:
                self._why = f"nothing came for {self._silence_s:g} s"
            elif self._pending and loop.time() - began_s > self._silence_s:
                self._why = f"the venue doesn't confirm {min(self._pending)}"
            if self._why:
                connection.transport.abort()
                return

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

    def _tell_form(self, channel: str, reason: str) -> None:
        self._unread += 1
        now_s = time.monotonic()
        if not self._form_told_s or now_s - self._form_told_s >= FORM_TOLD_S:
            self._form_told_s = now_s
            self._log.warning("feed_frame_refused", channel=channel, error=reason, frames=self._unread)
