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
from types import TracebackType
from typing import Self

import pytest

from local import probes
from local.ports import free_port
from local.process import ServerProcess
from local.redis import redis_command

__all__ = ["RedisServer", "redis_url"]


class RedisServer:
    """One redis-server on a free port with its data under ``folder``; a context manager that stops it."""

    def __init__(self, folder: Path, *options: str) -> None:
        binary = shutil.which("redis-server")
        if not binary:
            unavailable("needs redis-server on PATH, or REDIS_URL")
        self.folder = folder / "redis"
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.folder.mkdir(parents=True)
        self.process = ServerProcess(
            "redis",
            [*redis_command(str(binary), self.folder, self.port), *options],
            partial(probes.redis_answers, self.port),
            folder / "redis.log",
            marker=str(self.folder),
        )

    def start(self) -> Self:
        self.process.start()
        return self

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        """What a crash looks like: SIGKILL, the data stays on disk."""
        self.process.kill()

    def restart(self, *, keep_data: bool = True, crash: bool = False) -> None:
        """Down and up again on the same port; without ``keep_data`` it comes back empty."""
        if crash:
            self.kill()
        else:
            self.stop()
        if not keep_data:
            self.wipe()
        self.start()

    def wipe(self) -> None:
        """Forget everything; only while it is down."""
        assert self.process.pid is None
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def pause(self) -> None:
        """The port stays open and nothing answers, until ``resume``."""
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


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
