"""Limits per user, counted in Redis so that all gateways share them.

Requests per minute and batches per second are fixed windows of the ``limits`` library; historical queries at once are
leases in a sorted set, which a crashed gateway loses by itself. Law: no more than the limit pass, over all gateways.
When Redis is out, each process counts by itself rather than refusing everyone. The surprise: limits of 1,000 and more
are drawn from Redis a thousandth at a time; at the contract's limits each request is counted there, but requests that
come together share a round trip.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage

from gateway.rest.errors import rate_limited
from gateway.rest.shared_counts import SharedCounts
from gateway.stores.breaker import BreakerOpenError, CircuitBreaker
from gateway.stores.redis_pool import REDIS_ERRORS, Redis

__all__ = ["Allowance", "Limiter"]

LEASE_KEY: Final = "gateway:history:"
# KEYS[1] the user's leases; ARGV: lease length in ms, most leases, lease id. Answers 1 when the lease was given.
# The clock is the server's: gateways need not agree on the time.
TAKE_LEASE: Final = """
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now_ms)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now_ms + ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""


@dataclass(slots=True)
class Allowance:
    """What a user has left in this window: for the RateLimit-* headers. ``reset_s`` counts from now."""

    limit: int
    remaining: int
    reset_s: int
    window_s: int = 60

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
            (b"ratelimit-policy", b"%d;w=%d" % (self.limit, self.window_s)),
        ]


@dataclass(slots=True)
class _Window:
    """What this process knows of one user's window: drawn, not yet used up, and when it ends."""

    ends_at: float
    drawn: int = 0
    counted: int = 0
    remote: bool = True


class Limiter:
    """Counts requests of users. ``per_minute`` 0 turns the request limit off."""

    def __init__(
        self,
        redis: Redis,
        redis_url: str,
        breaker: CircuitBreaker,
        *,
        per_minute: int,
        batches_per_second: int,
        history_concurrent: int,
        history_timeout_ms: int,
        timeout_ms: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shared = SharedCounts(redis, redis_url, "gateway:limits")
        self._local = MemoryStorage()
        self._redis = redis
        self._lease = redis.register_script(TAKE_LEASE)
        self._breaker = breaker
        self._requests: RateLimitItem = RateLimitItemPerMinute(max(1, per_minute), namespace="requests")
        self._batches: RateLimitItem = RateLimitItemPerSecond(batches_per_second, namespace="batches")
        self._per_minute = per_minute
        self._history_concurrent = history_concurrent
        self._history_lease_ms = history_timeout_ms + 5_000
        self._timeout_s = timeout_ms / 1000
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._history_local: dict[str, int] = {}

    async def request(self, user_id: str) -> Allowance | None:
        """Takes one request; raises ApiError RATE_LIMITED. None where there is no limit."""
        if self._per_minute == 0:
            return None
        window = self._windows.get(user_id)
        now = self._clock()
        if window is None or window.ends_at <= now:
            window = await self._open_window(user_id, now)
        if window.drawn == 0:
            await self._draw(user_id, window)
        remaining = max(0, self._per_minute - window.counted) + max(0, window.drawn - 1)
        allowance = Allowance(self._per_minute, remaining, max(1, math.ceil(window.ends_at - now)))
        if window.drawn == 0:
            refused = rate_limited(
                f"More than {self._per_minute} requests in a minute", allowance.reset_s, limit=self._per_minute
            )
            refused.headers |= {name.decode(): value.decode() for name, value in allowance.headers()}
            raise refused
        window.drawn -= 1
        return allowance

    async def _open_window(self, user_id: str, now: float) -> _Window:
        """A new window: draws first, as the window of Redis begins with its first hit, and then asks for its end."""
        if len(self._windows) > 100_000:
            self._windows = {user: window for user, window in self._windows.items() if window.ends_at > now}
        window = _Window(now + self._requests.get_expiry())
        await self._draw(user_id, window)
        if window.remote:
            with contextlib.suppress(*REDIS_ERRORS):  # a guess of the end is good enough without Redis
                async with asyncio.timeout(self._timeout_s):
                    window.ends_at = await self._shared.get_expiry(self._requests.key_for(user_id))
        self._windows[user_id] = window
        return window

    async def _draw(self, user_id: str, window: _Window) -> None:
        """Adds what Redis (or, without it, this process) still grants to ``window.drawn``; nothing when used up."""
        chunk = max(1, self._per_minute // 1000)
        if window.counted >= self._per_minute + chunk:
            return
        counted, window.remote = await self._count(self._requests, user_id, chunk)
        window.counted = counted
        window.drawn += min(chunk, max(0, self._per_minute - (counted - chunk)))

    async def _count(self, item: RateLimitItem, user_id: str, amount: int) -> tuple[int, bool]:
        """The counter after adding ``amount``, and whether it is the shared one."""
        key, expiry = item.key_for(user_id), item.get_expiry()
        try:
            self._breaker.enter()
            async with asyncio.timeout(self._timeout_s):
                counted = await self._shared.incr(key, expiry, amount)
        except BreakerOpenError:
            return await self._local.incr(key, expiry, amount), False
        except REDIS_ERRORS as error:
            self._breaker.failed(error)
            return await self._local.incr(key, expiry, amount), False
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return counted, True

    async def batch(self, user_id: str) -> None:
        """Takes one large batch request; raises ApiError RATE_LIMITED."""
        counted, _ = await self._count(self._batches, user_id, 1)
        if counted > self._batches.amount:
            raise rate_limited(f"More than {self._batches.amount} large batch requests in a second", 1)

    @contextlib.asynccontextmanager
    async def history(self, user_id: str) -> AsyncIterator[None]:
        """Holds one of the user's places for historical queries; raises ApiError RATE_LIMITED where none is free."""
        lease = uuid4().hex
        remote = await self._take_lease(user_id, lease)
        if remote is False or (remote is None and self._history_local.get(user_id, 0) >= self._history_concurrent):
            raise rate_limited(f"More than {self._history_concurrent} historical queries at once", 1)
        self._history_local[user_id] = self._history_local.get(user_id, 0) + 1
        try:
            yield
        finally:
            self._history_local[user_id] -= 1
            if self._history_local[user_id] <= 0:
                del self._history_local[user_id]
            if remote:
                # Also when the client left: a lease that is not given back blocks the user until it ends.
                await asyncio.shield(self._give_back(user_id, lease))

    async def _take_lease(self, user_id: str, lease: str) -> bool | None:
        """True given, False refused, None Redis is out."""
        try:
            self._breaker.enter()
            async with asyncio.timeout(self._timeout_s):
                given = await self._lease(
                    keys=[LEASE_KEY + user_id], args=[self._history_lease_ms, self._history_concurrent, lease]
                )
        except BreakerOpenError:
            return None
        except REDIS_ERRORS as error:
            self._breaker.failed(error)
            return None
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return bool(given)

    async def _give_back(self, user_id: str, lease: str) -> None:
        with contextlib.suppress(*REDIS_ERRORS):  # then it ends by itself
            async with asyncio.timeout(self._timeout_s):
                await self._redis.zrem(LEASE_KEY + user_id, lease)
