"""Who asks Redis and doesn't wait gets one line, also from a server that falls silent after it answered."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from gateway.stores.redis_pool import open_redis
from schemas.errors import SettingError, Unreachable, WriteFailed
from sinks.redis.connection import asked
from sinks.redis.rights import lacking_rights
from tests.servers.redis import RedisServer

SOON = "?socket_timeout=0.2"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as server:
        yield server
        server.resume()


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.hkeys("a"),
        lambda client: client.pipeline().delete("a", "b").execute(),
        lacking_rights,
    ],
)  # fmt: skip
def test_a_server_that_falls_silent_is_one_line(server: RedisServer, ask: Callable[[Any], object]) -> None:
    def fall_silent() -> None:
        with asked(server.url + SOON) as client:
            server.pause()
            ask(client)

    with pytest.raises(Unreachable, match="Redis does not answer any more") as caught:
        fall_silent()
    assert "\n" not in str(caught.value)


def test_a_refusal_is_one_line_too_and_other_errors_stay_what_they_are(server: RedisServer) -> None:
    with asked(server.url) as client:
        client.execute_command("ACL", "SETUSER", "me", "on", ">pw", "~*", "+@all", "-hkeys")
        client.set("a", "text")
    with pytest.raises(SettingError, match="refuses user me HKEYS"), asked(server.url.replace("//", "//me:pw@")) as me:
        me.hkeys("a")
    with pytest.raises(WriteFailed, match="another type"), asked(server.url) as client:
        client.hkeys("a")
    with pytest.raises(KeyError), asked(server.url):
        raise KeyError


def test_sentinels_that_are_away_are_said_without_what_the_library_calls_them() -> None:
    nowhere, said = (
        "redis+sentinel://127.0.0.1:1,127.0.0.1:2/market/0",
        r"No master found for 'market': \w+:ConnectionError",
    )
    with pytest.raises(Unreachable, match=rf"Redis does not answer .* \({said}\)$"), asked(nowhere):
        pass

    async def ask() -> None:
        await open_redis(nowhere, 500).ping()

    with pytest.raises(RedisError, match=f"^{said}$"):
        asyncio.run(ask())
