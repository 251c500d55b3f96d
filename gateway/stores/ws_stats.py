"""What the WebSocket gateways say about themselves, for ``/health/ws-stats`` of any of them.

WebSocket and REST are separate processes, and there are several of each: every WebSocket process writes its figures
under its own name into one Redis hash, every few seconds, and REST reads them all. An entry that is not renewed counts
for nothing, so a crashed process disappears by itself. The figures are JSON of the hub's own making.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from gateway.stores.now import Now
from gateway.stores.redis_pool import Redis

__all__ = ["SharedWsStats", "WsProcess", "WsStats"]

KEY: Final = "gateway:ws-stats"
AGE_MS_MAX: Final = 15_000


class WsProcess(msgspec.Struct, rename="camel"):
    """One WebSocket process: ``stats`` is what its hub counts (rooms, clients, last broadcast)."""

    gateway: str
    updated_at: int
    stats: dict[str, Any]


class WsStats(Protocol):
    """Where the figures of WebSocket processes come from."""

    async def read(self) -> list[WsProcess]: ...


class SharedWsStats:
    """The hash in Redis. ``publish`` is for WebSocket processes, ``read`` for REST."""

    def __init__(self, redis: Redis, now: Now | None = None) -> None:
        self._redis = redis
        self._now = now

    async def publish(self, gateway: str, stats: Mapping[str, object]) -> None:
        """Writes the figures of the process ``gateway``; call it every few seconds."""
        entry = WsProcess(gateway, time.time_ns() // 1_000_000, dict(stats))
        await self._redis.hset(KEY, gateway, msgspec.json.encode(entry))

    async def withdraw(self, gateway: str) -> None:
        await self._redis.hdel(KEY, gateway)

    async def read(self) -> list[WsProcess]:
        """Living processes, by name; those that died are removed."""
        call = self._redis.hvals(KEY)
        texts = await (self._now.guard(call) if self._now else call)
        oldest_ms = time.time_ns() // 1_000_000 - AGE_MS_MAX
        found = [msgspec.json.decode(text, type=WsProcess) for text in texts]
        for dead in (each for each in found if each.updated_at < oldest_ms - 10 * AGE_MS_MAX):
            await self.withdraw(dead.gateway)
        return sorted((each for each in found if each.updated_at >= oldest_ms), key=lambda each: each.gateway)
