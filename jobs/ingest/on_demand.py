"""Follows what clients watch, at the first source that has it, and leaves what nobody watches any more.

``tapeflow ingest VENUE --on-demand`` runs it. What is watched comes from Demand. A market that nobody watches is kept
for a grace, so that a page that is loaded again costs the venue nothing. A pause leaves all of them at once. Markets
that the command names stay whoever watches.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from typing import Final, Protocol

from feeds.series import Series
from jobs.ingest.demand import Demand
from jobs.ingest.metrics import UNLISTED

__all__ = ["Grace", "InSeries", "OnDemand", "Source"]

BEHIND_US: Final = 60_000_000
"""A market that is watched again within so long goes on where it was left; later it begins anew."""


class Source(Protocol):
    """A venue, or what is polled."""

    def has(self, symbol: str) -> bool | None:
        """Whether it has the market; None where that isn't known yet."""
        ...

    def follow(self, symbols: Iterable[str], from_us: int = 0) -> None: ...
    def drop(self, symbols: Iterable[str]) -> None: ...


class InSeries:
    """``source`` under the symbols of ``series``, by which clients watch."""

    def __init__(self, source: Source, series: Series) -> None:
        self._source, self._series = source, series

    def has(self, symbol: str) -> bool | None:
        market = self._series.market(symbol)
        return False if market is None else self._source.has(market)

    def follow(self, symbols: Iterable[str], from_us: int = 0) -> None:
        self._source.follow(self._markets(symbols), from_us)

    def drop(self, symbols: Iterable[str]) -> None:
        self._source.drop(self._markets(symbols))

    def _markets(self, symbols: Iterable[str]) -> list[str]:
        return [market for symbol in symbols if (market := self._series.market(symbol)) is not None]


class Grace:
    """What is kept: all that is watched, and for ``grace_s`` what was."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._ends_s: dict[str, float | None] = {}

    def keep(self, watched: Set[str], now_s: float) -> set[str]:
        """``now_s``: of a clock that never goes back."""
        for symbol, end_s in [*self._ends_s.items()]:
            if symbol not in watched and end_s is None:
                self._ends_s[symbol] = now_s + self._grace_s
            elif symbol not in watched and end_s is not None and end_s <= now_s:
                del self._ends_s[symbol]
        self._ends_s.update(dict.fromkeys(watched))
        return {*self._ends_s}

    def clear(self) -> None:
        """Keep nothing."""
        self._ends_s.clear()

    def wait_s(self, now_s: float) -> float | None:
        """When the next one ends, from now; None if none does."""
        ends = [end_s for end_s in self._ends_s.values() if end_s is not None]
        return max(0.0, min(ends) - now_s) if ends else None


class OnDemand:
    """``sources``: in the order in which they are asked; ``named``: what the command follows anyway. Set
    ``demand.changed`` when a source may have more markets than before."""

    def __init__(
        self,
        demand: Demand,
        sources: Sequence[Source],
        named: Iterable[str],
        grace_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._demand, self._sources, self._named = demand, sources, frozenset(named)
        self._grace, self._clock = Grace(grace_s), clock
        self._followed: dict[str, Source] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settle()):
                    await self._demand.changed.wait()
            self._demand.changed.clear()

    def _settle(self) -> float | None:
        """Follow and leave; how long nothing more is to be done unless something changes."""
        if self._demand.is_paused:
            self._grace.clear()
            self._leave({*self._followed})
            return None
        now_s = self._clock()
        kept = self._grace.keep(self._demand.watched, now_s)
        self._leave({symbol for symbol in self._followed if symbol not in kept})
        come: dict[int, list[str]] = {}
        unlisted = 0
        for symbol in sorted(kept - self._followed.keys() - self._named):
            place = self._place_of(symbol)
            if place is None:
                unlisted += 1
            else:
                come.setdefault(place, []).append(symbol)
        for place, symbols in come.items():
            self._sources[place].follow(symbols, time.time_ns() // 1000 - BEHIND_US)
            self._followed.update(dict.fromkeys(symbols, self._sources[place]))
        UNLISTED.set(unlisted)
        return self._grace.wait_s(now_s)

    def _place_of(self, symbol: str) -> int | None:
        """The first source that has it; none as long as one before might."""
        for place, source in enumerate(self._sources):
            has = source.has(symbol)
            if has is None:
                return None
            if has:
                return place
        return None

    def _leave(self, symbols: Set[str]) -> None:
        for source in self._sources:
            if theirs := [symbol for symbol in symbols if self._followed[symbol] is source]:
                source.drop(theirs)
        for symbol in symbols:
            del self._followed[symbol]
