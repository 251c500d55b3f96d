"""A primary of Redis, a replica of it and three Sentinels that agree on which is which, all speaking TLS.

Each server has the user ``watcher`` for the Sentinels and for replication, and takes further users by ``login``, with
the same rules on both, since ACLs aren't replicated. ``url`` is the address that clients are given.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from redis import Redis
from redis.exceptions import RedisError
from redis.sentinel import MasterNotFoundError, Sentinel

from local import probes
from local.ports import free_port
from local.process import ServerProcess
from tests.servers.certificates import Authority
from tests.servers.redis import RedisServer, redis_binary, tls_options

__all__ = ["WatchedRedis"]

NAME: Final = "market"
WATCHER: Final = "watcher"
SECRET: Final = "pass"
DOWN_MS: Final = 1_000


class WatchedRedis:
    """A context manager."""

    def __init__(self, folder: Path) -> None:
        self._tls = Authority(folder / "tls").issue("redis")
        self._folder = folder
        user = ("--user", WATCHER, "on", f">{SECRET}", "~*", "&*", "+@all")
        login = ("--masteruser", WATCHER, "--masterauth", SECRET, *user)
        self.servers = [RedisServer(folder / name, *login, tls=self._tls) for name in ("a", "b")]
        self._ports = [free_port() for _ in range(3)]
        self._sentinels = [self._sentinel(number) for number in range(3)]

    def __enter__(self) -> Self:
        for server in self.servers:
            server.start()
        with self._client(self.servers[1]) as replica:
            replica.execute_command("REPLICAOF", "127.0.0.1", self.servers[0].tls_port)
        for sentinel in self._sentinels:
            sentinel.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        for sentinel in self._sentinels:
            sentinel.kill()
        for server in self.servers:
            server.kill()

    def url(self, user: str) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"rediss+sentinel://{user}:{SECRET}@{hosts}/{NAME}/0?ssl_ca_certs={self._tls.authority}"

    def login(self, user: str, rules: Sequence[str]) -> None:
        for server in self.servers:
            with self._client(server) as client:
                client.execute_command("ACL", "SETUSER", user, "reset", "on", f">{SECRET}", *rules)

    def is_watched(self) -> bool:
        """Whether each Sentinel knows the others and a replica that has all: a failover can go well."""
        try:
            for port in self._ports:
                with self._asked(port) as client:
                    state: dict[str, Any] = client.sentinel_master(NAME)  # type: ignore[assignment]
                    replicas: Any = client.sentinel_slaves(NAME)
                    linked = [each for each in replicas if each.get("master-link-status") == "ok"]
                    if state["num-other-sentinels"] < len(self._ports) - 1 or not linked:
                        return False
        except RedisError:
            return False
        return True

    def primary(self) -> RedisServer | None:
        """The one that Sentinels name, once it is a primary; None meanwhile."""
        try:
            asked = [("127.0.0.1", port) for port in self._ports]
            _, port = Sentinel(asked, sentinel_kwargs=self._trusted()).discover_master(NAME)
            found = next(each for each in self.servers if each.tls_port == port)
            with self._client(found) as client:
                return found if client.info("replication")["role"] == "master" else None
        except (MasterNotFoundError, RedisError):
            return None

    def _client(self, server: RedisServer) -> Redis:
        """Of the open port, where the tests' own clients may do anything."""
        return Redis.from_url(server.url)

    def _asked(self, port: int) -> Redis:
        return Redis("127.0.0.1", port, **self._trusted())

    def _trusted(self) -> dict[str, Any]:
        return {"ssl": True, "ssl_ca_certs": str(self._tls.authority)}

    def _sentinel(self, number: int) -> ServerProcess:
        folder, port, open_port = self._folder / f"sentinel-{number}", self._ports[number], free_port()
        folder.mkdir()
        path = folder / "sentinel.conf"
        path.write_text(
            f"sentinel monitor {NAME} 127.0.0.1 {self.servers[0].tls_port} 2\n"
            f"sentinel auth-user {NAME} {WATCHER}\nsentinel auth-pass {NAME} {SECRET}\n"
            f"sentinel down-after-milliseconds {NAME} {DOWN_MS}\nsentinel failover-timeout {NAME} 5000\n"
        )
        command = [
            redis_binary(), str(path), "--sentinel", "--bind", "127.0.0.1", "--dir", str(folder),
            "--port", str(open_port), "--tls-port", str(port), *tls_options(self._tls),
        ]  # fmt: skip
        answers = partial(probes.redis_answers, open_port)
        return ServerProcess("sentinel", command, answers, folder / "sentinel.log", marker=str(path))
