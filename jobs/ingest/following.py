"""The markets of one venue that are followed now, over as many connections as its limits ask for.

Live runs follow markets by it, on demand they also leave them. A market that comes takes a free place of an open
connection before a new one is opened. What sessions raise is raised by ``check``.
"""

import asyncio
from collections.abc import Iterable, Sequence

from feeds.venue import chunks
from jobs.ingest.feed import Feed
from jobs.ingest.intake import Intake
from jobs.ingest.metrics import FOLLOWED
from jobs.ingest.places import Places
from jobs.ingest.recorder import Recorder
from jobs.ingest.session import Session
from runtime.settings.feeds import FeedSettings

__all__ = ["Following"]


class Following:
    """Of the venue of ``feed``; it needs a running event loop. ``listed``: what is known of the venue's markets."""

    def __init__(
        self, feed: Feed, place: Places, settings: FeedSettings, recorder: Recorder | None = None, *, quotes: bool
    ) -> None:
        self.feed, self.name = feed, feed.venue.name
        self._place, self._settings, self._recorder, self._quotes = place, settings, recorder, quotes
        self._lanes: list[_Lane] = []
        self.listed: frozenset[str] = frozenset()
        self._followed = FOLLOWED.labels(self.name)

    @property
    def intake(self) -> Intake:
        return self.feed.intake

    def pause(self) -> None:
        """As Feed.pause."""
        self.feed.pause()

    def resume(self) -> None:
        self.feed.resume()

    def has(self, symbol: str) -> bool | None:
        """Whether the venue lists it; None before its list came."""
        return symbol in self.listed if self.listed else None

    def follow(self, symbols: Iterable[str], from_us: int = 0) -> None:
        """More markets, those that are followed already left out. ``from_us``: as in Feed.admit."""
        known = set(self.symbols())
        fresh = [symbol for symbol in dict.fromkeys(symbols) if symbol not in known]
        self.feed.admit(fresh, from_us)
        room = self.feed.venue.rules.symbols_max
        for lane in self._lanes:
            taken, fresh = fresh[: room - len(lane.symbols)], fresh[room - len(lane.symbols) :]
            lane.want(taken)
        self._lanes += [_Lane(self._sessions(chunk), chunk) for chunk in chunks(fresh, room)]
        self._show()

    def drop(self, symbols: Iterable[str]) -> None:
        """Markets that aren't followed any more; a connection without any is closed."""
        gone = [*symbols]
        for lane in self._lanes:
            lane.leave(gone)
        self._show()

    def symbols(self) -> list[str]:
        """What is followed now."""
        return [symbol for lane in self._lanes for symbol in lane.symbols]

    def check(self) -> None:
        """Raise what a session or a filling raised."""
        self.feed.check()
        for lane in self._lanes:
            lane.check()

    @property
    def is_over(self) -> bool:
        """Whether the venue takes none of the markets."""
        return all(lane.is_over for lane in self._lanes)

    async def close(self) -> None:
        for lane in self._lanes:
            await lane.close()
        await self.feed.close()

    def _show(self) -> None:
        self._followed.set(len(self.symbols()))

    def _sessions(self, symbols: Sequence[str]) -> list[Session]:
        pause_s, silence_s = self._settings.feed_pause_ms / 1000, self._settings.feed_silence_ms / 1000
        count = len(self.feed.venue.subscriptions(symbols, quotes=self._quotes))
        return [
            Session(self.feed, symbols, which, self._place, pause_s, silence_s, self._recorder, quotes=self._quotes)
            for which in range(count)
        ]


class _Lane:
    """Markets that share a connection, or two where a venue has quotes at another address."""

    def __init__(self, sessions: Sequence[Session], symbols: Iterable[str]) -> None:
        self.symbols = dict.fromkeys(symbols)
        self._sessions = sessions
        self._tasks = [asyncio.create_task(session.run()) for session in sessions]

    def want(self, symbols: Sequence[str]) -> None:
        if not symbols:
            return
        self.check()
        self.symbols.update(dict.fromkeys(symbols))
        for place, session in enumerate(self._sessions):
            session.want(symbols)
            if self._tasks[place].done():  # it had no market left
                self._tasks[place] = asyncio.create_task(session.run())

    def leave(self, symbols: Iterable[str]) -> None:
        gone = [symbol for symbol in symbols if symbol in self.symbols]
        if not gone:
            return
        for symbol in gone:
            del self.symbols[symbol]
        for session in self._sessions:
            session.leave(gone)

    def check(self) -> None:
        for task in self._tasks:
            if task.done():
                task.result()

    @property
    def is_over(self) -> bool:
        return all(task.done() for task in self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
