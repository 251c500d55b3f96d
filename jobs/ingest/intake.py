"""From a venue's frames to the trades topic: what live sessions and recordings share.

Frames come in one by one, with the time when each was received. Trades go out in the order in which the venue told
them, each once as far as this process knows; what can't be used goes to the feeds' dead letters. Nothing is kept back
after ``flush``, and ``finish`` returns when the broker has answered for everything.
"""

from collections import Counter
from typing import Final

from feeds.recording import Frame
from feeds.rows import Trade
from feeds.venue import Venue
from jobs.ingest.known_trades import KnownTrades
from jobs.ingest.letters import FeedLetters
from jobs.ingest.trade_batches import TradeBatches
from jobs.produce.sender import TapeSender

__all__ = ["Intake"]

TOGETHER_MAX: Final = 2_000
UNREADABLE: Final = "unreadable"


class Intake:
    """Of one venue. counts: frames, trades (sent), quotes (seen), repeated, unreadable (frames), refused (trades)."""

    def __init__(self, venue: Venue, sender: TapeSender, letters: FeedLetters) -> None:
        self._venue = venue
        self._sender = sender
        self._letters = letters
        self._known = KnownTrades()
        self._batches = TradeBatches(venue.exchange)
        self._waiting: list[tuple[Trade, Frame]] = []
        self.counts: Counter[str] = Counter()

    def take(self, frame: Frame) -> None:
        """Read one frame; trades wait until ``flush``, or until many wait. Raises as TapeSender.send does."""
        told = self._venue.told(frame.data, frame.received_us)
        self.counts["frames"] += 1
        self.counts["quotes"] += len(told.quotes)
        if told.unreadable is not None:
            self.counts[UNREADABLE] += 1
            self._letters.write(frame.data, told.unreadable.channel, told.unreadable.reason, frame.received_us)
        self._waiting += [(trade, frame) for trade in self._known.fresh(told.trades)]
        if len(self._waiting) >= TOGETHER_MAX:
            self.flush()

    def flush(self) -> None:
        """Hand everything that waits to the producer."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        batch = self._batches.make([trade for trade, _ in waiting])
        for reject in batch.rejects:
            _, frame = waiting[reject.offset]
            self.counts["refused"] += 1
            self._letters.write(frame.data, "trades", f"{reject.reason.value}: {reject.detail}", frame.received_us)
        self._sender.send(batch)
        self.counts["trades"] += len(batch)
        self.counts["repeated"] = self._known.repeated

    def finish(self) -> int:
        """Flush, and wait for the broker's answers; the number of trades delivered."""
        self.flush()
        self._letters.finish()
        return self._sender.finish()
