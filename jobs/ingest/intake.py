"""From a venue's frames to the topics of trades and quotes: what live sessions and recordings share.

Frames come in one by one, with the time when each was received. Trades go out in the order in which the venue told
them, each once as far as this process knows, and so do best bids and asks; what can't be used goes to the feeds' dead
letters. Nothing is kept back after ``flush``, and ``finish`` returns when the broker has answered for everything.
"""

from collections import Counter
from typing import Final

from feeds.recording import Frame
from feeds.rows import Quote, Trade
from feeds.venue import Venue
from jobs.ingest.known_trades import KnownTrades
from jobs.ingest.letters import FeedLetters
from jobs.ingest.quote_batches import QuoteBatches
from jobs.ingest.trade_batches import TradeBatches
from jobs.produce.sender import TapeSender
from schemas.columns import TradeBatch

__all__ = ["Intake"]

TOGETHER_MAX: Final = 2_000


class Intake:
    """Of one venue. counts: frames, trades and quotes (sent), repeated, unreadable (frames), refused (of both).

    ``quotes``: where best bids and asks go; None leaves them out.
    """

    def __init__(self, venue: Venue, trades: TapeSender, quotes: TapeSender | None, letters: FeedLetters) -> None:
        self._venue = venue
        self._trades, self._quotes = trades, quotes
        self._letters = letters
        self._known = KnownTrades()
        self._trade_batches = TradeBatches(venue.exchange)
        self._quote_batches = QuoteBatches(venue.exchange)
        self._waiting_trades: list[tuple[Trade, Frame]] = []
        self._waiting_quotes: list[tuple[Quote, Frame]] = []
        self.counts: Counter[str] = Counter()

    def take(self, frame: Frame) -> None:
        """Read one frame; its rows wait until ``flush``, or until many wait. Raises as TapeSender.send does."""
        told = self._venue.told(frame.data, frame.received_us)
        self.counts["frames"] += 1
        if told.unreadable is not None:
            self.counts["unreadable"] += 1
            self._letters.write(frame.data, told.unreadable.channel, told.unreadable.reason, frame.received_us)
        self._waiting_trades += [(trade, frame) for trade in self._known.fresh(told.trades)]
        if self._quotes is not None:
            self._waiting_quotes += [(quote, frame) for quote in told.quotes]
        if len(self._waiting_trades) + len(self._waiting_quotes) >= TOGETHER_MAX:
            self.flush()

    def flush(self) -> None:
        """Hand everything that waits to the producers."""
        if waiting := self._waiting_trades:
            self._waiting_trades = []
            batch = self._trade_batches.make([trade for trade, _ in waiting])
            self._send("trades", batch, [frame for _, frame in waiting], self._trades)
        if (quoted := self._waiting_quotes) and self._quotes is not None:
            self._waiting_quotes = []
            batch = self._quote_batches.make([quote for quote, _ in quoted])
            self._send("quotes", batch, [frame for _, frame in quoted], self._quotes)
        self.counts["repeated"] = self._known.repeated

    def finish(self) -> None:
        """Flush, and wait for the broker's answers."""
        self.flush()
        self._letters.finish()
        self._trades.finish()
        if self._quotes is not None:
            self._quotes.finish()

    def _send(self, what: str, batch: TradeBatch, frames: list[Frame], sender: TapeSender) -> None:
        """``frames``: of each row that the batch was made of."""
        for reject in batch.rejects:
            frame = frames[reject.offset]
            self.counts["refused"] += 1
            self._letters.write(frame.data, what, f"{reject.reason.value}: {reject.detail}", frame.received_us)
        sender.send(batch)
        self.counts[what] += len(batch)
