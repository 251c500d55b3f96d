"""From a venue's frames to the topics of trades and quotes: what live sessions and recordings share.

Frames come in one by one, with the time when each was received. Trades go out in the order in which the venue told
them, each once as far as this process knows, and so do best bids and asks; what can't be used goes to the feeds' dead
letters. Nothing is kept back after ``flush``, and ``finish`` returns when the broker has answered for everything.
"""

import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Final

from feeds.frame import NOTHING
from feeds.recording import Frame
from feeds.rows import Quote, Told, Trade
from feeds.series import SHARED, Series
from feeds.venue import Source
from jobs.ingest.clock_offset import ClockOffset
from jobs.ingest.letters import FeedLetters
from jobs.ingest.markets import Markets, Row
from jobs.ingest.metrics import CLOCK_AHEAD_MS, LETTERS, RECEIVED_MS, REPEATED, TOLD, WRITTEN_MS
from jobs.ingest.quote_batches import QuoteBatches
from jobs.ingest.refusal_teller import RefusalTeller
from jobs.ingest.trade_batches import TradeBatches
from jobs.produce.sender import TapeSender
from schemas.columns import TradeBatch

__all__ = ["Intake"]

TOGETHER_MAX: Final = 2_000
FLUSHED_MAX: Final = 10_000
"""So that sending what was held for long doesn't keep sessions waiting."""
UNKNOWN: Final = "no message that this venue documents"
NOT_ASKED: Final = "of a market that wasn't asked for"


