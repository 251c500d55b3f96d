"""Whether a symbol has ever traded: the difference between an empty answer and SYMBOL_NOT_FOUND.

Handlers ask only when they found nothing. Redis is asked first (``symbol:S``), then ClickHouse, which alone decides
while Redis is out. A symbol that was seen once stays known, so only a yes is remembered, up to a bounded number.
"""

from typing import Final

from gateway.stores.breaker import BreakerOpenError
from gateway.stores.history import History
from gateway.stores.now import Now, NowUnavailableError

__all__ = ["KnownSymbols"]

REMEMBERED_MAX: Final = 100_000


class KnownSymbols:
    """Symbols known to Redis or ClickHouse."""

    def __init__(self, now: Now, history: History) -> None:
        self._now = now
        self._history = history
        self._seen: set[str] = set()

    async def has(self, symbol: str) -> bool:
        """Raises as the reads do when neither store can say."""
        if symbol in self._seen:
            return True
        if not await self._in_redis(symbol) and not await self._history.has_symbol(symbol):
            return False
        if len(self._seen) >= REMEMBERED_MAX:
            self._seen.clear()
        self._seen.add(symbol)
        return True

    async def _in_redis(self, symbol: str) -> bool:
        try:
            return await self._now.has_symbol(symbol)
        except (NowUnavailableError, BreakerOpenError):
            return False
