"""Limits per client, counted in Redis so that all gateways share them.

Endpoints ask here. A client is a user of a token or, without tokens, an address. Requests per window and batches per
second are counters; historical queries at once are leases in a sorted set, which a crashed gateway loses by itself. No
more than the limit pass, over all gateways. When Redis is out, each process counts by itself rather than refusing
everyone.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Final
from uuid import uuid4

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond

from gateway.rest.errors import rate_limited
from gateway.rest.limit_counts import LimitCounts
from gateway.rest.request_limits import Allowance, Held, RequestLimits, RequestPolicy
from gateway.stores.breaker import BreakerOpenError, CircuitBreaker
from gateway.stores.redis_pool import REDIS_ERRORS, Redis

__all__ = ["LOGINS_PER_MINUTE", "Limiter"]

LOGINS_PER_MINUTE: Final = 10
LEASE_KEY: Final = "gateway:history:"
TAKE_LEASE: Final = files(__package__).joinpath("take_lease.lua").read_text("utf-8")


class Limiter:
    """``requests``: policies of each client, then of each address; an amount of 0 turns one off."""

    def __init__(
        self,
        redis: Redis,
        breaker: CircuitBreaker,
        *,
        requests: tuple[RequestPolicy, RequestPolicy],
        batches_per_second: int,
        history_concurrent: int,
        history_timeout_ms: int,
        timeout_ms: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._counts = LimitCounts(redis, breaker, timeout_ms)
        self._requests = RequestLimits(requests, self._counts, clock)
        self._redis = redis
        self._lease = redis.register_script(TAKE_LEASE)
        self._breaker = breaker
        self._batches: RateLimitItem = RateLimitItemPerSecond(batches_per_second, namespace="batches")
        self._logins: RateLimitItem = RateLimitItemPerMinute(LOGINS_PER_MINUTE, namespace="login")
        self._history_concurrent = history_concurrent
        self._history_lease_ms = history_timeout_ms + 5_000
        self._timeout_s = timeout_ms / 1000
        self._history_local: dict[str, int] = {}

    async def request(self, client: str, address: str) -> Allowance | None:
        """Takes one request of ``client`` from ``address``; raises ApiError RATE_LIMITED. None: there is no limit."""
        return await self._requests.take(client, address)

    def held(self, client: str, address: str) -> Held | None:
        """What was drawn for a request of ``client`` from ``address``; None where the store has to be asked."""
        return self._requests.held(client, address)

    def take_held(self, held: Held) -> Allowance | None:
        """As ``request``, of what is held: at once."""
        return self._requests.take_held(held)

    async def batch(self, client: str) -> None:
        """Takes one large batch request; raises ApiError RATE_LIMITED."""
        counted, _ = await self._counts.add(self._batches, client, 1)
        if counted > self._batches.amount:
            raise rate_limited(f"More than {self._batches.amount} large batch requests in a second", 1)

    async def login(self, address: str) -> None:
        """Takes one attempt to log in; raises ApiError RATE_LIMITED."""
        counted, _ = await self._counts.add(self._logins, address, 1)
        if counted > LOGINS_PER_MINUTE:
            raise rate_limited(
                f"More than {LOGINS_PER_MINUTE} attempts in a minute", 60, limit=LOGINS_PER_MINUTE, windowS=60
            )

    @contextlib.asynccontextmanager
    async def history(self, client: str) -> AsyncIterator[None]:
        """Holds one of the client's places for historical queries; raises ApiError RATE_LIMITED where none is free."""
        lease = uuid4().hex
        remote = await self._take_lease(client, lease)
        if remote is False or (remote is None and self._history_local.get(client, 0) >= self._history_concurrent):
            raise rate_limited(f"More than {self._history_concurrent} historical queries at once", 1)
        self._history_local[client] = self._history_local.get(client, 0) + 1
        try:
            yield
        finally:
            self._history_local[client] -= 1
            if self._history_local[client] <= 0:
                del self._history_local[client]
            if remote:
                # Also when the client left: a lease that is not given back blocks the client until it ends.
                await asyncio.shield(self._give_back(client, lease))

    async def _take_lease(self, client: str, lease: str) -> bool | None:
        """True given, False refused, None Redis is out."""
        try:
            self._breaker.enter()
            async with asyncio.timeout(self._timeout_s):
                given = await self._lease(
                    keys=[LEASE_KEY + client], args=[self._history_lease_ms, self._history_concurrent, lease]
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

    async def _give_back(self, client: str, lease: str) -> None:
        with contextlib.suppress(*REDIS_ERRORS):  # then it ends by itself
            async with asyncio.timeout(self._timeout_s):
                await self._redis.zrem(LEASE_KEY + client, lease)
