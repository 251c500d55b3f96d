"""How far this machine's clock may be ahead of a venue's, by the least time that a trade took to come here.

The intake shows it arrivals, and a metric shows what comes out. A trade can't arrive before it happens: the least
of (arrival - its time) is the clocks' difference and the fastest way here together. Below zero this machine is behind
the venue by at least as much. It is shown and never applied to any time.
"""

from typing import Final

__all__ = ["WINDOW_US", "ClockOffset"]

WINDOW_US: Final = 300_000_000
"""The least of this window and the one before counts, so that a clock that was set is seen within two."""


class ClockOffset:
    def __init__(self) -> None:
        self._window = 0
        self._least_us: int | None = None
        self._before_us: int | None = None

    def observe(self, received_us: int, event_us: int) -> float:
        """The offset in ms, with this arrival."""
        window, took_us = received_us // WINDOW_US, received_us - event_us
        if window != self._window:
            self._before_us = self._least_us if window == self._window + 1 else None
            self._window, self._least_us = window, None
        self._least_us = took_us if self._least_us is None else min(self._least_us, took_us)
        return min(self._least_us, took_us if self._before_us is None else self._before_us) / 1000
