"""Waiting for a server that is down: try again with growing pauses, say so, give up only when asked to stop.

Every sink that writes to a server waits here, and OUTAGES knows at any moment which servers are awaited, for metrics
and for the log. A server that doesn't answer costs time, never data and never the flow; an error that isn't
connectivity passes through at once. A server that took a request and stays silent is said after STALL_S, long before
its timeout. The pause is a wait on the ``stop`` event, so that a stopping flow never sits out a backoff.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import structlog

from schemas.errors import Unreachable

__all__ = ["OUTAGES", "STOP_GRACE_S", "Ask", "Outages", "heard", "persist"]

T = TypeVar("T")

PAUSE_S: Final = 0.05
PAUSE_S_MAX: Final = 2.0
REPORT_S: Final = 10.0
STALL_S: Final = 10.0
"""A request that no server of ours needs in health: an insert takes under a second."""
LOOK_S: Final = 0.5
STOP_GRACE_S: Final = 4.0
"""How long a stopping flow still tries: a stop must end within 10 seconds, and a blip must not spoil it."""

_log = structlog.get_logger()
_current = threading.local()


class Ask:
    """One request under way, repeated or not; owned by the thread that waits for it."""

    def __init__(self, server: str, where: str, outages: "Outages") -> None:
        self.server = server
        self.where = where
        self._outages = outages
        self._clock = outages.clock
        self._since_s = self._clock()
        self._error = ""
        self._reported_s: float | None = None

    def heard(self) -> None:
        """The server answered a part of it."""
        if not self._error:
            self._since_s = self._clock()

    def failed(self, error: str) -> None:
        """An attempt ended in ``error``, in words; the first is reported at once."""
        if not self._error and self._reported_s is None:
            self._since_s = self._clock()
        self._error = error
        self.look()

    def is_down(self) -> bool:
        """Whether the server failed, or has been silent for too long."""
        return bool(self._error) or self._clock() - self._since_s >= STALL_S

    def look(self) -> None:
        """Report what lasts, every REPORT_S."""
        if self.is_down() and not self._outages.reported_since(self._clock() - REPORT_S, self.server, self.where):
            self._report()

    def reported_since(self, moment_s: float) -> bool:
        return self._reported_s is not None and self._reported_s > moment_s

    def answered(self) -> None:
        if self._reported_s is not None:
            _log.info("server_returned", server=self.server, where=self.where, down_s=self._down_s())

    def _report(self) -> None:
        self._reported_s = self._clock()
        error = self._error or "it took a request and doesn't answer"
        _log.warning("server_awaited", server=self.server, where=self.where, error=error, down_s=self._down_s())

    def _down_s(self) -> float:
        return round(self._clock() - self._since_s, 1)


class Outages:
    """Requests under way by all threads of a process. A thread of its own looks for those that last too long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._asks: dict[int, Ask] = {}
        self._lock = threading.Lock()
        self._looking = False

    @contextmanager
    def asking(self, server: str, where: str) -> Iterator[Ask]:
        """Around a request to ``server``; leaving it without an exception means that it was answered."""
        ask = Ask(server, where, self)
        outer = getattr(_current, "ask", None)
        self._asks[id(ask)] = _current.ask = ask
        if not self._looking:
            self._begin_looking()
        try:
            yield ask
            ask.answered()
        finally:
            del self._asks[id(ask)]
            _current.ask = outer

    def down(self) -> frozenset[str]:
        """Servers that are awaited now."""
        return frozenset(ask.server for ask in self._now() if ask.is_down())

    def reported_since(self, moment_s: float, server: str, where: str) -> bool:
        """Whether another request there, or the same, has said so: several connections need one line."""
        return any(ask.reported_since(moment_s) for ask in self._now() if ask.server == server and ask.where == where)

    def look(self) -> None:
        """Report what lasts too long."""
        for ask in self._now():
            ask.look()

    def _now(self) -> list[Ask]:
        return list(self._asks.copy().values())

    def _begin_looking(self) -> None:
        with self._lock:
            if not self._looking:
                self._looking = True
                threading.Thread(target=self._keep_looking, name="outages", daemon=True).start()

    def _keep_looking(self) -> None:
        never = threading.Event()
        while not never.wait(LOOK_S):
            self.look()


OUTAGES: Final = Outages()
"""Of this process."""


def heard() -> None:
    """The server that this thread asks has answered a part: a long request is no stalled one."""
    ask: Ask | None = getattr(_current, "ask", None)
    if ask is not None:
        ask.heard()


def persist(
    action: Callable[[], T],
    *,
    server: str,
    where: str,
    is_outage: Callable[[Exception], bool],
    stop: threading.Event,
    in_words: Callable[[Exception], str] = str,
) -> T:
    """Result of ``action``, called again until it succeeds.

    server: as the metric calls it. in_words: what an outage's error means, one line.
    Raises what ``action`` raises when ``is_outage`` says no, and Unreachable when the outage outlasts ``stop`` by
    STOP_GRACE_S.
    """
    pause_s, give_up_s = PAUSE_S, 0.0
    with OUTAGES.asking(server, where) as ask:
        while True:
            try:
                return action()
            except Exception as error:
                if not is_outage(error):
                    raise
                words = in_words(error)
                ask.failed(words)
                if stop.is_set():
                    now_s = time.monotonic()
                    give_up_s = give_up_s or now_s + STOP_GRACE_S
                    if now_s >= give_up_s:
                        raise Unreachable("stopped while the server was down", where=where, mend=words) from error
                    time.sleep(min(pause_s, 0.2))
                else:
                    stop.wait(pause_s)
                pause_s = min(pause_s * 2, PAUSE_S_MAX)
