"""Counters of limits: in Redis while it answers, so that all gateways count together, else in this process.

request_limits.py and limits.py add to them. When Redis is out, each process counts by itself rather than refusing
everyone; the breaker that all readers of Redis share says when it is.
"""

import asyncio
import contextlib

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage

from gateway.rest.shared_counts import SharedCounts
from gateway.stores.breaker import BreakerOpenError, CircuitBreaker
from gateway.stores.redis_pool import REDIS_ERRORS, Redis

__all__ = ["LimitCounts"]


class LimitCounts:
    """Fixed windows of the ``limits`` library, by item and key."""

    def __init__(self, redis: Redis, breaker: CircuitBreaker, timeout_ms: int) -> None:
        self._shared = SharedCounts(redis, "gateway:limits")
        self._local = MemoryStorage()
        self._breaker = breaker
        self._timeout_s = timeout_ms / 1000

    async def add(self, item: RateLimitItem, key: str, amount: int) -> tuple[int, bool]:
        """The counter after adding ``amount``, and whether it is the shared one."""
        name, expiry = item.key_for(key), item.get_expiry()
        try:
            self._breaker.enter()
            async with asyncio.timeout(self._timeout_s):
                counted = await self._shared.incr(name, expiry, amount)
        except BreakerOpenError:
            return await self._local.incr(name, expiry, amount), False
        except REDIS_ERRORS as error:
            self._breaker.failed(error)
            return await self._local.incr(name, expiry, amount), False
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return counted, True

    async def shared_end(self, item: RateLimitItem, key: str) -> float | None:
        """When the shared window ends, seconds since the epoch; None where Redis doesn't say."""
        with contextlib.suppress(*REDIS_ERRORS):
            async with asyncio.timeout(self._timeout_s):
                return float(await self._shared.get_expiry(item.key_for(key)))
        return None
