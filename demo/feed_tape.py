"""A recorded session of a venue as the demo's tape: each trade once, when it came, and exact.

``tapeflow demo --feed play:FILE`` sends it. Frames are translated as in ``tapeflow ingest --play``. What happened
before the session, and the venue told at its beginning, goes first and in the order of time, so that no market makes
another one's trades late. What can't be used is left out, as its letters belong to ingest.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from feeds.marks import time_us_of
from feeds.recording import frames
from feeds.rows import Trade
from feeds.series import SHARED, Series
from feeds.venue import Venue
from jobs.ingest.known_trades import KnownTrades
from jobs.ingest.trade_batches import TradeBatches
from schemas.columns import TradeBatch

__all__ = ["FeedTape", "as_recorded"]


class FeedTape:
    """``timed``: each frame's trades with the microsecond when it came. ``series``: under which symbols. Raises
    SettingError as reading it does."""

    def __init__(self, path: Path, venue: Venue, series: Series = SHARED) -> None:
        self._path, self._venue, self._series = path, venue, series

    def __iter__(self) -> Iterator[TradeBatch]:
        return (batch for _, batch in self.timed())

    def timed(self) -> Iterator[tuple[int, TradeBatch]]:
        known, batches = KnownTrades(), TradeBatches(self._venue.exchange, self._series)
        past = [(received_us, trade) for received_us, trades in self._told() for trade in trades if trade.is_past]
        if past:
            by_time = sorted((trade for _, trade in past), key=lambda trade: time_us_of(trade.event_time))
            yield past[0][0], batches.make(known.fresh(by_time))
        for received_us, trades in self._told():
            batch = batches.make(known.fresh(trade for trade in trades if not trade.is_past))
            if len(batch):
                yield received_us, batch

    def _told(self) -> Iterator[tuple[int, list[Trade]]]:
        for frame in frames(self._path):
            yield frame.received_us, self._venue.told(frame.data, frame.received_us).trades


def as_recorded(
    timed: Iterator[tuple[int, TradeBatch]], clock: Callable[[], float], wait: Callable[[float], bool]
) -> Iterator[TradeBatch]:
    """Each batch when it is due; ``clock`` gives seconds, a true ``wait`` ends it."""
    begun_s, first_us = clock(), None
    for received_us, batch in timed:
        first_us = received_us if first_us is None else first_us
        due_s = begun_s + (received_us - first_us) / 1_000_000 - clock()
        if wait(max(due_s, 0.0)):
            return
        yield batch
