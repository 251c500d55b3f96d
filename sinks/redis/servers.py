"""The servers behind a writer's client: one, or the primaries of a Redis Cluster, each of which holds some shards.

sinks.redis.sink sends its script calls through here and learns which server holds each of its shards. Both kinds send
in pipelines and hide no retry: a shard that moved to another primary, or whose primary is away, is an error like a
connection that broke, and after the next ``recognise`` the writer goes on where the shard lies now. All is sent to
several primaries before any answer is read, so they work at the same time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

import redis
from redis.connection import Connection

from schemas.names import SHARDS_KEY, RedisNames
from sinks.redis.cluster import ClusterClient
from sinks.redis.homes import Claims

__all__ = ["Servers", "servers_of"]

Command = Sequence[Any]
Doubled = tuple[str, list[int]]
"""A symbol that several shards write, and which."""
MAP: Final = -1
"""Stands for the map of shards, among shards."""


class Servers(Protocol):
    """What a writer asks of them. Raises the client library's errors."""

    names: RedisNames

    def recognise(self, script: str, shards: Iterable[int], asked: Callable[[str], None]) -> tuple[str, dict[int, str]]:
        """Load ``script``; its digest, and by shard the run id of the server that holds it now. ``asked``: told of
        each command before it is sent."""

    def run(self, commands: Sequence[tuple[int, Command]]) -> list[Any]:
        """Answers to commands of shards, in their order; a refusal is one of them."""

    def claim(self, shard: int, epoch: int, count: int, named: Callable[[int], str]) -> Iterator[Doubled]:
        """As sinks.redis.homes.Claims.claim."""

    def forget(self) -> None:
        """After a failure an old answer may still be on its way: never read on from it."""


def servers_of(client: redis.Redis, source: str) -> Servers:
    return _Primaries(client, source) if isinstance(client, ClusterClient) else _OneServer(client)


class _OneServer:
    names = RedisNames()

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def recognise(self, script: str, shards: Iterable[int], asked: Callable[[str], None]) -> tuple[str, dict[int, str]]:
        digest, run_id = _load(self._client, script, asked)
        return digest, dict.fromkeys(shards, run_id)

    def run(self, commands: Sequence[tuple[int, Command]]) -> list[Any]:
        pool = self._client.connection_pool
        connection = pool.get_connection()
        try:
            _send(connection, [command for _, command in commands])
            return [_answer(connection) for _ in commands]
        except BaseException:
            # Also when it is stopped half-way: an answer that nobody read would be taken for the next one's.
            connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        finally:
            pool.release(connection)

    def claim(self, *_claimed: Any) -> Iterator[Doubled]:
        return iter(())  # names don't say a shard, and the script itself sees what another shard wrote

    def forget(self) -> None:
        self._client.connection_pool.disconnect()


class _Primaries:
    names = RedisNames(clustered=True)

    def __init__(self, client: ClusterClient, source: str) -> None:
        self._client = client
        self._claims = Claims(client, source)
        self._map_run_id = ""
        self._stale = False

    def recognise(self, script: str, shards: Iterable[int], asked: Callable[[str], None]) -> tuple[str, dict[int, str]]:
        if self._stale:
            asked("CLUSTER SLOTS")
            self._client.look_again()
            self._stale = False
        digest, by_server = "", {}
        holders = {shard: self._client.primary_of(self.names.epoch(shard)) for shard in shards}
        holders[MAP] = self._client.primary_of(SHARDS_KEY)
        for name, client in dict(holders.values()).items():
            digest, by_server[name] = _load(client, script, asked)
        run_ids = {shard: by_server[name] for shard, (name, _) in holders.items()}
        if run_ids[MAP] != self._map_run_id:
            self._claims.forget()
        self._map_run_id = run_ids.pop(MAP)
        return digest, run_ids

    def run(self, commands: Sequence[tuple[int, Command]]) -> list[Any]:
        clients: dict[str, redis.Redis] = {}
        places: dict[str, list[int]] = {}
        for place, (shard, _) in enumerate(commands):
            name, clients[name] = self._client.primary_of(self.names.epoch(shard))
            places.setdefault(name, []).append(place)
        answers: list[Any] = [None] * len(commands)
        lent: list[tuple[redis.Redis, Connection]] = []
        try:
            for name, those in places.items():
                connection = clients[name].connection_pool.get_connection()
                lent.append((clients[name], connection))
                _send(connection, [commands[place][1] for place in those])
            for (_, connection), those in zip(lent, places.values(), strict=True):
                for place in those:
                    answers[place] = _answer(connection)
        except BaseException:
            # Also when it is stopped half-way: an answer that nobody read would be taken for the next one's.
            for _, connection in lent:
                connection.disconnect()  # type: ignore[no-untyped-call]
            raise
        finally:
            for client, connection in lent:
                client.connection_pool.release(connection)
        return answers

    def claim(self, shard: int, epoch: int, count: int, named: Callable[[int], str]) -> Iterator[Doubled]:
        return self._claims.claim(shard, epoch, count, named)

    def forget(self) -> None:
        self._stale = True


def _load(client: redis.Redis, script: str, asked: Callable[[str], None]) -> tuple[str, str]:
    """The digest of the script that a server has now, and the server's run id."""
    asked("SCRIPT LOAD")
    digest: Any = client.script_load(script)
    asked("INFO")
    run_id: Any = client.info("server")["run_id"]
    asked("EVALSHA")
    return _text(digest), _text(run_id)


def _send(connection: Connection, commands: Sequence[Command]) -> None:
    """By one call: each of several is one more for which a thread may wait that another one runs."""
    packed: Any = connection.pack_commands(commands)  # type: ignore[no-untyped-call]
    connection.send_packed_command([b"".join(packed)])  # type: ignore[no-untyped-call]


def _answer(connection: Connection) -> Any:
    try:
        return connection.read_response()
    except redis.exceptions.ResponseError as error:
        return error


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
