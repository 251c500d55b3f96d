"""Fills the gap of a market from its venue's history, oldest first, until it joins what is held.

The feed asks for it after each connection, and after each trade that it knows to be lost. What the history gives goes
out through ``emit`` while it is read. Histories lag: one that doesn't reach the held trades yet is asked again, as long
as the venue's patience lasts. What a history can't give is a Gap with its bounds.
"""

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from feeds.marks import Mark, is_behind, mark_of, time_us_of
from feeds.recording import Frame
from feeds.rows import Trade
from feeds.venue import Rules
from jobs.ingest.history import History, NotTold, longer
from jobs.ingest.markets import Gap, Markets, Row

__all__ = ["Filler"]

WINDOW_US: Final = 600_000_000
"""Long gaps are read piece by piece, where a venue's pages go backward and may begin at any moment."""
PAGES_MAX: Final = 300
"""Of one piece: so many are held in memory, to be turned around."""

Emit = Callable[[list[Row]], None]


class Filler:
    """Of one venue. ``emit`` takes rows in the order in which they happened, told before or not."""

    def __init__(
        self,
        history: History,
        markets: Markets,
        rules: Rules,
        emit: Emit,
        pause_s: float,
        patience_s: float,
    ) -> None:
        self._history, self._markets, self._rules, self._emit = history, markets, rules, emit
        self._pause_s, self._patience_s = pause_s, patience_s

    async def fill(self, symbol: str, after: Mark) -> list[Gap]:
        """Everything behind ``after``; gives the gaps that the history has itself. Raises NotTold where it ends before
        it joins what is held."""
        gaps: list[Gap] = []
        if self._rules.by_time:
            after = await self._fill_windows(symbol, after)
        failures, waited_s = 0, 0.0
        while True:
            self._markets.make_room(symbol)
            newest, left = await self.read(symbol, after, None)
            gaps += left
            if self._markets.is_joined(symbol, newest):
                return gaps
            if newest is not None and newest != after:
                after, failures, waited_s = newest, 0, 0.0
            failures += 1
            pause_s = longer(self._pause_s, failures)
            waited_s += pause_s
            if waited_s > self._patience_s:
                raise NotTold("its history doesn't reach the trades that come now")
            await asyncio.sleep(pause_s)

    async def _fill_windows(self, symbol: str, after: Mark) -> Mark:
        """Piece by piece up to the last WINDOW_US."""
        while time.time_ns() // 1000 - after.time_us > WINDOW_US:
            end = Mark(after.time_us + WINDOW_US)
            newest, _ = await self.read(symbol, after, end)
            after = newest if newest is not None and newest.time_us >= end.time_us else end
        return after

    async def read(self, symbol: str, after: Mark, before: Mark | None) -> tuple[Mark | None, list[Gap]]:
        """What lies between two marks: the newest that was found, and gaps."""
        if self._rules.pages == "forward":
            return await self._forward(symbol, after)
        return await self._backward(symbol, after, before)

    async def _forward(self, symbol: str, after: Mark) -> tuple[Mark | None, list[Gap]]:
        newest: Mark | None = None
        gaps: list[Gap] = []
        while True:
            trades, page = await self._history.page(symbol, after, None)
            fresh = [trade for trade in trades if is_behind(trade, after, by_id=True) and mark_of(trade) != after]
            if not fresh:
                return newest, gaps
            gaps += self._left_out(symbol, after, fresh)
            self._emit([(trade, page) for trade in fresh])
            newest = mark_of(fresh[-1])
            if self._markets.first_held(symbol) is not None and self._markets.is_joined(symbol, newest):
                return newest, gaps
            after = newest

    def _left_out(self, symbol: str, after: Mark, trades: list[Trade]) -> list[Gap]:
        """Where ids don't follow on each other in the history itself."""
        if not self._rules.ids_follow:
            return []
        marks = [after, *map(mark_of, trades)]
        return [
            Gap(symbol, one, next_one)
            for one, next_one in pairwise(marks)
            if one.trade_id.isdecimal() and int(next_one.trade_id) > int(one.trade_id) + 1
        ]

    async def _backward(self, symbol: str, after: Mark, before: Mark | None) -> tuple[Mark | None, list[Gap]]:
        pages: list[tuple[list[Trade], Frame]] = []
        is_reached = False
        while len(pages) < PAGES_MAX and not is_reached:
            trades, page = await self._history.page(symbol, after, before)
            if not trades or mark_of(trades[0]) == before:
                break
            pages.append((trades, page))
            before = mark_of(trades[0])
            is_reached = any(self._reaches(trade, after) for trade in trades)
            if self._rules.pages == "recent":
                break
        rows = [
            (trade, page)
            for trades, page in reversed(pages)
            for trade in trades
            if is_behind(trade, after, by_id=self._rules.ids_follow)
        ]
        self._emit(rows)
        if not rows:
            return None, []
        is_whole = is_reached or (not after.trade_id and self._rules.pages == "backward" and len(pages) < PAGES_MAX)
        return mark_of(rows[-1][0]), [] if is_whole else [Gap(symbol, after, mark_of(rows[0][0]))]

    def _reaches(self, trade: Trade, after: Mark) -> bool:
        """Whether nothing lies between them that the pages so far don't have."""
        if after.trade_id and trade.trade_id == after.trade_id:
            return True
        if self._rules.ids_follow and trade.trade_id.isdecimal() and after.trade_id.isdecimal():
            return int(trade.trade_id) <= int(after.trade_id) + 1
        return time_us_of(trade.event_time) < after.time_us
