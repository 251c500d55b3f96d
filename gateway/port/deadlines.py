"""Those who may wait for as long as each other, and whose time is up.

The HTTP server keeps its connections here: those that have not said all of a request, and those that say nothing. One
timer of the loop stands for all of them, as the one who waits longest is always due first; a timer for each request
costs as much as parsing it. Nobody is told before ``span_s`` have passed.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Deadlines"]

T = TypeVar("T")


class Deadlines(Generic[T]):
    """``over`` is called with each whose time is up, who is then forgotten. Belongs to the loop that runs."""

    def __init__(self, span_s: float, over: Callable[[T], None]) -> None:
        self._span_s = span_s
        self._over = over
        self._since: OrderedDict[T, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, who: T) -> None:
        """From now on, unless it waits already."""
        if who not in self._since:
            loop = asyncio.get_running_loop()
            self._since[who] = loop.time()
            if self._timer is None:
                self._timer = loop.call_later(self._span_s, self._look)

    def end(self, who: T) -> None:
        self._since.pop(who, None)

    def take_oldest(self) -> T | None:
        """Who waits longest, forgotten with this; None where nobody waits."""
        return self._since.popitem(last=False)[0] if self._since else None

    def stop(self) -> None:
        """Nobody is told any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._since:
            who, since = next(iter(self._since.items()))
            left_s = since + self._span_s - loop.time()
            if left_s > 0:
                self._timer = loop.call_later(left_s, self._look)
                return
            del self._since[who]
            self._over(who)
