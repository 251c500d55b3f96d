"""Waiting for a server that is down: try again with growing pauses, say so, give up only when asked to stop.

Used by every sink that writes to a server. Law: a server that doesn't answer costs time, never data and never the flow;
an error that isn't connectivity passes through at once.
The surprise: the pause is a wait on the ``stop`` event, so that a stopping flow never sits out a backoff.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from schemas.errors import Unreachable

__all__ = ["persist"]

T = TypeVar("T")

PAUSE_S: Final = 0.05
PAUSE_S_MAX: Final = 2.0
REPORT_S: Final = 10.0

_log = structlog.get_logger()


def persist(
    action: Callable[[], T],
    *,
    where: str,
    is_outage: Callable[[Exception], bool],
    stop: threading.Event,
) -> T:
    """Result of ``action``, called again until it succeeds.

    Raises what ``action`` raises when ``is_outage`` says no, and Unreachable when ``stop`` is set during an outage.
    """
    pause_s, began_s, reported_s = PAUSE_S, 0.0, 0.0
    while True:
        try:
            result = action()
        except Exception as error:
            if not is_outage(error):
                raise
            now_s = time.monotonic()
            began_s = began_s or now_s
            if not reported_s or now_s - reported_s >= REPORT_S:
                _log.warning("server is down, waiting", where=where, error=str(error), down_s=round(now_s - began_s, 1))
                reported_s = now_s
            if stop.wait(pause_s):
                raise Unreachable("stopped while the server was down", where=where, mend=str(error)) from error
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
        else:
            if began_s:
                _log.info("server is back", where=where, down_s=round(time.monotonic() - began_s, 1))
            return result
