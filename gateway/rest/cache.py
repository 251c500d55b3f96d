"""A cache in memory that also knows what to say when the source is down.

REST handlers ask it for prices (5 s) and closed history (60 s). One load runs per key however many ask (no stampede),
and goes on while anyone still waits for it; when the last waiter leaves, it is cancelled, which cancels the query. An
entry past its time is served only when the source failed, and is marked stale. Bounded by bytes: the least recently
used entries go first. Hits, misses and stale answers are counted.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

__all__ = ["Cache", "CacheCounts", "Found"]

T = TypeVar("T")


@dataclass(slots=True)
class CacheCounts:
    """Answers since the start; hit_ratio = hits / all."""

    hits: int = 0
    misses: int = 0
    stale: int = 0

    @property
    def hit_ratio(self) -> float:
        asked = self.hits + self.misses + self.stale
        return self.hits / asked if asked else 0.0


@dataclass(slots=True, frozen=True)
class Found(Generic[T]):
    """A cached value, how it was come by, and its age."""

    value: T
    how: Literal["HIT", "MISS", "STALE"]
    age_s: float = 0.0


@dataclass(slots=True)
class _Entry(Generic[T]):
    value: T
    loaded_at: float
    size_bytes: int


@dataclass(slots=True)
class _Load(Generic[T]):
    task: "asyncio.Task[T]"
    waiters: int = 0


class Cache(Generic[T]):
    """Values by key. ``outage`` names the exceptions for which a stale value may stand in: the source is down.

    ``personal`` names those that concern only who started a load, such as a limit: the others load for themselves.
    """

    def __init__(
        self,
        *,
        age_s_max: float,
        stale_s_max: float,
        bytes_max: int,
        size_of: Callable[[T], int],
        outage: tuple[type[Exception], ...],
        personal: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = CacheCounts()
        self._age_s_max = age_s_max
        self._stale_s_max = stale_s_max
        self._bytes_max = bytes_max
        self._size_of = size_of
        self._outage = outage
        self._personal = personal
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()
        self._loads: dict[Hashable, _Load[T]] = {}
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        return self._bytes

    def fresh(self, key: Hashable) -> T | None:
        """The value of ``key`` if it is young enough; counts a hit. Says nothing about misses."""
        entry = self._entries.get(key)
        if entry is None or self._clock() - entry.loaded_at >= self._age_s_max:
            return None
        self._entries.move_to_end(key)
        self.counts.hits += 1
        return entry.value

    def forget(self, key: Hashable) -> None:
        """Drops the value of ``key``, so that the next ``get`` loads it."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size_bytes

    async def get(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> Found[T]:
        """The value of ``key``, loaded where it is missing or old; raises as ``load`` did if nothing may stand in."""
        value = self.fresh(key)
        if value is not None:
            return Found(value, "HIT", self._clock() - self._entries[key].loaded_at)
        try:
            loaded = await self._join(key, load)
        except self._outage:
            entry = self._entries.get(key)
            age_s = self._clock() - entry.loaded_at if entry else 0.0
            if entry is None or age_s > self._stale_s_max:
                raise
            self.counts.stale += 1
            return Found(entry.value, "STALE", age_s)
        self.counts.misses += 1
        return Found(loaded, "MISS")

    def keep(self, key: Hashable, value: T) -> None:
        """A value that the caller has loaded by itself; counts a miss."""
        self._store(key, value)
        self.counts.misses += 1

    async def _join(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        while True:
            running = self._loads.get(key)
            if running is None:
                running = self._loads[key] = _Load(asyncio.ensure_future(self._load(key, load)))
                return await self._wait(key, running)
            try:
                return await self._wait(key, running)
            except self._personal:
                continue  # it was refused to somebody else

    async def _wait(self, key: Hashable, running: _Load[T]) -> T:
        running.waiters += 1
        try:
            return await asyncio.shield(running.task)
        finally:
            running.waiters -= 1
            if running.waiters == 0 and not running.task.done():
                running.task.cancel()
                if self._loads.get(key) is running:
                    del self._loads[key]  # whoever asks next must not join a load that is being cancelled

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[T]]) -> T:
        try:
            value = await load()
        finally:
            task = asyncio.current_task()
            if key in self._loads and self._loads[key].task is task:
                del self._loads[key]
        self._store(key, value)
        return value

    def _store(self, key: Hashable, value: T) -> None:
        if self._age_s_max <= 0:
            return
        self.forget(key)
        size_bytes = self._size_of(value) + 200  # the entry itself and its key
        self._entries[key] = _Entry(value, self._clock(), size_bytes)
        self._bytes += size_bytes
        while self._bytes > self._bytes_max and self._entries:
            _, gone = self._entries.popitem(last=False)
            self._bytes -= gone.size_bytes
