"""Which keys a symbol has: plain ones on one server, those of its shard in a Redis Cluster, as ``md:shards`` says.

Readers that know a symbol ask here first. What the map said is remembered for a few seconds, since a topic that was
made anew may put a symbol elsewhere. A symbol that isn't in the map has keys nowhere, and is looked for where none are.
"""

import time
from collections.abc import Callable, Collection
from typing import Any, Final, cast

from gateway.stores.redis_pool import Redis, names_of
from schemas.names import SHARDS_KEY, SYMBOLS_KEY, RedisKeys

__all__ = ["NAMES_IN_PAGE", "Homes"]

REMEMBERED_S: Final = 5.0
NAMES_IN_PAGE: Final = 1_000
NOWHERE: Final = 0


class Homes:
    """Over one client; raises the client library's errors."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._names = names_of(redis)
        self._plain = RedisKeys()
        self._clock = clock
        self._found: dict[str, RedisKeys] = {}
        self._since_s = clock()

    async def keys_of(self, symbols: Collection[str]) -> Callable[[str], RedisKeys]:
        """Spells keys of each of ``symbols``."""
        if not self._names.clustered:
            return lambda _: self._plain
        if self._clock() - self._since_s >= REMEMBERED_S:
            self._found, self._since_s = {}, self._clock()
        found = self._found
        if unknown := list({symbol for symbol in symbols if symbol not in found}):
            held: Any = await cast(Any, self._redis.hmget(SHARDS_KEY, unknown))
            found |= {
                symbol: self._names.keys(int(text.partition(b":")[0]))
                for symbol, text in zip(unknown, held, strict=True)
                if text is not None
            }
        nowhere = self._names.keys(NOWHERE)
        return lambda symbol: found.get(symbol, nowhere)

    async def page_of_names(self, cursor: int) -> tuple[int, list[bytes]]:
        """The cursor of the next page, 0 for none, and symbols that have ever traded, perhaps some again."""
        if not self._names.clustered:
            page = await cast(Any, self._redis.sscan(SYMBOLS_KEY, cursor, count=NAMES_IN_PAGE))
            return cast("tuple[int, list[bytes]]", page)
        cursor, part = await cast(Any, self._redis.hscan(SHARDS_KEY, cursor, count=NAMES_IN_PAGE))
        return cursor, list(part)
