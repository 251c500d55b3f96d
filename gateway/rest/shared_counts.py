"""Counters in Redis for the ``limits`` library, where increments that come together are sent together.

gateway.rest.limits counts each request here. An increment is answered with the counter as it stood right after it, as
if it had been sent alone.
"""

from importlib.resources import files
from typing import Any, Final, NamedTuple, cast

from limits.aio.storage import RedisStorage

from gateway.stores.joined import Joined
from gateway.stores.redis_pool import Redis, names_of

__all__ = ["SharedCounts"]

OURS: Final = "redis://"
"""The library asks for an address, which our client makes moot; it knows neither sockets nor all of ours."""
ADD_ALL: Final = files(__package__).joinpath("add_all.lua").read_text("utf-8")


class Increment(NamedTuple):
    """``amount`` for the counter ``key``, which ends ``expiry_s`` after its first hit."""

    key: str
    expiry_s: int
    amount: int


class SharedCounts(RedisStorage):
    """The library's own storage for Redis, with another ``incr``. Raises what the Redis client raises."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        # Counters that are sent together lie in one slot of a cluster.
        super().__init__(OURS, implementation="redispy", key_prefix=names_of(redis).beside(prefix, prefix))
        cast(Any, self.bridge).connection_getter = lambda _readonly: redis
        self._add_all = redis.register_script(ADD_ALL)
        self._increments: Joined[Increment, int] = Joined(self._send)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The counter after adding ``amount``; it ends ``expiry`` seconds after its first hit."""
        return await self._increments.ask(Increment(self.bridge.prefixed_key(key), expiry, amount))

    async def _send(self, increments: list[Increment]) -> list[int]:
        numbers = [number for each in increments for number in (each.expiry_s, each.amount)]
        counted: list[int] = await self._add_all(keys=[each.key for each in increments], args=numbers)
        return counted
