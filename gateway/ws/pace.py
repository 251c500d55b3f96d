"""Pace: how long the gateway rests between two flushes, from what the last one cost and whether waiting pays.

A flush that joins several messages writes them at once, so under load waiting saves system calls; where little happens
it only adds to the latency. ``flusher`` notes every reason to flush and every flush, and asks when the next may begin.
It may after a multiple of what the last one took, counted from its begin: at least REST_MS_MIN, at most ``flush_ms``.
The multiple is small where a flush had one reason, as nobody came while it waited. So flushing takes at most a quarter
of the loop while there is company, two thirds while there is none, and less where it takes longer than ``flush_ms``
allows.
"""

from typing import Final

__all__ = ["FlushPace"]

REST_MS_MIN: Final = 2.0
JOINED: Final = 4.0
ALONE: Final = 1.5


class FlushPace:
    """Times in ms of any clock that goes on; ``flush_ms``: the longest rest, from begin to begin."""

    __slots__ = ("_alone", "_began_ms", "_flush_ms", "_next_ms", "_reasons")

    def __init__(self, flush_ms: float) -> None:
        self._flush_ms = flush_ms
        self._began_ms = self._next_ms = 0.0
        self._reasons = 0
        self._alone = True

    @property
    def asked(self) -> bool:
        """Something came since the last flush began."""
        return self._reasons > 0

    def noted(self) -> None:
        """Something came that a flush has to look at."""
        self._reasons += 1

    def began(self, now_ms: float) -> None:
        self._began_ms, self._alone, self._reasons = now_ms, self._reasons <= 1, 0

    def ended(self, took_ms: float) -> None:
        """Not to be told of a flush that had nothing to write: it makes nothing wait."""
        rest_ms = max(REST_MS_MIN, took_ms * (ALONE if self._alone else JOINED))
        self._next_ms = self._began_ms + min(self._flush_ms, rest_ms)

    def wait_ms(self, now_ms: float) -> float:
        """Until the next flush may begin; 0 for now."""
        return max(0.0, self._next_ms - now_ms)
