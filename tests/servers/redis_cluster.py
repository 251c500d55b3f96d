"""A Redis Cluster on loopback: three primaries and, where asked, a replica of each, all real servers.

It is put together by the commands that ``redis-cli --cluster create`` sends, so it needs no other program. ``url`` is
the address that clients are given: two of the nodes, which tell of the rest.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pytest
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from local.ports import free_ports
from tests.servers.certificates import Certificates
from tests.servers.redis import RedisServer, needs_redis

__all__ = ["ClusterOfRedis", "redis_cluster"]

PRIMARIES: Final = 3
SLOTS: Final = 16_384
DOWN_MS: Final = 1_000
WHOLE_S: Final = 60


class ClusterOfRedis:
    """A context manager. ``servers``: the primaries, then a replica of each in the same order.

    tls: nodes speak TLS to each other and, at ``tls_url``, to clients; the commands of tests go to the plain ports.
    """

    def __init__(self, folder: Path, *options: str, replicas: bool = False, tls: Certificates | None = None) -> None:
        needs_redis(7)  # whose bus may listen on any port
        count = PRIMARIES * (2 if replicas else 1)
        self._buses, self._tls = free_ports(count), tls
        options = (*options, "--tls-cluster", "yes") if tls is not None else options
        self.servers = [
            RedisServer(
                folder / f"node-{number}", "--cluster-enabled", "yes", "--cluster-port", str(bus),
                "--cluster-node-timeout", str(DOWN_MS), "--cluster-replica-validity-factor", "0",
                "--repl-diskless-sync-delay", "0", *options, tls=tls,
            )
            for number, bus in enumerate(self._buses)
        ]  # fmt: skip

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers[:2])

    @property
    def tls_url(self) -> str:
        assert self._tls is not None
        nodes = ",".join(f"127.0.0.1:{server.tls_port}" for server in self.servers[:2])
        return f"rediss+cluster://{nodes}?ssl_ca_certs={self._tls.authority}"

    def __enter__(self) -> Self:
        for server in self.servers:
            server.start()
        for number, server in enumerate(self.servers[:PRIMARIES]):
            first, after = (SLOTS * each // PRIMARIES for each in (number, number + 1))
            self.ask(server, "CLUSTER", "ADDSLOTSRANGE", first, after - 1)
            self.ask(server, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for server, bus in zip(self.servers[1:], self._buses[1:], strict=True):
            self.ask(self.servers[0], "CLUSTER", "MEET", "127.0.0.1", server.port, bus)
        self.until(self.is_whole)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        for server in self.servers:
            server.kill()

    def until(self, condition: Callable[[], bool]) -> None:
        end_s, moment = time.monotonic() + WHOLE_S, threading.Event()
        while not condition():
            assert time.monotonic() < end_s, "the cluster does not come together"
            moment.wait(0.05)

    def is_whole(self) -> bool:
        """Whether each node says that all slots are served, and each replica, once told of whom, has all data."""
        try:
            for server in self.servers:
                state: dict[str, Any] = self.ask(server, "CLUSTER INFO")
                if state["cluster_state"] != "ok" or int(state["cluster_known_nodes"]) < len(self.servers):
                    return False
            return all(
                self._follows(primary, replica)
                for primary, replica in zip(self.servers, self.servers[PRIMARIES:], strict=False)
            )
        except RedisError:
            return False

    def primary_of(self, key: str, asked: Sequence[RedisServer] = ()) -> RedisServer:
        """Which server holds ``key`` now, as the first of ``asked`` that answers says; of all where none is named."""
        slot = key_slot(key.encode())
        for each in asked or self.servers:
            try:
                slots: Any = self.ask(each, "CLUSTER SLOTS")
            except RedisError:
                continue
            port = next(primary[1] for first, last, primary, *_ in slots if first <= slot <= last)
            return next(server for server in self.servers if server.port == port)
        raise AssertionError("no node answers")

    def ask(self, server: RedisServer, *command: Any) -> Any:
        with Redis.from_url(server.url, retry=None) as client:
            return client.execute_command(*command)

    def login(self, user: str, rules: Sequence[str]) -> str:
        """The address with the login of ``user``, who gets ``rules`` on all nodes, since ACLs aren't shared."""
        for server in self.servers:
            self.ask(server, "ACL", "SETUSER", user, "reset", "on", ">pass", *rules)
        return self.url.replace("://", f"://{user}:pass@")

    def _follows(self, primary: RedisServer, replica: RedisServer) -> bool:
        with Redis.from_url(replica.url, retry=None) as client:
            told: dict[str, Any] = client.info("replication")
        if told["role"] == "master":
            self.ask(replica, "CLUSTER", "REPLICATE", self.ask(primary, "CLUSTER", "MYID").decode())
            return False
        return bool(told["master_link_status"] == "up")


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterOfRedis]:
    """Three primaries shared by the whole run, emptied by who asks for them; don't stop one."""
    with ClusterOfRedis(tmp_path_factory.mktemp("redis-cluster")) as cluster:
        yield cluster
