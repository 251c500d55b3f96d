"""One message by hand is an entry as a flow would write it."""

import asyncio

import pytest
from redis import Redis as Reader

from gateway.stores.publish import publish
from gateway.stores.redis_pool import open_redis
from schemas.errors import InputError


def test_an_entry_of_a_channel_or_of_the_events(redis_url: str) -> None:
    url = redis_url.rpartition("/")[0] + "/13"

    async def story() -> list[str]:
        redis = open_redis(url, 5_000)
        ids = [
            await publish(redis, "lp-performance", b'{"a":0.10}'),
            await publish(redis, "news", b"{}", kind="flash", user="ana", symbols=("A", "B")),
        ]
        for name, data in (("nobody", b"{}"), ("news", b"[]")):
            with pytest.raises(InputError):
                await publish(redis, name, data)
        await redis.aclose(close_connection_pool=True)
        return ids

    with Reader.from_url(url) as reader:
        reader.flushdb()
        first, second = asyncio.run(story())
        ((one, lp),), ((two, news),) = reader.xrange("md:channel:lp-performance"), reader.xrange("md:events")
        reader.flushdb()
    assert (one.decode(), two.decode()) == (first, second)
    assert (lp[b"type"], lp[b"data"]) == (b"lp-metrics", b'{"a":0.10}')
    assert (news[b"type"], news[b"user"], news[b"symbols"]) == (b"flash", b"ana", b"A,B")
