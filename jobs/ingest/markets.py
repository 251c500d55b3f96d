"""The markets of one venue: which of their trades were told, where each stands, and what waits for a gap to be filled.

The intake passes each trade through here. A market that is held keeps its trades back, so that those which came before
them can go first: the filler adds these, and then the market is released. Where a venue's ids follow on each other, a
trade that leaves ids out holds its market by itself, and ``holes`` says so. A trade that was told is left out, whoever
tells it again.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from feeds.marks import Mark, mark_of, time_us_of
from feeds.recording import Frame
from feeds.rows import Trade
from jobs.ingest.known_trades import KnownTrades

__all__ = ["HELD_IN_ALL_MAX", "Gap", "Markets", "Row"]

Row = tuple[Trade, Frame]
"""A trade and the frame, or the page, that brought it."""
HELD_MAX: Final = 100_000
"""Trades that wait for a gap of their market; the venue's history has them too, so what is more is asked for there."""
HELD_IN_ALL_MAX: Final = 300_000
"""Of all markets together."""

HELD_OVERLAP_US: Final = 1_000_000
"""The first that is held needn't be the oldest."""


class Gap(NamedTuple):
    """Between ``after`` and ``before`` the trades of ``symbol`` are missing."""

    symbol: str
    after: Mark
    before: Mark


