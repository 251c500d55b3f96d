"""Streams trimmed, replaced or set back under their readers: nothing still held is skipped, nothing comes twice."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import pytest

from core.fanout.client import HubLimits
from core.fanout.hub import Hub
from core.fanout.messages import ChannelMessage
from gateway.access.principal import Principal
from gateway.stores.events import EventFeed, EventId, Listener, parse_event_id
from gateway.stores.redis_pool import Redis, end_tasks, open_redis
from gateway.ws.fanout import Fanout
from local.redis import bundled_binary
from schemas.channels import ENTRIES_KEPT, event_fields
from schemas.names import EPOCH_KEY, EVENTS_STREAM
from tests.integration.gateway.ws_world import eventually, own_redis
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

EVERYONE = Principal("u", ("*",), "", frozenset({"alerts"}))


class Heard(Hub):
    """A hub that only notes which alerts come."""

    def __init__(self) -> None:
        super().__init__(HubLimits())
        self.numbers: list[int] = []

    def publish(self, message: ChannelMessage) -> None:
        self.numbers.append(json.loads(message.data)["number"])

    def reset(self, shard: int | None = None, *, new_epoch: bool = False) -> None:
        pass


async def alert(redis: Redis, number: int, entry_id: str = "*") -> str:
    return cast("bytes", await redis.xadd(EVENTS_STREAM, fields_of(number), id=entry_id)).decode()


def fields_of(number: int) -> dict[Any, Any]:
    return {**event_fields("alert", b'{"number":%d}' % number, written_ms=1)}


async def replaced_with_higher_ids(redis: Redis) -> list[int]:
    await redis.flushall()
    await redis.set(EPOCH_KEY, "b")
    return [await number_of(redis, number) for number in (10, 11, 12)]


async def number_of(redis: Redis, number: int, entry_id: str = "*") -> int:
    await alert(redis, number, entry_id)
    return number


async def replaced_with_lower_ids(redis: Redis) -> list[int]:
    await redis.flushall()
    await redis.set(EPOCH_KEY, "b")
    return [await number_of(redis, number, f"5-{number}") for number in (10, 11, 12)]


async def replaced_with_ids_on_both_sides(redis: Redis) -> list[int]:
    await redis.flushall()
    await redis.set(EPOCH_KEY, "b")
    return [await number_of(redis, 10, "5-1"), await number_of(redis, 11, "5-2"), await number_of(redis, 12)]


async def replaced_without_a_flow(redis: Redis) -> list[int]:
    await redis.delete(EVENTS_STREAM)
    return [await number_of(redis, number, f"5-{number}") for number in (10, 11, 12)]


async def another_epoch_over_the_same_log(redis: Redis) -> list[int]:
    await redis.set(EPOCH_KEY, "b")
    return [await number_of(redis, number) for number in (10, 11)]


async def trimmed(redis: Redis) -> list[int]:
    for number in range(10, 20):
        await alert(redis, number)
    await redis.xtrim(EVENTS_STREAM, maxlen=3, approximate=False)
    return [17, 18, 19]


async def set_back(redis: Redis) -> list[int]:
    """As a restart from an older dump does: the newest entries are gone, others follow on the older ones."""
    held: Any = await redis.xrange(EVENTS_STREAM)
    await redis.delete(EVENTS_STREAM)
    for entry_id, fields in held[:-2]:
        await redis.xadd(EVENTS_STREAM, fields, id=entry_id)
    following = parse_event_id(held[-3][0].decode())
    await alert(redis, 10, str(EventId(following.ms, following.number + 1)))
    return [10]


LOSSES = [
    replaced_with_higher_ids,
    replaced_with_lower_ids,
    replaced_with_ids_on_both_sides,
    replaced_without_a_flow,
    another_epoch_over_the_same_log,
    trimmed,
    set_back,
]


@pytest.fixture(autouse=True)
def readers_look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ws.fanout.CHECK_S", 0.05)
    monkeypatch.setattr("gateway.stores.events.BLOCK_MS", 100)


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await end_tasks([task])


async def checked(fanout: Fanout, times: int) -> None:
    """Until the reader has compared its streams with Redis so often."""
    for _ in range(times):
        before = fanout._checked_s
        await eventually(lambda before=before: fanout._checked_s > before)  # type: ignore[misc]


@pytest.mark.parametrize("checked_first", [True, False])
@pytest.mark.parametrize("loss", LOSSES)
def test_alerts_still_held_reach_the_hub_once(
    own_redis: RedisServer, loss: Callable[[Redis], Awaitable[list[int]]], checked_first: bool
) -> None:
    async def story() -> None:
        redis = open_redis(own_redis.url, 5000)
        await redis.flushall()
        await redis.set(EPOCH_KEY, "a")
        for number in (-2, -1):
            await alert(redis, number)
        hub = Heard()
        fanout = Fanout(redis, hub, lambda: 0)
        await fanout.start()
        async with running(fanout.read_for_ever()):
            for number in range(4):
                await alert(redis, number)
            await eventually(lambda: hub.numbers == [0, 1, 2, 3])
            await checked(fanout, 2)
        expected = await loss(redis)
        fanout._checked_s = 0.0 if checked_first else time.monotonic() + 0.2
        async with running(fanout.read_for_ever()):
            await eventually(lambda: len(hub.numbers) >= 4 + len(expected))
            await alert(redis, 99)
            await checked(fanout, 3)
        assert hub.numbers[:4] == [0, 1, 2, 3]
        assert sorted(hub.numbers[4:]) == [*expected, 99]
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())


async def heard(listener: Listener, until: int) -> list[str]:
    """What the listener is given up to the event with this number."""
    found: list[str] = []
    async with asyncio.timeout(60):
        while str(until) not in found:
            frames = await listener.next()
            assert frames is not None, listener.closed
            for frame in frames.decode().split("\n\n")[:-1]:
                fields = dict(line.split(": ", 1) for line in frame.split("\n"))
                found.append("gap" if fields["event"] == "gap" else str(json.loads(fields["data"])["number"]))
    return found


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (replaced_with_lower_ids, ["gap", "10", "11", "12", "99"]),
        (set_back, ["gap", "10", "99"]),
    ],
)
def test_a_listener_hears_of_a_log_that_went_back_and_then_what_is_held(
    own_redis: RedisServer, loss: Callable[[Redis], Awaitable[list[int]]], expected: list[str]
) -> None:
    """Without a lost connection: only the ids tell. Its own id, higher than all new ones, must not hide them."""

    async def story() -> None:
        redis = open_redis(own_redis.url, 10_000)
        await redis.flushall()
        first = await alert(redis, -1)
        feed, listener = EventFeed(redis, EVENTS_STREAM), Listener(EVERYONE, 100)
        async with running(feed.run()):
            assert [frame async for frame in await feed.join(listener, parse_event_id(first))] == []
            for number in range(4):
                await alert(redis, number)
            assert await heard(listener, 3) == ["0", "1", "2", "3"]
            await loss(redis)
            found = await heard(listener, int(expected[-2]))
            await alert(redis, 99, "6-0" if loss is replaced_with_lower_ids else "*")
            assert found + await heard(listener, 99) == expected
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())


def test_a_log_trimmed_during_a_long_resume_says_gap(own_redis: RedisServer) -> None:
    async def story() -> None:
        redis = open_redis(own_redis.url, 10_000)
        await redis.flushall()
        for number in range(1200):
            await alert(redis, number, f"1-{number + 1}")
        feed, listener = EventFeed(redis, EVENTS_STREAM), Listener(EVERYONE, 100)
        async with running(feed.run()):
            missed = await feed.join(listener, EventId(1, 1))
            pages = [await anext(missed)]
            await redis.xtrim(EVENTS_STREAM, maxlen=10, approximate=False)
            pages += [page async for page in missed]
        assert [page.count(b"event: alert") for page in pages] == [500, 0, 10]
        assert b"event: gap" in pages[1]
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())


@pytest.mark.parametrize("bundled", [False, True])
def test_who_asks_for_all_there_is_hears_of_a_gap_only_when_some_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundled: bool
) -> None:
    """The bundled release (6.2) doesn't count what was ever added to a stream."""
    if bundled:
        monkeypatch.setattr("tests.servers.redis.shutil.which", lambda _name: bundled_binary())

    async def story(url: str) -> None:
        redis = open_redis(url, 10_000)
        feed, listener = EventFeed(redis, EVENTS_STREAM), Listener(EVERYONE, 2_000)
        async with running(feed.run()):
            await feed.join(listener, None)
            burst = redis.pipeline()
            for number in range(1200):
                burst.xadd(EVENTS_STREAM, fields_of(number))
            await burst.execute()
            assert "gap" not in await heard(listener, 1199), "many at once are no gap"
            whole = [page async for page in await feed.join(Listener(EVERYONE, 100), EventId(0, 0))]
            assert (b"".join(whole).count(b"event: alert"), b"event: gap" in b"".join(whole)) == (1200, False)
            for number in range(ENTRIES_KEPT):
                burst.xadd(EVENTS_STREAM, fields_of(number), maxlen=ENTRIES_KEPT, approximate=True)
            await burst.execute()
            rest = [page async for page in await feed.join(Listener(EVERYONE, 100), EventId(0, 0))]
            assert rest[0].startswith(b"event: gap"), "now the oldest are gone"
        await redis.aclose(close_connection_pool=True)

    with RedisServer(tmp_path) as server:
        asyncio.run(story(server.url))
