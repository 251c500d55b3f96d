"""A vendor that is asked again and again: who is asked for, when, and what its answers mean.

``tapeflow ingest http-poll:SYMBOLS`` runs it beside venues. Symbols that somebody watches come first and often, others
seldom, and all together never faster than the vendor allows. An answer that says nothing new isn't sent again. What
can't be used is a dead letter, and its symbol is asked for less; when the vendor asks to wait, everybody waits. The
vendor's key is in no line and in no letter.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx2
import structlog

from feeds.polled import POLLED, Polled, is_pollable
from feeds.recording import Frame
from feeds.rows import Told, Trade
from jobs.ingest.history import ANSWER_S, longer
from jobs.ingest.intake import Intake
from jobs.ingest.metrics import FOLLOWED, POLLS, STALE
from jobs.ingest.places import is_local
from jobs.ingest.trouble import retry_after_s, status_words
from runtime.settings.polling import PollSettings
from schemas.errors import SettingError

__all__ = ["Polling", "polled_of"]

TOGETHER_MAX: Final = 8
LOOK_S: Final = 1.0
LIMITED: Final = frozenset({418, 429, 503})
FIRST_PAUSE_S: Final = 60.0
"""Of a vendor that asks to wait and doesn't say how long: limits are by the minute."""
TOLD_S: Final = 60.0


def polled_of(settings: PollSettings) -> Polled:
    """Raises SettingError where no address is set."""
    if not settings.poll_url:
        raise SettingError(
            f"{POLLED} needs to know where to ask",
            where="TAPEFLOW_POLL_URL",
            mend="set it, such as https://host/quote?symbol={symbol}&apikey={key}",
        )
    return Polled(
        settings.poll_url,
        settings.poll_price,
        settings.poll_size,
        settings.poll_time,
        settings.poll_time_unit,
        settings.poll_exchange,
        settings.poll_key,
    )


@dataclass(slots=True)
class _Polled:
    """One symbol. good_s: when its last usable answer came, or it began."""

    due_s: float
    good_s: float
    failures: int = 0
    is_stale: bool = False
    last: Trade | None = None


