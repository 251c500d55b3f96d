"""A recorded session of a venue as the demo's tape: each trade once, when it came, and exact.

``tapeflow demo --feed play:FILE`` sends it. Frames are translated as in ``tapeflow ingest --play``; what can't be used
is left out here, as its letters belong to ingest.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from feeds.recording import frames
from feeds.venue import Venue
from jobs.ingest.known_trades import KnownTrades
from jobs.ingest.trade_batches import TradeBatches
from schemas.columns import TradeBatch

__all__ = ["FeedTape", "as_recorded"]


class FeedTape:
    """``timed``: each frame's trades with the microsecond when it came. Raises SettingError as reading it does."""

    def __init__(self, path: Path, venue: Venue) -> None:
        self._path, self._venue = path, venue

    def __iter__(self) -> Iterator[TradeBatch]:
        return (batch for _, batch in self.timed())

    def timed(self) -> Iterator[tuple[int, TradeBatch]]:
        known, batches = KnownTrades(), TradeBatches(self._venue.exchange)
        for frame in frames(self._path):
            batch = batches.make(known.fresh(self._venue.told(frame.data, frame.received_us).trades))
            if len(batch):
                yield frame.received_us, batch


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
