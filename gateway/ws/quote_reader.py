"""Follows the streams of quotes for the hub: one for each partition of their topic, ``md:quotes:<shard>``.

The newest quote of a symbol is in its key, and rooms load it from there (gateway.ws.fanout); the streams tell what
changes. Entries are numbered: where one is missing (trimmed before it was read, or lost with its Redis), every client
gets a whole state. The start positions are taken before the first load, so a load never misses a quote. An entry that
is read twice does no harm, as sequences sort it out.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import structlog

from core.fanout.hub import Hub
from core.fanout.messages import decode_quotes
from gateway.stores.events import EventId, parse_event_id
from gateway.stores.existing import existing
from gateway.stores.redis_pool import REDIS_ERRORS, Redis, names_of
from gateway.stores.redis_streams import StreamReads

__all__ = ["QuoteReader"]

BLOCK_MS: Final = 250
CHECK_S: Final = 1.0
COUNT: Final = 200
PROBED_SHARDS: Final = 64  # looked for beyond the highest one known
RETRY_S: Final = 0.2
ANY: Final = -1
FROM_ITS_FIRST: Final = EventId(0, 0)
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Position:
    """How far a stream was read. ``number``: of the last entry, ANY where that doesn't matter."""

    last: EventId
    number: int


class QuoteReader:
    """Feeds ``hub``. ``on_input`` is called after each read; ``counts``: entries, bad_entries and gaps are added."""

    def __init__(self, redis: Redis, hub: Hub, counts: Counter[str], on_input: Callable[[], None]) -> None:
        self._redis, self._hub, self._counts, self._on_input = redis, hub, counts, on_input
        self._names, self._reads = names_of(redis), StreamReads(redis)
        self._positions: dict[str, Position] = {}
        self._checked_s = 0.0

    async def start(self) -> None:
        """Takes the start positions; raises the client library's errors when Redis doesn't answer."""
        for name in await self._there():
            newest: Any = await self._redis.xrevrange(name, count=1)
            for entry_id, fields in newest:
                self._positions[name] = Position(parse_event_id(entry_id.decode()), _number(fields))

    async def read_for_ever(self) -> None:
        """Reads until cancelled; Redis may go and come back."""
        with closing(self._reads):
            while True:
                try:
                    if time.monotonic() - self._checked_s >= CHECK_S:
                        await self._check()
                    await self._read()
                except REDIS_ERRORS:
                    await asyncio.sleep(RETRY_S)  # fanout says so

    async def _read(self) -> None:
        streams = {name: str(position.last) for name, position in self._positions.items()}
        if not streams:
            await asyncio.sleep(BLOCK_MS / 1000)
            return
        answer = await self._reads.read(streams, COUNT, BLOCK_MS)
        for name, entries in answer:
            for entry_id, fields in entries:
                self._take(name, parse_event_id(entry_id.decode()), fields)
        if answer:
            self._on_input()

    def _take(self, name: str, entry_id: EventId, fields: Mapping[bytes, bytes]) -> None:
        position, number = self._positions[name], _number(fields)
        if position.number not in (ANY, number - 1):
            self._lost(name, "entries were trimmed before they were read")
        position.last, position.number = entry_id, number
        self._counts["entries"] += 1
        try:
            messages = decode_quotes(fields.get(b"batch", b""))
        except (ValueError, RecursionError) as error:
            self._counts["bad_entries"] += 1
            log.error("stream_entry_refused", stream=name, id=str(entry_id), error=str(error))
            self._hub.reset()  # what it said is unknown: clients start again from Redis
            return
        written = fields.get(b"ts", b"")
        self._hub.quotes.apply(messages, int(written) if written.isdigit() else 0)

    async def _check(self) -> None:
        """Finds new streams, and those that are gone or went back."""
        self._checked_s = time.monotonic()
        there = await self._there()
        for name, position in self._positions.items():
            last = FROM_ITS_FIRST
            if name in there:
                info: Any = await self._redis.xinfo_stream(name)
                held = info["last-generated-id"]
                last = parse_event_id(held.decode() if isinstance(held, bytes) else held)
            if last < position.last:
                self._lost(name, "the stream went back")
                position.last, position.number = FROM_ITS_FIRST, ANY
        for name in there:
            self._positions.setdefault(name, Position(FROM_ITS_FIRST, 0))

    async def _there(self) -> list[str]:
        highest = max((int(name.rpartition(":")[2].strip("{}")) for name in self._positions), default=-1)
        names = [self._names.quotes(shard) for shard in range(highest + 1 + PROBED_SHARDS)]
        return await existing(self._redis, names, self._positions)

    def _lost(self, name: str, why: str) -> None:
        self._counts["gaps"] += 1
        log.warning("input_gap_found", stream=name, reason=why)
        self._hub.reset()


def _number(fields: Mapping[bytes, bytes]) -> int:
    number = fields.get(b"number", b"")
    return int(number) if number.isdigit() else ANY
