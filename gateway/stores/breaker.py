"""Circuit breaker: a dependency that fails is left alone for a while instead of being waited for.

It stands before every read of Redis and ClickHouse. Closed: calls pass; ``failures_max`` failures in a row open it.
Open: calls are refused at once until the pause is over; then one call is let through to try (half open), which closes
it or doubles the pause. It never waits and never retries by itself. The clock comes in as an argument, so tests need no
sleep.
"""

import time
from collections.abc import Callable
from typing import Literal

from schemas.errors import Unreachable

__all__ = ["BreakerOpenError", "CircuitBreaker"]

State = Literal["closed", "open", "half-open"]


class BreakerOpenError(Unreachable):
    """The dependency ``name`` is not asked now; ask again after ``retry_after_s``."""

    def __init__(self, name: str, retry_after_s: float) -> None:
        super().__init__(f"{name} is failing and left alone for {retry_after_s:.1f} s")
        self.name = name
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.name, self.retry_after_s))


class CircuitBreaker:
    """Counts failures of one dependency in one process. Not for several threads: the event loop is its guard."""

    def __init__(
        self,
        name: str,
        *,
        failures_max: int = 3,
        pause_s: float = 1.0,
        pause_s_max: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._failures_max = failures_max
        self._pause_s_first = self._pause_s = pause_s
        self._pause_s_max = pause_s_max
        self._clock = clock
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False
        self.last_error = ""

    @property
    def state(self) -> State:
        if self._open_until is None:
            return "closed"
        return "half-open" if self._probing or self._clock() >= self._open_until else "open"

    def enter(self) -> None:
        """Called before each call of the dependency; raises BreakerOpenError where it must not be made."""
        if self._open_until is None:
            return
        wait_s = self._open_until - self._clock()
        if wait_s > 0 or self._probing:
            raise BreakerOpenError(self.name, max(wait_s, 0.1))
        self._probing = True

    def succeeded(self) -> None:
        self._failures = 0
        self._pause_s = self._pause_s_first
        self._open_until = None
        self._probing = False

    def failed(self, error: BaseException) -> None:
        """The dependency did not answer. An answer that says no (a bad query) is a success of the dependency."""
        self.last_error = f"{type(error).__name__}: {error}"[:200]
        self._failures += 1
        if self._probing:
            self._pause_s = min(self._pause_s * 2, self._pause_s_max)
        if self._probing or self._failures >= self._failures_max:
            self._open_until = self._clock() + self._pause_s
        self._probing = False

    def abandoned(self) -> None:
        """The caller left before the dependency answered: nothing is known, so the next call may try."""
        self._probing = False
