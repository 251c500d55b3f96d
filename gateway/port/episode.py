"""One log line when something begins to happen again and again, and one when it is over.

What clients cause (too many connections, no open file left) may happen thousands of times a second; the log says that
it began, and after a quiet time that it ended and how often it was.
"""

import structlog

__all__ = ["Episode"]

QUIET_MS = 10_000
log = structlog.get_logger(__name__)


class Episode:
    """``event`` names both lines; the second has ``_over`` behind it. ``words`` go with the first."""

    def __init__(self, event: str, **words: object) -> None:
        self._event, self._over, self._words = event, f"{event}_over", words
        self._last_ms: int | None = None
        self._count = 0

    def happened(self, now_ms: int) -> None:
        if self._last_ms is None:
            log.warning(self._event, **self._words)
        self._last_ms = now_ms
        self._count += 1

    def look(self, now_ms: int) -> None:
        """To be called about once a second."""
        if self._last_ms is not None and now_ms - self._last_ms >= QUIET_MS:
            log.info(self._over, times=self._count)
            self._last_ms, self._count = None, 0
