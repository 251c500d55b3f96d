"""Tells in one line that a venue sends what isn't usable: at once, and every 10 s while it goes on.

The intake of a live session shows it each frame and row that goes to the dead letters. A venue that changed its form
is named so, with the channel and what is wrong, before its trades are missed.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog

__all__ = ["TOLD_S", "RefusalTeller"]

TOLD_S: Final = 10.0


class RefusalTeller:
    """Of the ``venue``."""

    def __init__(self, venue: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._told_s = clock, -TOLD_S
        self._refused = 0
        self._log = structlog.get_logger().bind(venue=venue)

    def tell(self, channel: str, reason: str) -> None:
        self._refused += 1
        now_s = self._clock()
        if now_s - self._told_s >= TOLD_S:
            self._told_s = now_s
            self._log.warning("feed_frame_refused", channel=channel, error=reason, frames=self._refused)
