"""A real Redis server for tests and fault tests, from the redis-server on PATH.

``redis_url`` is one server for the whole run; RedisServer is one of a test's own, to kill, pause and restart. Law: a
server never outlives the process that started it. ``REDIS_URL`` names a server to use instead; without a binary the
fixture fails in CI and skips elsewhere.
"""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from local import probes
from local.ports import free_port
from local.process import ServerProcess
from local.redis import redis_command
from tests.servers.process import FolderServer

__all__ = ["RedisServer", "redis_url"]


class RedisServer(FolderServer):
    """One redis-server on a free port with its data under ``folder``."""

    def __init__(self, folder: Path, *options: str) -> None:
        binary = shutil.which("redis-server")
        if not binary:
            unavailable("needs redis-server on PATH, or REDIS_URL")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        data = folder / "redis"
        data.mkdir(parents=True)
        command = [*redis_command(str(binary), data, self.port), *options]
        answers = partial(probes.redis_answers, self.port)
        super().__init__(data, ServerProcess("redis", command, answers, folder / "redis.log", marker=str(data)))


def unavailable(reason: str) -> None:
    """CI must have every server; a laptop may do without, and says so."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server shared by the whole run: use keys or databases of your own, don't stop it."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url
