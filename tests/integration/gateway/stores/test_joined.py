"""Questions that are asked together, each with its own answer; against a real Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.stores.joined import TOGETHER_MAX, Joined
from gateway.stores.redis_pool import REDIS_ERRORS, open_redis
from tests.servers.redis import RedisServer

Story = Callable[[Joined[str, bytes | None], list[int]], Awaitable[None]]


def run(url: str, story: Story, timeout_ms: int = 5_000) -> None:
    """A story about values of Redis that are asked for by key; ``calls`` tells how many keys each call had."""

    async def whole() -> None:
        redis = open_redis(url, timeout_ms)
        calls: list[int] = []

        async def ask_all(keys: list[str]) -> list[bytes | None]:
            calls.append(len(keys))
            found: list[bytes | None] = await redis.mget(keys)
            return found

        await redis.mset({f"joined:{n}": str(n) for n in range(0, 1_500, 2)})
        await story(Joined(ask_all), calls)
        await redis.aclose(close_connection_pool=True)

    asyncio.run(whole())


def test_everyone_gets_his_own_answer_and_few_calls_are_made(redis_url: str) -> None:
    async def story(joined: Joined[str, bytes | None], calls: list[int]) -> None:
        answers = await asyncio.gather(*(joined.ask(f"joined:{n}") for n in range(1_200)))
        assert answers == [None if n % 2 else str(n).encode() for n in range(1_200)]
        assert calls == [TOGETHER_MAX, TOGETHER_MAX, 1_200 - 2 * TOGETHER_MAX]
        assert await joined.ask("joined:8") == b"8"
        assert calls[3:] == [1]

    run(redis_url, story)


def test_what_comes_while_a_call_is_on_its_way_forms_the_next_one(redis_url: str) -> None:
    async def story(joined: Joined[str, bytes | None], calls: list[int]) -> None:
        first = asyncio.create_task(joined.ask("joined:2"))
        for _step in range(3):  # the first caller's task, the call's, and the call
            await asyncio.sleep(0)
        assert calls == [1]
        later = [asyncio.create_task(joined.ask("joined:4")) for _ in range(7)]
        assert await first == b"2"
        assert await asyncio.gather(*later) == [b"4"] * 7
        assert calls == [1, 7]

    run(redis_url, story)


def test_a_caller_that_leaves_takes_nobody_with_it(redis_url: str) -> None:
    async def story(joined: Joined[str, bytes | None], calls: list[int]) -> None:
        leaving = asyncio.create_task(joined.ask("joined:2"))
        staying = asyncio.create_task(joined.ask("joined:4"))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert await staying == b"4"

    run(redis_url, story)


def test_a_failure_is_told_to_everyone_who_waits_and_the_next_one_asks_again(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:

        async def story(joined: Joined[str, bytes | None], calls: list[int]) -> None:
            server.pause()
            failed = await asyncio.gather(*(joined.ask("joined:2") for _ in range(5)), return_exceptions=True)
            assert all(isinstance(each, REDIS_ERRORS) for each in failed)
            server.resume()
            assert await joined.ask("joined:2") == b"2"

        run(server.url, story, timeout_ms=300)
