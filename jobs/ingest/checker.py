"""Holds what a venue's socket brought against its REST, market by market: trades that were dropped without a sign.

The live loop runs one for each venue. Ids that follow on each other show a lost trade by the next one; everything else,
and a market that went silent by itself, is found here. What lacks goes out late, through ``emit``; what REST can't give
any more is told and counted. Questions share the venue's limits with fillings, so a round may take longer than asked.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, Literal, get_args

import structlog

from feeds.marks import Mark, mark_of, time_us_of
from feeds.venue import Venue
from jobs.ingest.filler import Emit, Filler
from jobs.ingest.history import History, NotTold
from jobs.ingest.markets import Markets, Row
from jobs.ingest.metrics import CHECKS

__all__ = ["Checker", "Outcome"]

SETTLE_S: Final = 5.0
"""Younger trades may still be under way on the socket."""
Outcome = Literal["whole", "mended", "incomplete", "failed"]


class Checker:
    """``emit`` gives out what lacked. ``every_s``: how often each market is looked at."""

    def __init__(self, venue: Venue, history: History, markets: Markets, emit: Emit, every_s: float) -> None:
        self._venue, self._markets, self._emit, self._every_s = venue, markets, emit, every_s
        self._settle_s = min(SETTLE_S, every_s / 2)
        self._found: list[Row] = []
        self._filler = Filler(history, markets, venue.rules, self._found.extend, every_s, every_s)
        self._until: dict[str, Mark] = {}
        self._is_failing = False
        self._log = structlog.get_logger().bind(venue=venue.name)
        for outcome in get_args(Outcome):
            CHECKS.labels(venue.name, outcome)  # from 0 on: a counter that begins at 1 has no increase to alert on

    async def run(self, symbols: Callable[[], Iterable[str]]) -> None:
        """Until cancelled. ``symbols``: those that are followed."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            followed = [*symbols()]
            known = frozenset(followed)
            # A market that is left and followed again begins anew: what happened meanwhile doesn't lack.
            self._until = {symbol: mark for symbol, mark in self._until.items() if symbol in known}
            for symbol in followed:
                outcome = await self.check(symbol)
                if outcome is not None:
                    CHECKS.labels(self._venue.name, outcome).inc()
            await asyncio.sleep(max(0.0, began_s + self._every_s - loop.time()))

    async def check(self, symbol: str) -> Outcome | None:
        """None for a market that hasn't begun, or is being filled."""
        mark, until_us = self._markets.mark(symbol), time.time_ns() // 1000 - int(self._settle_s * 1_000_000)
        if mark is None or self._markets.is_held(symbol):
            return None
        after = mark if self._venue.rules.ids_follow else self._until.get(symbol)
        if after is None:
            self._until[symbol] = Mark(mark.time_us)
            return None
        self._found.clear()
        try:
            _, gaps = await self._filler.read(symbol, after, None)
        except NotTold as why:
            self._tell_failure(symbol, str(why))
            return "failed"
        self._is_failing = False
        if self._markets.is_held(symbol):
            return None
        settled = [row for row in self._found if time_us_of(row[0].event_time) <= until_us]
        if settled:  # by the venue's own times, whatever the two clocks say
            self._until[symbol] = Mark(time_us_of(settled[-1][0].event_time))
        lacking = [row for row in settled if self._markets.can_tell(row[0]) and not self._markets.has(row[0])]
        if not lacking:
            return "whole"
        self._emit(self._markets.mend(lacking))
        first, last = mark_of(lacking[0][0]), mark_of(lacking[-1][0])
        bounds = {
            "first_id": first.trade_id,
            "first_us": first.time_us,
            "last_id": last.trade_id,
            "last_us": last.time_us,
        }
        if gaps:
            self._log.warning(
                "feed_trades_missed", symbol=symbol, trades=len(lacking), after_us=after.time_us, **bounds
            )
            return "incomplete"
        self._log.warning("feed_trades_mended", symbol=symbol, trades=len(lacking), **bounds)
        return "mended"

    def _tell_failure(self, symbol: str, why: str) -> None:
        if not self._is_failing:
            self._log.warning("feed_check_failed", symbol=symbol, error=why)
        self._is_failing = True
