"""The cache: one load for many, staleness only in an outage, bounded size, cancelled loads."""

import asyncio

import pytest

from gateway.rest.cache import Cache


class OutageError(Exception):
    pass


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def make(clock: Clock, bytes_max: int = 10_000, age_s: float = 5) -> Cache[str]:
    return Cache(age_s_max=age_s, stale_s_max=100, bytes_max=bytes_max, size_of=len, outage=(OutageError,), clock=clock)


async def value(text: str) -> str:
    return text


async def fail() -> str:
    raise OutageError


def test_fresh_then_loaded_anew() -> None:
    async def scenario() -> None:
        clock = Clock()
        cache = make(clock)
        assert (await cache.get("k", lambda: value("a"))).how == "MISS"
        clock.now = 4.9
        assert (await cache.get("k", lambda: value("b"))).value == "a"
        clock.now = 5
        assert (await cache.get("k", lambda: value("b"))).value == "b"
        assert (cache.counts.hits, cache.counts.misses, cache.counts.hit_ratio) == (1, 2, 1 / 3)

    asyncio.run(scenario())


def test_stale_stands_in_for_an_outage_but_not_for_ever() -> None:
    async def scenario() -> None:
        clock = Clock()
        cache = make(clock)
        with pytest.raises(OutageError):
            await cache.get("k", fail)
        await cache.get("k", lambda: value("a"))
        clock.now = 50
        found = await cache.get("k", fail)
        assert (found.value, found.how, found.age_s) == ("a", "STALE", 50)
        clock.now = 101
        with pytest.raises(OutageError):
            await cache.get("k", fail)

    asyncio.run(scenario())


def test_many_ask_one_loads() -> None:
    async def scenario() -> None:
        cache, loads, gate = make(Clock()), [], asyncio.Event()

        async def load() -> str:
            loads.append(1)
            await gate.wait()
            return "a"

        asked = [asyncio.create_task(cache.get("k", load)) for _ in range(10)]
        await asyncio.sleep(0)
        asked[0].cancel()  # the first leaves; the others still get their answer
        await asyncio.sleep(0)
        gate.set()
        assert [(await each).value for each in asked[1:]] == ["a"] * 9
        assert len(loads) == 1

    asyncio.run(scenario())


def test_the_load_ends_when_the_last_leaves_and_the_next_starts_its_own() -> None:
    async def scenario() -> None:
        cache, ended = make(Clock()), asyncio.Event()

        async def load() -> str:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ended.set()
                raise
            return "never"

        asked = asyncio.create_task(cache.get("k", load))
        await asyncio.sleep(0.01)
        asked.cancel()
        await asyncio.wait_for(ended.wait(), 1)
        assert (await cache.get("k", lambda: value("b"))).value == "b"

    asyncio.run(scenario())


def test_least_recently_used_go_first() -> None:
    async def scenario() -> None:
        cache = make(Clock(), bytes_max=3 * 300)
        for key in "abc":
            await cache.get(key, lambda: value("x" * 100))
        cache.fresh("a")
        await cache.get("d", lambda: value("x" * 100))
        assert [key for key in "abcd" if cache.fresh(key)] == ["a", "c", "d"]
        assert cache.size_bytes <= 900
        cache.forget("a")
        assert cache.fresh("a") is None

    asyncio.run(scenario())


def test_age_zero_keeps_nothing() -> None:
    async def scenario() -> None:
        cache = make(Clock(), age_s=0)
        await cache.get("k", lambda: value("a"))
        assert (await cache.get("k", lambda: value("b"))).value == "b"
        assert cache.size_bytes == 0

    asyncio.run(scenario())


class PersonalError(Exception):
    pass


def test_what_is_refused_to_one_never_reaches_another() -> None:
    async def scenario() -> None:
        cache: Cache[str] = Cache(
            age_s_max=5, stale_s_max=9, bytes_max=999, size_of=len, outage=(OutageError,), personal=(PersonalError,)
        )
        refuse = asyncio.Event()

        async def refused() -> str:
            await refuse.wait()
            raise PersonalError

        first = asyncio.ensure_future(cache.get("k", refused))
        others = [asyncio.ensure_future(cache.get("k", lambda: value("a"))) for _ in range(3)]
        await asyncio.sleep(0)
        refuse.set()
        with pytest.raises(PersonalError):
            await first
        assert [(await each).value for each in others] == ["a"] * 3

    asyncio.run(scenario())
