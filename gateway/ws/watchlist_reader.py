"""Reads watchlists out of Redis for the hub: those that clients follow, when they begin to and after every edit.

``fanout`` calls it with the keys that the hub wants and with what pub/sub says. A list that Redis can't give now is
wanted again, so an outage delays an edit and loses none.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import structlog

from core.fanout.watchlists import ListKey, Watchlists
from gateway.stores.redis_pool import REDIS_ERRORS, Redis
from schemas.names import WATCHLISTS_CHANNEL, watchlists_key

__all__ = ["WatchlistReader"]

RETRY_S: Final = 0.2
log = structlog.get_logger(__name__)


class _Watchlist(msgspec.Struct):
    name: str
    symbols: list[str]


class _Edited(msgspec.Struct):
    user: str
    id: str


class WatchlistReader:
    """``watchlists``: the hub's."""

    def __init__(self, redis: Redis, watchlists: Watchlists) -> None:
        self._redis, self._watchlists = redis, watchlists

    async def load(self, keys: Sequence[ListKey], now_ms: int) -> None:
        """Hands over what the lists hold now."""
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hget(watchlists_key(key.user_id), key.list_id)
        try:
            answers: list[Any] = await pipeline.execute()
        except REDIS_ERRORS as error:
            log.warning("load_failed", watchlists=len(keys), error=str(error))
            await asyncio.sleep(RETRY_S)
            for key in keys:
                self._watchlists.load_failed(key)
            return
        for key, text in zip(keys, answers, strict=True):
            if text is None:
                self._watchlists.loaded(key, "", None, now_ms)
                continue
            try:
                held = msgspec.json.decode(text, type=_Watchlist)
            except ValueError as error:
                log.error("redis_value_refused", key=watchlists_key(key.user_id), error=str(error))
                continue
            self._watchlists.loaded(key, held.name, held.symbols, now_ms)

    def edited(self, data: bytes) -> None:
        """A message of the channel of edits."""
        try:
            edited = msgspec.json.decode(data, type=_Edited)
        except (ValueError, RecursionError) as error:
            log.error("redis_value_refused", key=WATCHLISTS_CHANNEL, error=str(error))
            return
        self._watchlists.changed(edited.user, edited.id)