class Intake:
    """Of one venue. counts: frames, trades and quotes (sent), repeated, unreadable (frames), refused (of both).

    ``quotes``: where best bids and asks go; None leaves them out. ``asked``: the symbols of a live session, in which
    everything else is refused, and so are frames that nobody knows; None takes what is there. ``series``: under which
    symbols rows go out.
    """

    def __init__(
        self,
        venue: Source,
        trades: TapeSender,
        quotes: TapeSender | None,
        letters: FeedLetters,
        asked: Iterable[str] | None = None,
        series: Series = SHARED,
    ) -> None:
        self._venue = venue
        self.series, self._is_paused = series, False
        self._teller, self._clock_offset = RefusalTeller(venue.name), ClockOffset()
        self._asked = None if asked is None else set(asked)
        self._trades, self._quotes = trades, quotes
        self._letters = letters
        self.markets = Markets(ids_follow=asked is not None and venue.rules.ids_follow)
        self._trade_batches = TradeBatches(venue.exchange, series)
        self._quote_batches = QuoteBatches(venue.exchange, series)
        self._waiting_trades: list[Row] = []
        self._waiting_quotes: list[tuple[Quote, Frame]] = []
        self._unanswered: deque[tuple[int, int]] = deque()
        self._shown: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def take(self, frame: Frame) -> Told:
        """Read one frame, and give what it tells; its rows wait until ``flush``, or until many wait. Raises as
        TapeSender.send does."""
        told = self._venue.told(frame.data, frame.received_us)
        self.counts["frames"] += 1
        if told.unreadable is not None:
            self._refuse("unreadable", frame, told.unreadable.channel, told.unreadable.reason)
        trades, quotes = told.trades, told.quotes
        if self._asked is not None:
            if told is NOTHING:
                self._refuse("unreadable", frame, "", UNKNOWN)
            else:
                trades = [row for row in trades if self._is_asked_for(row, frame)]
                quotes = [row for row in quotes if self._is_asked_for(row, frame)]
        self.put(self.markets.take([(trade, frame) for trade in trades]))
        if self._quotes is not None and not self._is_paused:
            self._waiting_quotes += [(quote, frame) for quote in quotes]
        if len(self._waiting_trades) + len(self._waiting_quotes) >= TOGETHER_MAX:
            self.flush()
        return told

    def admit(self, symbols: Iterable[str]) -> None:
        """More symbols of a live session; what was admitted once stays, as a venue that was told to end goes on for a
        moment."""
        if self._asked is not None:
            self._asked.update(symbols)

    def put(self, rows: list[Row]) -> None:
        """Trades of ``markets`` that go out as they are."""
        self._waiting_trades += rows

    def flush(self) -> None:
        """Hand what waits to the producers, at most FLUSHED_MAX trades; nothing while the broker is away."""
        if self._is_paused:
            return
        if waiting := self._waiting_trades[:FLUSHED_MAX]:
            self._waiting_trades = self._waiting_trades[FLUSHED_MAX:]
            batch = self._trade_batches.make([trade for trade, _ in waiting])
            self._send("trades", batch, [frame for _, frame in waiting], self._trades)
            last, frame = waiting[-1]
            if not batch.rejects and not last.is_past:  # the past was late already
                self._time(frame.received_us, int(batch.rows["event_time_us"][-1]))
        if (quoted := self._waiting_quotes) and self._quotes is not None:
            self._waiting_quotes = []
            batch = self._quote_batches.make([quote for quote, _ in quoted])
            self._send("quotes", batch, [frame for _, frame in quoted], self._quotes)
        self.counts["repeated"] = self.markets.repeated
        self._show()

    def pause(self) -> None:
        """The broker is away: best bids and asks are left out, as the next ones say all, and letters wait."""
        self._is_paused = self._letters.is_paused = True

    def resume(self) -> None:
        self._is_paused = self._letters.is_paused = False
        self._letters.flush()

    @property
    def asked(self) -> frozenset[str]:
        """Symbols of a live session."""
        return frozenset(self._asked or ())

    @property
    def senders(self) -> list[TapeSender]:
        return [self._trades, *([] if self._quotes is None else [self._quotes])]

    @property
    def has_more(self) -> bool:
        """Whether trades wait for the next ``flush``."""
        return bool(self._waiting_trades)

    @property
    def awaits_answers(self) -> bool:
        """Whether the broker hasn't answered yet for trades whose latency is measured."""
        return bool(self._unanswered)

    def look(self) -> None:
        """Take the broker's answers so far. Raises as TapeSender.send does."""
        self._letters.flush()
        for sender in self.senders:
            sender.look()
        while self._unanswered and self._unanswered[0][0] <= self._trades.delivered:
            _, received_us = self._unanswered.popleft()
            WRITTEN_MS.labels(self._venue.name).observe((time.time_ns() // 1000 - received_us) / 1000)

    def finish(self) -> None:
        """Flush all, and wait for the broker's answers."""
        self._is_paused = False
        self.flush()
        while self.has_more:
            self.flush()
        self._letters.finish()
        for sender in self.senders:
            sender.finish()

    def _is_asked_for(self, row: Trade | Quote, frame: Frame) -> bool:
        if self._asked is None or row.symbol in self._asked:
            return True
        self._refuse("refused", frame, row.venue_symbol, NOT_ASKED)
        return False

    def _refuse(self, what: str, frame: Frame, channel: str, reason: str) -> None:
        self.counts[what] += 1
        self._letters.write(frame.data, channel, reason, frame.received_us)
        if self._asked is not None:
            self._teller.tell(channel, reason)

    def _time(self, received_us: int, event_time_us: int) -> None:
        RECEIVED_MS.labels(self._venue.name).observe((received_us - event_time_us) / 1000)
        if self._asked is not None:  # live: a recording was received long ago
            self._unanswered.append((self._trades.sent, received_us))
            CLOCK_AHEAD_MS.labels(self._venue.name).set(self._clock_offset.observe(received_us, event_time_us))

    def _show(self) -> None:
        """What was counted since the last time, as metrics."""
        new = self.counts - self._shown
        self._shown = Counter(self.counts)
        for kind in ("trades", "quotes"):
            TOLD.labels(self._venue.name, kind).inc(new[kind])
        REPEATED.labels(self._venue.name).inc(new["repeated"])
        LETTERS.labels(self._venue.name).inc(new["unreadable"] + new["refused"])

    def _send(self, what: str, batch: TradeBatch, frames: list[Frame], sender: TapeSender) -> None:
        """``frames``: of each row that the batch was made of."""
        for reject in batch.rejects:
            self._refuse("refused", frames[reject.offset], what, f"{reject.reason.value}: {reject.detail}")
        sender.send(batch)
        self.counts[what] += len(batch)
