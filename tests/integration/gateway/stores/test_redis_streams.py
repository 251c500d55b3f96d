"""Reads of streams over a real Redis: what the client library would answer, whatever happens to the connection."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import redis.exceptions
import uvloop

from gateway.stores.redis_cluster import pairs_of
from gateway.stores.redis_pool import REDIS_ERRORS, Redis, open_redis
from gateway.stores.redis_streams import StreamReads

A, B = "md:reads:a", "md:reads:b"
LONG = bytes(range(256)) * 8_000  # more than one read of the connection gives


def over(url: str, story: Callable[[Redis, StreamReads], Awaitable[None]]) -> None:
    async def run() -> None:
        client = open_redis(url, 30_000)
        await client.delete(A, B)
        reads = StreamReads(client)
        try:
            await story(client, reads)
        finally:  # a loop that is closed over open connections waits for ever where warnings are errors
            reads.close()
            reads.close()
            await client.aclose(close_connection_pool=True)

    uvloop.run(run())


async def wire_id(client: Redis) -> int:
    """Of the connection that waits for a stream, in the server too."""
    async with asyncio.timeout(20):
        while True:
            for each in await client.client_list():  # type: ignore[misc]
                if each["cmd"] == "xread" and "b" in each["flags"]:
                    return int(each["id"])


@pytest.mark.parametrize("protocol", [2, 3])
def test_entries_come_as_the_library_gives_them(redis_url: str, protocol: int) -> None:
    async def story(client: Redis, reads: StreamReads) -> None:
        after = {A: "0-0", B: "0-0"}
        assert await reads.read(after, 10, None) == []
        assert await reads.read(after, 10, 10) == []
        for number in range(3):
            await client.xadd(A, {"n": number, "long": LONG})
        await client.xadd(B, {"only": b""})
        for count in (1, 10):
            read = {name: list(entries) for name, entries in await reads.read(after, count, 1_000)}
            assert read == {
                name.decode(): [(entry_id, fields) for entry_id, fields in entries]
                for name, entries in pairs_of(await client.xread(dict(after), count))
            }
            assert [len(read[A]), len(read[B])] == [min(count, 3), 1]

    over(f"{redis_url}?protocol={protocol}", story)


def test_a_connection_that_the_server_closed_is_opened_anew_once(redis_url: str) -> None:
    async def story(client: Redis, reads: StreamReads) -> None:
        for _ in range(2):
            await reads.read({A: "$"}, 1, 1)
            waiting = asyncio.create_task(reads.read({A: "$"}, 1, 20_000))
            await client.client_kill_filter(_id=str(await wire_id(client)))
            again = await wire_id(client)
            entry_id = await client.xadd(A, {"n": 1})
            assert await waiting == [(A, [(entry_id, {b"n": b"1"})])]
            await client.client_kill_filter(_id=str(again))

    over(redis_url, story)


def test_who_is_cancelled_or_refused_leaves_no_answer_to_the_next(redis_url: str) -> None:
    async def story(client: Redis, reads: StreamReads) -> None:
        waiting = asyncio.create_task(reads.read({A: "0-0"}, 1, 4_000))
        await wire_id(client)
        waiting.cancel()
        await asyncio.wait([waiting])
        await client.xadd(A, {"n": 1})
        await client.xadd(B, {"n": 2})
        assert [name for name, _ in await reads.read({B: "0-0"}, 1, 1_000)] == [B]
        with pytest.raises(redis.exceptions.ResponseError, match="Invalid stream ID"):
            await reads.read({B: "no id"}, 1, None)
        assert [name for name, _ in await reads.read({B: "0-0"}, 1, None)] == [B]

    over(redis_url, story)


def test_silence_is_waited_for_no_longer_than_the_time_and_nobody_there_is_a_failure(redis_url: str) -> None:
    async def story(client: Redis, _reads: StreamReads) -> None:
        impatient = StreamReads(open_redis(redis_url, 100))
        with pytest.raises(TimeoutError, match="has not answered"):
            await impatient.read({A: "0-0"}, 1, 4_000)
        entry_id = await client.xadd(A, {"n": 1})
        assert await impatient.read({A: "0-0"}, 1, 1) == [(A, [(entry_id, {b"n": b"1"})])]
        impatient.close()
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        with pytest.raises(REDIS_ERRORS):
            await StreamReads(open_redis(f"redis://127.0.0.1:{port}/0", 1_000)).read({A: "0-0"}, 1, 1)

    over(redis_url, story)