class Markets:
    """``ids_follow``: as feeds.venue.Rules says; ``holes``: markets held since ids were left out; ``touched``: held
    ones that got their first trade since the last cut. Whoever looks at these empties them."""

    def __init__(self, *, ids_follow: bool = False) -> None:
        self.ids_follow = ids_follow
        self._known = KnownTrades()
        self._last: dict[str, Trade] = {}
        self._held: dict[str, list[Row]] = {}
        self._cut: dict[str, int] = {}
        self._overfull: set[str] = set()
        self._held_in_all = 0
        self.holes: set[str] = set()
        self.touched: set[str] = set()

    @property
    def repeated(self) -> int:
        """Trades that were left out, as they were told before."""
        return self._known.repeated

    def mark(self, symbol: str) -> Mark | None:
        """The last trade that went out; None before the first."""
        last = self._last.get(symbol)
        return None if last is None else mark_of(last)

    def forget(self, symbol: str) -> None:
        """The market begins anew: what comes next need not follow on what went out. Ids stay known."""
        self._last.pop(symbol, None)

    def hold(self, symbol: str) -> None:
        """Keep the market's trades back from now on."""
        self._held.setdefault(symbol, [])

    def is_whole(self, symbol: str) -> bool:
        """Whether all that came since the market is held is there, and follows on what went out."""
        return symbol not in self._overfull and not self.is_cut(symbol)

    def is_cut(self, symbol: str) -> bool:
        """Whether a connection is awaited that will bring it anew."""
        return symbol in self._cut

    def cut(self, symbol: str) -> None:
        """Hold the market, and something may lack here: what is held so far joins nothing that comes from now on."""
        self.hold(symbol)
        self._cut[symbol] = len(self._held[symbol])

    def take(self, rows: Iterable[Row]) -> list[Row]:
        """What may go out of ``rows``, in order."""
        ready = [row for row in rows if self._is_ready(row)]
        self._known.end(row[0] for row in ready)
        return ready

    def mend(self, rows: Iterable[Row]) -> list[Row]:
        """What goes out of ``rows``, which lacked among those that went out: the market stands where it stood."""
        return [row for row in rows if self._known.is_fresh(row[0])]

    def can_tell(self, trade: Trade) -> bool:
        """Whether it is so young that its id would be remembered if it went out."""
        return time_us_of(trade.event_time) > time_us_of(self._known.since(trade.symbol))

    def add(self, rows: Iterable[Row]) -> list[Row]:
        """What goes out of ``rows``, which lie before what is held."""
        fresh = [row for row in rows if self._is_fresh(row[0])]
        self._known.end(row[0] for row in fresh)
        return fresh

    def is_joined(self, symbol: str, newest: Mark | None) -> bool:
        """Whether nothing lacks between what went out and what is held since the last cut. ``newest``: to where the
        history was read."""
        first, last = self._first(symbol), self._last.get(symbol)
        if symbol in self._overfull:
            return False
        if first is None or last is None or self._known.has(first):
            return True
        if self.ids_follow and first.trade_id.isdecimal() and last.trade_id.isdecimal():
            return int(first.trade_id) <= int(last.trade_id) + 1
        return newest is not None and mark_of(first).time_us < newest.time_us

    def make_room(self, symbol: str) -> None:
        """Forget that more than HELD_MAX came: the history is asked for what was dropped."""
        self._overfull.discard(symbol)

    def release(self, symbol: str, *, at_any_rate: bool) -> tuple[list[Row], list[Gap]]:
        """What was held and may go out now. Ids that lack among it hold the rest back; ``at_any_rate`` all goes out,
        with the gaps that are left."""
        held = self._held.pop(symbol, [])
        self._held_in_all -= len(held)
        self._cut.pop(symbol, None)
        gaps: list[Gap] = []
        ready: list[Row] = []
        self._overfull.discard(symbol)
        if self.ids_follow:
            held.sort(key=lambda row: int(row[0].trade_id) if row[0].trade_id.isdecimal() else 0)
        for place, row in enumerate(held):
            if self._skips(row[0]):
                if not at_any_rate:
                    self._held[symbol] = held[place:]
                    self._held_in_all += len(held) - place
                    return ready, []
                gaps.append(Gap(symbol, mark_of(self._last[symbol]), mark_of(row[0])))
            if self._is_fresh(row[0]):
                ready.append(row)
        self._known.keep_from(symbol, None)
        return ready, gaps

    def has(self, trade: Trade) -> bool:
        """Whether a trade of its id went out."""
        return self._known.has(trade)

    def is_held(self, symbol: str) -> bool:
        return symbol in self._held

    def first_held(self, symbol: str) -> Mark | None:
        first = self._first(symbol)
        return None if first is None else mark_of(first)

    def _is_ready(self, row: Row) -> bool:
        trade = row[0]
        held = self._held.get(trade.symbol)
        if held is None:
            if not self._skips(trade):
                return self._is_fresh(trade)
            held = self._held[trade.symbol] = []
            self.holes.add(trade.symbol)
        if len(held) >= HELD_MAX or self._held_in_all >= HELD_IN_ALL_MAX:
            self._held_in_all -= len(held)
            held.clear()
            self._cut.pop(trade.symbol, None)
            self._overfull.add(trade.symbol)
        if trade.symbol not in self._overfull:
            if len(held) == self._cut.get(trade.symbol, 0):
                self.touched.add(trade.symbol)
            if not held:  # the history will tell these too, before they are released
                self._known.keep_from(trade.symbol, time_us_of(trade.event_time) - HELD_OVERLAP_US)
            held.append(row)
            self._held_in_all += 1
        return False

    def _is_fresh(self, trade: Trade) -> bool:
        if not self._known.is_fresh(trade):
            return False
        if not self.ids_follow or self._is_newer(trade):
            self._last[trade.symbol] = trade
        return True

    def _is_newer(self, trade: Trade) -> bool:
        last = self._last.get(trade.symbol)
        if last is None or not (trade.trade_id.isdecimal() and last.trade_id.isdecimal()):
            return True
        return int(trade.trade_id) > int(last.trade_id)

    def _skips(self, trade: Trade) -> bool:
        """Whether ids are left out between the last trade and this one."""
        if not self.ids_follow:
            return False
        last = self._last.get(trade.symbol)
        if last is None or not (trade.trade_id.isdecimal() and last.trade_id.isdecimal()):
            return False
        return int(trade.trade_id) > int(last.trade_id) + 1

    def _first(self, symbol: str) -> Trade | None:
        """The earliest that is held since the last cut: by its id where ids follow, else the one that came first."""
        held = self._held.get(symbol, [])[self._cut.get(symbol, 0) :]
        if not held:
            return None
        if not self.ids_follow:
            return held[0][0]
        return min((row[0] for row in held), key=lambda trade: (len(trade.trade_id), trade.trade_id))
