"""One venue while it is live: its sessions bring frames, and no market loses a trade without a word.

The command makes one for each venue. After each subscription, and when trades are known to be lost, a market is held,
its gap is filled from the venue's history, and then what was held goes on. A gap that can't be filled is a log event
and a metric with its bounds, and the market goes on all the same.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from feeds.marks import Mark
from feeds.recording import Frame
from feeds.rows import Told
from feeds.venue import Venue
from jobs.ingest.checker import Checker
from jobs.ingest.filler import Filler
from jobs.ingest.history import History, NotTold
from jobs.ingest.intake import Intake
from jobs.ingest.markets import HELD_IN_ALL_MAX, Gap, Row
from jobs.ingest.metrics import GAP_TRADES, GAPS
from jobs.ingest.places import Places

__all__ = ["Feed"]

QUOTE_CHANNELS: Final = frozenset({"ticker", "tickers", "bookTicker", "orderbook.1"})
"""What is lost of these is no gap: the next quote says all."""


class Feed:
    """``since``: from when a market's trades are wanted of which the topic has none. ``changed`` is called whenever
    something waits in ``intake``. ``check_s``: how often a market is held against REST."""

    def __init__(
        self,
        venue: Venue,
        intake: Intake,
        places: Places,
        pause_s: float,
        patience_s: float,
        since: Mark | None = None,
        changed: Callable[[], None] = lambda: None,
        check_s: float = 60.0,
    ) -> None:
        self.venue, self.intake = venue, intake
        self._markets, self._since, self._changed = intake.markets, since, changed
        self._pause_s = pause_s
        self._history = History(venue, places, pause_s, patience_s)
        self.checker = Checker(venue, self._history, self._markets, self._send, check_s)
        self._filler = Filler(self._history, self._markets, venue.rules, self._filled, pause_s, patience_s)
        self._filling: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._awaiting: set[str] = set()
        self._last_loss_s: dict[str, float] = {}
        self._paused: set[str] = set()
        self._kept: list[Row] = []
        self._log = structlog.get_logger().bind(venue=venue.name)
        for outcome in ("filled", "left"):
            GAPS.labels(venue.name, outcome)  # from 0 on, as in Checker

    async def listing(self) -> list[str]:
        """Symbols that the venue lists. Raises NotTold."""
        return await self._history.listing()

    def admit(self, symbols: Iterable[str], from_us: int = 0) -> None:
        """Markets that are followed from now on. One whose last trade is older than ``from_us`` begins anew."""
        wanted = [*symbols]
        self.intake.admit(wanted)
        for symbol in wanted:
            last = self._markets.mark(symbol)
            if last is None or last.time_us >= from_us or symbol in self._filling:
                continue
            self._awaiting.discard(symbol)
            rows, _ = self._markets.release(symbol, at_any_rate=True)
            self.intake.put(rows)
            self._markets.forget(symbol)
            self._log.info("feed_market_restarted", symbol=symbol, after_id=last.trade_id, after_us=last.time_us)

    def expect(self, symbols: Iterable[str]) -> None:
        """Before a subscription: markets that went on before wait for what was missed."""
        for symbol in symbols:
            if symbol in self._paused:
                self._paused.discard(symbol)
                if self._markets.is_whole(symbol) and len(self._kept) < HELD_IN_ALL_MAX:
                    self._kept += self._markets.release(symbol, at_any_rate=False)[0]
            if self._start(symbol) is not None:
                self._markets.cut(symbol)

    def begin(self, symbols: Iterable[str]) -> None:
        """A subscription holds, or trades were lost: fill up to now."""
        for symbol in symbols:
            if self._start(symbol) is None:
                continue
            self._markets.hold(symbol)
            self._awaiting.discard(symbol)
            if symbol in self._filling:
                self._again.add(symbol)
            else:
                self._filling[symbol] = asyncio.create_task(self._fill(symbol))

    def take(self, frame: Frame, symbols: Sequence[str]) -> Told:
        """A frame of a session that brings ``symbols``. Raises as Intake.take does."""
        told = self.intake.take(frame)
        if self._markets.holes:
            holes, self._markets.holes = self._markets.holes, set()
            self.begin(holes)
        if self._markets.touched:
            touched, self._markets.touched = self._markets.touched, set()
            self.begin(touched & self._awaiting)
        if told.unreadable is not None and told.unreadable.channel not in QUOTE_CHANNELS:
            self._lose(symbols)
        self._changed()
        return told

    def pause(self) -> None:
        """Nothing can be sent: every market that has begun holds its trades, and histories aren't read on."""
        self._history.is_open.clear()
        self.intake.pause()
        for symbol in self.intake.asked:
            if self._markets.mark(symbol) is not None and not self._markets.is_held(symbol):
                self._markets.hold(symbol)
                self._paused.add(symbol)

    def resume(self) -> None:
        """What was held goes out. A market that couldn't hold all of it is filled first."""
        self._history.is_open.set()
        self.intake.resume()
        kept, self._kept = self._kept, []
        self.intake.put(kept)
        paused, self._paused = self._paused, set()
        for symbol in sorted(paused - self._filling.keys()):
            if self._markets.is_whole(symbol):
                rows, _ = self._markets.release(symbol, at_any_rate=False)
                self.intake.put(rows)
            if self._markets.is_held(symbol) and not self._markets.is_cut(symbol):
                self.begin([symbol])
        self._changed()

    def check(self) -> None:
        """Raise what a filling raised that it doesn't take itself."""
        for symbol, task in [*self._filling.items()]:
            if task.done():
                del self._filling[symbol]
                task.result()

    async def close(self) -> None:
        tasks = [*self._filling.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._history.close()

    def _start(self, symbol: str) -> Mark | None:
        return self._markets.mark(symbol) or self._since

    def _lose(self, symbols: Sequence[str]) -> None:
        """A frame may have been of any of ``symbols``. A venue that changed its form is asked every pause, not more."""
        loop = asyncio.get_running_loop()
        self.expect(symbols)
        due = [symbol for symbol in symbols if symbol not in self._last_loss_s]
        for symbol in due:
            self._last_loss_s[symbol] = loop.time()
        wait_s = 0.0 if all(symbol not in self._filling for symbol in due) else self._pause_s

        def fill() -> None:
            for symbol in due:
                del self._last_loss_s[symbol]
            self.begin(due)

        if due:
            loop.call_later(wait_s, fill)

    async def _fill(self, symbol: str) -> None:
        while True:
            self._again.discard(symbol)
            after = self._start(symbol) or Mark(0)
            before = self.intake.counts["filled"]
            left: list[Gap] = []
            error = ""
            try:
                left = await self._filler.fill(symbol, after)
            except NotTold as why:
                error = str(why)
            if symbol in self._again and not error:
                continue
            reached, first = self._start(symbol) or after, self._markets.first_held(symbol)
            if first is None and not error and not self.venue.rules.ids_follow:
                # The history may lag, and nothing shows it before there is a trade to join: it will be filled up then.
                self._awaiting.add(symbol)
                self._tell(symbol, after, self.intake.counts["filled"] - before, left, error)
                break
            rows, skipped = self._markets.release(symbol, at_any_rate=bool(error))
            if error:
                left = skipped or [Gap(symbol, reached, first or reached)]
            self.intake.put(rows)
            self._tell(symbol, after, self.intake.counts["filled"] - before, left, error)
            self._changed()
            if symbol not in self._again and not self._markets.is_held(symbol):
                break
            self._markets.hold(symbol)
        del self._filling[symbol]

    def _filled(self, rows: list[Row]) -> None:
        self._send(self._markets.add(rows))

    def _send(self, fresh: list[Row]) -> None:
        self.intake.counts["filled"] += len(fresh)
        GAP_TRADES.labels(self.venue.name).inc(len(fresh))
        self.intake.put(fresh)
        self._changed()

    def _tell(self, symbol: str, after: Mark, trades: int, left: list[Gap], error: str) -> None:
        for gap in left:
            GAPS.labels(self.venue.name, "left").inc()
            bounds = {
                "after_id": gap.after.trade_id, "after_us": gap.after.time_us,
                "before_id": gap.before.trade_id, "before_us": gap.before.time_us,
            }  # fmt: skip
            why = error or "its history doesn't have them"
            self._log.warning("feed_gap_left", symbol=symbol, **bounds, error=why)
        if trades:
            GAPS.labels(self.venue.name, "filled").inc()
            self._log.info(
                "feed_gap_filled", symbol=symbol, after_id=after.trade_id, after_us=after.time_us, trades=trades
            )
