"""Counters in Redis for the ``limits`` library, where increments that come together are sent together.

gateway.rest.limits counts each request here. An increment is answered with the counter as it stood right after it, as
if it had been sent alone. A failure is every waiting caller's failure. Only one call to Redis is on its way at a time,
and what arrives meanwhile forms the next one. So under load dozens of requests share a round trip, and a lone request
waits for no other.
"""

import asyncio
from importlib.resources import files
from typing import Any, Final

from limits.aio.storage import RedisStorage

from gateway.stores.redis_pool import REDIS_ERRORS, Redis

__all__ = ["SharedCounts"]

ADD_ALL: Final = files(__package__).joinpath("add_all.lua").read_text("utf-8")
TOGETHER_MAX: Final = 500


class SharedCounts(RedisStorage):
    """The library's own storage for Redis, with another ``incr``. Raises what the Redis client raises."""

    def __init__(self, redis: Redis, redis_url: str, prefix: str) -> None:
        shared: Any = {"connection_pool": redis.connection_pool}  # typed as a scalar option, meant to be a pool
        super().__init__(redis_url, implementation="redispy", key_prefix=prefix, **shared)
        self._add_all = redis.register_script(ADD_ALL)
        self._waiting: list[tuple[str, int, int, asyncio.Future[int]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The counter after adding ``amount``; it ends ``expiry`` seconds after its first hit."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((self.bridge.prefixed_key(key), expiry, amount, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await answer

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
                keys = [key for key, _, _, _ in batch]
                numbers = [number for _, expiry, amount, _ in batch for number in (expiry, amount)]
                try:
                    counted: list[int] | Exception = await self._add_all(keys=keys, args=numbers)
                except REDIS_ERRORS as error:
                    counted = error
                for at, (_, _, _, answer) in enumerate(batch):
                    if answer.done():  # its caller has gone
                        continue
                    if isinstance(counted, Exception):
                        answer.set_exception(counted)
                    else:
                        answer.set_result(counted[at])
        finally:
            self._sending = None
