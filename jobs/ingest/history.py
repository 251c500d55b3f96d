"""Pages of a venue's past and the list of its markets by its REST, as fast as the venue allows and no faster.

Fillings and listings ask for them. ``Retry-After`` is obeyed, what passes is waited for with growing pauses, and after
``patience_s`` of vain tries, or when the venue says that it won't give any, NotTold says why. No single try uses up the
patience: a machine that slept through one asks again. One request of a venue is under way at a time, whoever asks.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import httpx2
import msgspec

from feeds.marks import Mark
from feeds.recording import Frame
from feeds.rows import Trade
from feeds.venue import Venue
from jobs.ingest.places import Places, is_local
from jobs.ingest.trouble import retry_after_s, status_words

__all__ = ["History", "NotTold", "longer"]

ANSWER_S: Final = 10.0
TRIES_MIN: Final = 3
"""No try costs more than this part of the patience, however long it took."""
PAUSES: Final = 30
"""The longest pause, in first pauses."""
T = TypeVar("T")
PASSING: Final = frozenset({408, 418, 425, 429, 500, 502, 503, 504})


logging.getLogger("httpx2").setLevel(logging.WARNING)  # it tells of each request


class NotTold(Exception):
    """The venue doesn't give what was asked for; the text says why. The feed takes it and tells the gap."""


def longer(first_s: float, failures: int) -> float:
    """The pause after so many failures in a row, shorter by up to half, by chance, so that not all come at once."""
    return min(first_s * 2.0 ** min(failures - 1, 10), first_s * PAUSES) * random.uniform(0.5, 1)  # noqa: S311


class History:
    """Of one venue; ``close`` ends its connections. While ``is_open`` isn't set, questions wait."""

    def __init__(
        self,
        venue: Venue,
        places: Places,
        pause_s: float,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._venue, self._places = venue, places
        self._pause_s, self._patience_s = pause_s, patience_s
        self._clock = clock
        self._next_s = 0.0
        self._turn = asyncio.Lock()
        self._client: httpx2.AsyncClient | None = None
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def page(self, symbol: str, after: Mark, before: Mark | None) -> tuple[list[Trade], Frame]:
        """A page as feeds.venue.Venue.history has it, oldest first, and its bytes. Raises NotTold."""
        address = self._places.rest(self._venue.history(symbol, after, before))
        return await self._patiently(lambda: self._page(symbol, address))

    async def listing(self) -> list[str]:
        """Symbols that the venue lists. Raises NotTold."""
        return await self._patiently(self._listing)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        failures, lost_s = 0, 0.0
        while True:
            await self.is_open.wait()
            try:
                return await ask()
            except _Passing as passing:
                failures += 1
                wait_s = max(passing.wait_s, longer(self._pause_s, failures))
                lost_s += wait_s + min(passing.took_s, self._patience_s / TRIES_MIN)
                if lost_s > self._patience_s:
                    raise NotTold(str(passing)) from None
                await asyncio.sleep(wait_s)

    async def _ask(self, address: str) -> httpx2.Response:
        async with self._turn:
            await asyncio.sleep(max(0.0, self._next_s - self._clock()))
            began_s = self._clock()
            if self._client is None:
                self._client = httpx2.AsyncClient(timeout=ANSWER_S, trust_env=not is_local(address))
            try:
                answer = await self._client.get(address)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                why = f"no answer: {type(error).__name__} {error}".strip()
                raise _Passing(why, took_s=self._clock() - began_s) from None
            finally:
                self._next_s = self._clock() + self._venue.rules.rest_pause_s
        if answer.status_code in PASSING:
            raise _Passing(status_words(answer.status_code), retry_after_s(answer.headers.get("Retry-After")))
        return answer

    async def _listing(self) -> list[str]:
        answer = await self._ask(self._places.rest(self._venue.listing))
        if not answer.is_success:
            raise NotTold(f"{status_words(answer.status_code)}, {answer.text[:100]}")
        try:
            return self._venue.listed(answer.content)
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise _Passing(f"no list of markets: {' '.join(str(error).split())[:200]}") from None

    async def _page(self, symbol: str, address: str) -> tuple[list[Trade], Frame]:
        answer = await self._ask(address)
        told = self._venue.told_history(symbol, answer.content)
        if not answer.is_success:
            raise NotTold(f"{status_words(answer.status_code)}, {answer.text[:100]}")
        if told.unreadable is not None:
            raise _Passing(told.unreadable.reason)
        for trade in told.trades:
            trade.is_past = True
        return told.trades, Frame(time.time_ns() // 1000, answer.content)


class _Passing(Exception):
    """Another try may succeed, after ``wait_s`` at the earliest; ``took_s``: what the vain one took by itself."""

    def __init__(self, words: str, wait_s: float = 0.0, took_s: float = 0.0) -> None:
        super().__init__(words)
        self.wait_s, self.took_s = wait_s, took_s
