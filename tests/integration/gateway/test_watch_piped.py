"""``tapeflow watch`` in a pipe ends when its reader does, quietly, whether or not anything more comes to be written."""

import asyncio
import subprocess
import sys

import pytest

from tests.integration.gateway.ws_world import World, in_world, own_redis
from tests.servers.redis import RedisServer

__all__ = ["own_redis"]

RUN = "import sys; from tapeflow.cli import main; sys.exit(main())"


def watching(port: int) -> subprocess.Popen[bytes]:
    words = (sys.executable, "-c", RUN, "watch", "AAPL", "--url", f"ws://127.0.0.1:{port}")
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_watch_ends_with_its_reader(own_redis: RedisServer, lines: int) -> None:
    """As `` | head -N`` does: with one line the market is quiet from then on, with two it goes on."""

    async def story(world: World) -> None:
        await world.flow.trade("AAPL", "1")
        with watching(world.gateway.port) as watch:
            assert watch.stdout is not None
            if lines:
                assert b"snapshot AAPL" in await asyncio.to_thread(watch.stdout.readline)
            if lines == 2:
                await world.flow.trade("AAPL", "2")
                assert b"delta AAPL" in await asyncio.to_thread(watch.stdout.readline)
            watch.stdout.close()
            watch.stdout = None
            if lines == 2:
                await world.flow.trade("AAPL", "3")
            _, said = await asyncio.to_thread(watch.communicate, timeout=20)
            assert watch.returncode == 0
            assert said.count(b"\n") == said.count(b"0 gaps, 0 reconnects\n"), said

    in_world(own_redis, story)
