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

__all__ = ["STOP_GRACE_S", "persist"]

T = TypeVar("T")

PAUSE_S: Final = 0.05
PAUSE_S_MAX: Final = 2.0
REPORT_S: Final = 10.0
STOP_GRACE_S: Final = 4.0
"""How long a stopping flow still tries: a stop must end within 10 seconds, and a blip must not spoil it."""

_log = structlog.get_logger()


def persist(
    action: Callable[[], T],
    *,
    where: str,
    is_outage: Callable[[Exception], bool],
    stop: threading.Event,
) -> T:
    """Result of ``action``, called again until it succeeds.

    Raises what ``action`` raises when ``is_outage`` says no, and Unreachable when the outage outlasts ``stop`` by
    STOP_GRACE_S.
    """
    pause_s, began_s, reported_s, give_up_s = PAUSE_S, 0.0, 0.0, 0.0
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
            if stop.is_set():
                give_up_s = give_up_s or now_s + STOP_GRACE_S
                if now_s >= give_up_s:
                    raise Unreachable("stopped while the server was down", where=where, mend=str(error)) from error
                time.sleep(min(pause_s, 0.2))
            else:
                stop.wait(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
        else:
            if began_s:
                _log.info("server is back", where=where, down_s=round(time.monotonic() - began_s, 1))
            return result
