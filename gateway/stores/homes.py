"""Which keys a symbol has: plain ones on one server, those of its shards in a Redis Cluster, as two maps say.

``md:shards`` has the partition of its trades, ``md:quote-shards`` that of its quotes. Readers that know a symbol ask
here first. What the maps said is remembered for a few seconds, since a topic that was made anew may put a symbol
elsewhere. A symbol that isn't in a map has keys nowhere, and is looked for where none are.
"""

import time
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar, cast

from gateway.stores.redis_pool import Redis, names_of
from schemas.names import NOWHERE, QUOTE_SHARDS_KEY, SHARDS_KEY, SYMBOLS_KEY, RedisKeys

__all__ = ["NAMES_IN_PAGE", "Homes"]

REMEMBERED_S: Final = 5.0
NAMES_IN_PAGE: Final = 1_000
T = TypeVar("T")


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
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.hmget(SHARDS_KEY, unknown)
            pipeline.hmget(QUOTE_SHARDS_KEY, unknown)
            held: Any = await pipeline.execute()
            found |= {
                symbol: self._names.keys(_shard(trades, NOWHERE), _shard(quotes, None))
                for symbol, trades, quotes in zip(unknown, *held, strict=True)
                if trades is not None or quotes is not None
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


def _shard(held: bytes | None, otherwise: T) -> int | T:
    return otherwise if held is None else int(held.partition(b":")[0])
