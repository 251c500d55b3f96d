"""When a shard's open bars go out: each interval once in its own window, their windows staggered, those of shards too.

The live step asks it at every flush. An interval goes out at most once per window, and at once after a quiet one; what
waits is never forgotten. Windows lie on a fixed grid of the clock instead of following the last output. All of them
at once would keep Redis busy for tens of milliseconds, in which no ticker gets through. Timers of their own would drift
together after the first stall; a grid can't.
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from schemas.columns import Longs, Mask
from schemas.intervals import INTERVALS

__all__ = ["BarWindows"]

COUNT = len(INTERVALS)
GOLDEN = 0.6180339887
"""Its multiples lie evenly in a circle, however many there are."""
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER_US = 2**62


class BarWindows:
    """Windows of length ``span`` (0: everything is always due). Masks are bool[len(INTERVALS)]."""

    def __init__(self, span: timedelta) -> None:
        self._span_us = span // MICROSECOND
        self._shard = -1
        self._phases_us: Longs = np.arange(COUNT) * self._span_us // COUNT
        self._sent_in = np.full(COUNT, -1, np.int64)
        self._waiting = np.zeros(COUNT, np.bool_)
        self._all_wait = False  # as ``_waiting`` says, which costs more to ask: most batches touch what waits already
        self._rest_us: tuple[int, int] | None = None
        """From when until when nothing of what waits is due; None: to be worked out."""

    def place(self, shard: int) -> None:
        """Before the first output: windows of ``shard`` begin between those of others."""
        if shard != self._shard:
            self._shard = shard
            self._phases_us = ((np.arange(COUNT) + shard * GOLDEN % 1) * self._span_us / COUNT).astype(np.int64)
            self._rest_us = None

    @property
    def waiting(self) -> bool:
        """Whether a bar may have changed and not gone out yet."""
        return self._all_wait or bool(self._waiting.any())

    def touch(self) -> None:
        """Bars of any interval may have changed."""
        if not self._all_wait:
            self._waiting[:], self._all_wait, self._rest_us = True, True, None

    def due(self, now: datetime, most: int = COUNT, *, ahead: bool = False) -> Mask:
        """Mask of the intervals that wait and may go out; of more than ``most``, those that went out longest ago.

        ahead: whatever waits may, also before its window.
        """
        if self._span_us and not ahead and self._rests(now):
            return np.zeros(COUNT, np.bool_)
        due: Mask = self._waiting.copy()
        if self._span_us and not ahead:
            # Another window, not a later one: a clock that was set back must hold nothing up.
            due &= self._windows(now) != self._sent_in
        if due.sum() > most:
            order = np.flatnonzero(due)[np.argsort(self._sent_in[due], kind="stable")]
            due[order[most:]] = False
        return due

    def sent(self, intervals: Mask, now: datetime) -> None:
        """Those of the mask went out."""
        if not intervals.any():
            return
        self._waiting &= ~intervals
        self._all_wait, self._rest_us = False, None
        self._sent_in[intervals] = self._windows(now)[intervals]

    def next_at(self, now: datetime) -> datetime | None:
        """When something that waits is due; None when nothing waits."""
        if not self.waiting:
            return None
        if not self._span_us or not self._rests(now):
            return now
        return EPOCH + timedelta(microseconds=self._rest()[1])

    def _rests(self, now: datetime) -> bool:
        """Whether nothing is due; windows that are left to be looked at cost more than most calls have to do."""
        start_us, end_us = self._rest()
        return start_us <= (now - EPOCH) // MICROSECOND < end_us

    def _rest(self) -> tuple[int, int]:
        if self._rest_us is None:
            starts_us = (self._sent_in * self._span_us - self._phases_us)[self._waiting]
            self._rest_us = int(starts_us.max(initial=0)), int(starts_us.min(initial=NEVER_US)) + self._span_us
        return self._rest_us

    def _windows(self, now: datetime) -> Longs:
        windows: Longs = ((now - EPOCH) // MICROSECOND + self._phases_us) // max(self._span_us, 1)
        return windows