class Polling:
    """``named``: symbols that are asked for whoever watches, often unless ``is_on_demand``. ``changed`` is called
    when something waits in ``intake``. It needs a running event loop."""

    name = POLLED
    is_over = False

    def __init__(
        self,
        polled: Polled,
        intake: Intake,
        settings: PollSettings,
        named: Iterable[str],
        changed: Callable[[], None],
        *,
        is_on_demand: bool,
    ) -> None:
        self.intake = intake
        self._polled, self._changed = polled, changed
        self._interval_s, self._idle_s = settings.poll_interval_ms / 1000, settings.poll_idle_ms / 1000
        self._spacing_s, self._stale_s = 60 / settings.poll_per_minute, settings.poll_stale_ms / 1000
        self._named = frozenset(named)
        self._watched: set[str] = set() if is_on_demand else set(self._named)
        self._symbols: dict[str, _Polled] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._free_s = self._told_s = 0.0
        self._limits = 0
        self._is_paused = self._has_begun = False
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        self._where = urlsplit(polled.url).netloc.rpartition("@")[2]
        self._client = httpx2.AsyncClient(timeout=ANSWER_S, trust_env=not is_local(polled.url))
        self._log = structlog.get_logger().bind(venue=POLLED)
        self._add(self._named)
        self._run = asyncio.create_task(self._poll_for_ever())

    def has(self, symbol: str) -> bool:
        """Whether it can be asked for; the vendor alone knows what it has."""
        return is_pollable(symbol)

    def follow(self, symbols: Iterable[str], from_us: int = 0) -> None:  # noqa: ARG002 - there is no past to fill
        """Symbols that somebody watches."""
        come = [*symbols]
        self._watched.update(come)
        for symbol in come:
            if symbol in self._symbols and not self._symbols[symbol].failures:
                self._symbols[symbol].due_s = self._loop.time()
        self._add(come)

    def drop(self, symbols: Iterable[str]) -> None:
        """Symbols that nobody watches any more; those that are named are asked for seldom."""
        for symbol in symbols:
            self._watched.discard(symbol)
            if symbol not in self._named:
                self._symbols.pop(symbol, None)
        self._show()

    def check(self) -> None:
        """Raise what sending raised."""
        if self._run.done():
            self._run.result()

    def pause(self) -> None:
        """Nothing can be sent: nobody is asked."""
        self._is_paused = True
        self.intake.pause()

    def resume(self) -> None:
        self._is_paused = False
        self.intake.resume()

    async def close(self) -> None:
        tasks = [self._run, *self._busy.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    def _add(self, symbols: Iterable[str]) -> None:
        now_s = self._loop.time()
        for symbol in symbols:
            self._symbols.setdefault(symbol, _Polled(now_s, now_s))
        self.intake.admit(self._symbols)
        self._wake.set()
        self._show()

    async def _poll_for_ever(self) -> None:
        while True:
            for task in [*self._busy.values()]:
                if task.done():
                    task.result()
            self._busy = {symbol: task for symbol, task in self._busy.items() if not task.done()}
            self._tell_stale()
            symbol, wait_s = self._next()
            if symbol is not None and wait_s <= 0:
                self._free_s = max(self._free_s, self._loop.time()) + self._spacing_s
                self._busy[symbol] = asyncio.create_task(self._poll(symbol))
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait_s, LOOK_S)):
                    await self._wake.wait()
            self._wake.clear()

    def _next(self) -> tuple[str | None, float]:
        """Who is asked for next, and how long until then: of those that are due, what is watched goes first."""
        now_s = self._loop.time()
        waiting = [
            (each.due_s > now_s, symbol not in self._watched, each.due_s, symbol)
            for symbol, each in self._symbols.items()
            if symbol not in self._busy
        ]
        # The first question is asked alone: the client takes a second to be ready, and others would go out with it.
        together = TOGETHER_MAX if self._has_begun else 1
        if not waiting or self._is_paused or len(self._busy) >= together:
            return None, LOOK_S
        _, _, due_s, symbol = min(waiting)
        return symbol, max(due_s, self._free_s) - now_s

    async def _poll(self, symbol: str) -> None:
        try:
            outcome = await self._ask(symbol)
        finally:
            self._wake.set()
        if not self._has_begun:
            self._has_begun, self._free_s = True, max(self._free_s, self._loop.time() + self._spacing_s)
        POLLS.labels(outcome).inc()
        each = self._symbols.get(symbol)
        if each is None:  # it was left meanwhile
            return
        interval_s = self._interval_s if symbol in self._watched else self._idle_s
        each.due_s = self._loop.time() + interval_s
        if outcome in ("new", "unchanged"):
            each.good_s, each.failures = self._loop.time(), 0
        elif outcome != "limited":
            each.failures += 1
            each.due_s = self._loop.time() + longer(interval_s, each.failures)

    async def _ask(self, symbol: str) -> str:
        """The outcome, as the metric has it."""
        try:
            answer = await self._client.get(self._polled.address(symbol))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            # The words of such an error may hold the address, and that the key.
            self._tell(symbol, f"no answer: {type(error).__name__}")
            return "failed"
        if answer.status_code in LIMITED:
            return self._wait(status_words(answer.status_code), retry_after_s(answer.headers.get("Retry-After")))
        received_us = time.time_ns() // 1000
        frame = Frame(received_us, symbol.encode() + b" " + self._polled.hidden(answer.content))
        told = self._polled.told(frame.data, received_us)
        if told.notice is not None:
            return self._wait(told.notice.words, retry_after_s(answer.headers.get("Retry-After")))
        self._limits = 0
        if told.unreadable is not None:
            self.intake.take(frame)
            words = "" if answer.is_success else f"{status_words(answer.status_code)}, "
            self._tell(symbol, words + told.unreadable.reason)
            return "refused"
        return self._take(symbol, frame, told)

    def _take(self, symbol: str, frame: Frame, told: Told) -> str:
        each, trade = self._symbols.get(symbol), told.trades[0]
        if each is None:
            return "unchanged"
        last = each.last
        if last is not None and (last.price, last.size, last.trade_id) == (trade.price, trade.size, trade.trade_id):
            return "unchanged"
        each.last = trade
        self.intake.take(frame)
        self._changed()
        return "new"

    def _wait(self, words: str, advised_s: float) -> str:
        """Nobody is asked for a while."""
        self._limits += 1
        pause_s = advised_s or longer(FIRST_PAUSE_S, self._limits)
        self._free_s = max(self._free_s, self._loop.time() + pause_s)
        self._log.warning("feed_limited", where=self._where, error=words, pause_s=round(pause_s, 1))
        return "limited"

    def _tell(self, symbol: str, words: str) -> None:
        """At once, then every minute."""
        now_s = time.monotonic()
        if not self._told_s or now_s - self._told_s >= TOLD_S:
            self._told_s = now_s
            self._log.warning("feed_poll_failed", where=self._where, symbol=symbol, error=words)

    def _tell_stale(self) -> None:
        now_s = self._loop.time()
        for symbol, each in self._symbols.items():
            is_stale = now_s - each.good_s > self._stale_s
            if is_stale and not each.is_stale:
                self._log.warning("feed_symbol_expired", symbol=symbol, silent_s=round(now_s - each.good_s, 1))
            elif each.is_stale and not is_stale:
                self._log.info("feed_symbol_returned", symbol=symbol)
            each.is_stale = is_stale
        STALE.set(sum(each.is_stale for each in self._symbols.values()))

    def _show(self) -> None:
        FOLLOWED.labels(POLLED).set(len(self._symbols))
