"""When each trade of a tape is due: at a rate, at the recorded speed times a factor, or as fast as it goes.

``produce`` and the demo cut their batches by it. What is due is always computed from the beginning and never from the
last slice, so over any time the count is exact and a slow stretch is made up for.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

import numpy as np

from schemas.columns import Longs, TradeBatch

__all__ = ["AtOnce", "AtRate", "AtSpeed", "Pace", "cut_batch", "sliced"]

SLICE_S: Final = 0.01


class Pace(Protocol):
    """Told each batch in turn; says how many of its trades are due ``elapsed_s`` after the tape began."""

    def begin(self, batch: TradeBatch) -> None: ...

    def due(self, elapsed_s: float) -> int: ...


class AtOnce:
    """Everything is due."""

    def __init__(self) -> None:
        self._count = 0

    def begin(self, batch: TradeBatch) -> None:
        self._count = len(batch)

    def due(self, elapsed_s: float) -> int:  # noqa: ARG002 - the protocol's
        return self._count


class AtRate:
    """``rate`` trades a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._before = 0
        self._count = 0

    def begin(self, batch: TradeBatch) -> None:
        self._before += self._count
        self._count = len(batch)

    def due(self, elapsed_s: float) -> int:
        return min(max(int(self._rate * elapsed_s) - self._before, 0), self._count)


class AtSpeed:
    """As recorded, ``speed`` times as fast; a trade that is behind its time comes with the one before it."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._first_us: int | None = None
        self._newest_us = 0
        self._times_us: Longs = np.zeros(0, np.int64)

    def begin(self, batch: TradeBatch) -> None:
        times = np.maximum.accumulate(np.r_[self._newest_us, batch.rows["event_time_us"]])[1:]
        if len(times):
            self._first_us = int(times[0]) if self._first_us is None else self._first_us
            self._newest_us = int(times[-1])
        self._times_us = times

    def due(self, elapsed_s: float) -> int:
        return int(np.searchsorted(self._times_us, (self._first_us or 0) + elapsed_s * 1e6 * self._speed, "right"))


def cut_batch(batch: TradeBatch, start: int, end: int) -> TradeBatch:
    """Trades [start, end) of ``batch``; they share its text."""
    rows = batch.rows[start:end]
    return TradeBatch(batch.topic, batch.partition, rows, batch.text, len(rows), batch.next_offset)


def sliced(
    batches: Iterable[TradeBatch],
    pace: Pace,
    clock: Callable[[], float],
    wait: Callable[[float], bool | None],
    seconds: float = math.inf,
) -> Iterator[TradeBatch]:
    """``batches``, cut so that each part comes when it is due. ``clock`` gives seconds; a true ``wait`` ends it.

    Ends after ``seconds`` too, in the middle of a gap as well, with one last part of what was due by then.
    """
    begun = clock()
    for batch in batches:
        pace.begin(batch)
        done = 0
        while done < len(batch):
            elapsed_s = min(clock() - begun, seconds)
            ready = pace.due(elapsed_s)
            if ready > done:
                yield cut_batch(batch, done, ready)
                done = ready
            elif elapsed_s >= seconds or wait(SLICE_S):
                return
            if elapsed_s >= seconds:
                return
