"""Waits are bounded, who asked first is first, and tasks that use Redis end when they are told to."""

import asyncio
import socket

import pytest
import uvloop

from gateway.stores.redis_pool import REDIS_ERRORS, end_tasks, open_redis


def test_no_more_connections_than_asked_for_and_in_the_order_of_asking(redis_url: str) -> None:
    async def story() -> None:
        redis = open_redis(redis_url, 5_000, connections_max=2)
        done: list[int] = []

        async def ask(number: int) -> None:
            await redis.blpop(["none"], timeout=0.05)  # type: ignore[misc]
            done.append(number)

        await asyncio.gather(*(ask(number) for number in range(6)))
        assert [sorted(done[at : at + 2]) for at in (0, 2, 4)] == [[0, 1], [2, 3], [4, 5]]
        assert await redis.ping()  # type: ignore[misc]
        await redis.aclose(close_connection_pool=True)

    asyncio.run(story())


def test_a_connection_that_the_server_closed_is_opened_anew(redis_url: str) -> None:
    async def story() -> None:
        redis = open_redis(redis_url, 5_000, connections_max=1)
        number = await redis.client_id()
        other = open_redis(redis_url, 5_000)
        assert await other.client_kill_filter(_id=str(number)) == 1
        assert await redis.client_id() != number
        for each in (redis, other):
            await each.aclose(close_connection_pool=True)

    asyncio.run(story())


def test_a_connection_that_is_lost_while_it_is_written_to_is_a_failure_of_redis(redis_url: str) -> None:
    async def story() -> None:
        redis = open_redis(redis_url, 5_000)
        connection = await redis.connection_pool.get_connection()
        connection._writer.transport.abort()
        with pytest.raises(REDIS_ERRORS):
            await connection.send_command("PING")
        await redis.connection_pool.release(connection)
        assert await redis.ping()  # type: ignore[misc]
        await redis.aclose(close_connection_pool=True)

    uvloop.run(story())


def test_silence_is_waited_for_no_longer_than_the_time(redis_url: str) -> None:
    async def story(port: int) -> None:
        redis = open_redis(f"redis://127.0.0.1:{port}/0", 100)
        with pytest.raises(REDIS_ERRORS):
            await redis.ping()  # type: ignore[misc]
        await redis.aclose(close_connection_pool=True)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(asyncio.wait_for(story(silent.getsockname()[1]), 5))


def test_a_task_that_misses_a_cancel_gets_another() -> None:
    async def story() -> None:
        missed = 0

        async def deaf() -> None:
            nonlocal missed
            while missed < 2:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    missed += 1

        await asyncio.wait_for(end_tasks([asyncio.create_task(deaf())]), 5)
        await end_tasks([])
        assert missed == 2

    asyncio.run(story())
