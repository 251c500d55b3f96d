"""Demand: which symbols anyone watches, right across several gateways and their crashes.

Every gateway leases its symbols in Redis; one Lua script takes or drops leases, keeps the set ``subscribed`` and
publishes on ``market-data:subscriptions`` when a symbol gains its first or loses its last watcher anywhere. There are
no counters. A lease ends by itself when its gateway stops renewing it, and the gateway that first notices takes the
symbol out of the set and publishes that, once. The clock is Redis's own, so the gateways' clocks may differ.
"""

import asyncio
from collections.abc import Callable, Collection
from importlib.resources import files
from typing import Any, Final

import structlog

from gateway.stores.redis_pool import REDIS_ERRORS, Redis, names_of
from schemas.names import SUBSCRIBED_SET, SUBSCRIPTIONS_CHANNEL

__all__ = ["Demand"]

LEASE_MS: Final = 15_000
CHANGE_S: Final = 0.05
CHUNK: Final = 500
log = structlog.get_logger(__name__)

SCRIPT: Final = files(__package__).joinpath("demand.lua").read_text("utf-8")


class Demand:
    """Leases of the gateway called ``name``; ``watched`` gives its symbols."""

    def __init__(
        self, redis: Redis, name: str, watched: Callable[[], Collection[str]], lease_ms: int = LEASE_MS
    ) -> None:
        self._name, self._watched, self._lease_ms = name, watched, lease_ms
        self._redis = redis
        self._script: Any = redis.register_script(SCRIPT)
        self._prefix = names_of(redis).beside(SUBSCRIBED_SET, "demand") + ":"
        self._leased: set[str] = set()

    async def keep(self) -> None:
        """Takes and drops leases as symbols come and go, renews them, clears up after the dead; until cancelled."""
        loop = asyncio.get_running_loop()
        renew_s = self._lease_ms / 1000 / 3
        renewed_s = loop.time() - renew_s
        while True:
            try:
                await self.follow()
                if loop.time() - renewed_s >= renew_s:
                    renewed_s = loop.time()
                    await self._run(self._lease_ms, self._leased)
                    await self._sweep()
            except REDIS_ERRORS as error:
                log.warning("lease_renewal_failed", error=str(error))
                await asyncio.sleep(1)
            await asyncio.sleep(CHANGE_S)

    async def follow(self) -> None:
        """Makes the leases those of the symbols watched now."""
        watched = set(self._watched())
        lost, gained = self._leased - watched, watched - self._leased
        if gained:
            await self._run(self._lease_ms, gained)
        if lost:
            await self._run(0, lost)
        self._leased = watched

    async def release(self) -> None:
        """Drops every lease: the gateway stops."""
        leased, self._leased = self._leased, set()
        await self._run(0, leased)

    async def _sweep(self) -> None:
        others = [member.decode() async for member in self._redis.sscan_iter(SUBSCRIBED_SET, count=CHUNK)]
        await self._run(-1, [symbol for symbol in others if symbol not in self._leased])

    async def _run(self, lease_ms: int, symbols: Collection[str]) -> None:
        ordered = sorted(symbols)
        for start in range(0, len(ordered), CHUNK):
            arguments = [self._name, lease_ms, self._prefix, SUBSCRIPTIONS_CHANNEL, *ordered[start : start + CHUNK]]
            await self._script(keys=[SUBSCRIBED_SET], args=arguments)
