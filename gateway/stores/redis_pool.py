"""The one door to the Redis client library: a connection pool with bounded waits.

Other files of the gateway take the Redis type and its errors from here, so that only this file names the driver. No
read waits longer than the timeout, connecting included. Only a connection that the server had closed in the meantime is
opened anew, once; all else is a failure for the circuit breaker to count. The queue for a connection is fair. The
library's own blocking pool lets late comers overtake, so that under load some waited out their timeout.
"""

import asyncio
import errno
from collections.abc import Iterable
from typing import Any, Final

import redis.asyncio
import redis.exceptions
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from gateway.stores.redis_cluster import ClusterRedis
from schemas.clusters import Clustered, clustered_redis
from schemas.names import RedisNames
from schemas.sentinels import Watched, no_primary, watched_redis

__all__ = ["REDIS_ERRORS", "Redis", "end_tasks", "names_of", "open_redis"]

Redis = redis.asyncio.Redis
REDIS_ERRORS: Final = (redis.exceptions.RedisError, OSError, TimeoutError)
CANCEL_S: Final = 0.2
CLUSTER_CONNECTIONS: Final = 256
"""To each primary at most: each stream that is waited for takes one."""


class _Lost:
    """What a connection does in any pool of ours: one that is lost while it is written to is a failure like another.

    uvloop has a RuntimeError for that where asyncio writes into nothing, and the library knows only OSError.
    """

    async def _send_packed_command(self, command: Iterable[bytes]) -> None:
        try:
            await super()._send_packed_command(command)  # type: ignore[misc]
        except RuntimeError as error:
            raise ConnectionResetError(errno.ECONNRESET, str(error)) from error


def _losable(kind: type[Any]) -> type[Any]:
    return type(kind.__name__, (_Lost, kind), {})


class _Fair(redis.asyncio.ConnectionPool):
    """At most ``max_connections`` in use; who asked first gets the next one. Waiting is bounded by the callers."""

    def __init__(self, *args: Any, max_connections: int, **options: Any) -> None:
        options["max_connections"] = max_connections
        super().__init__(*args, **options)
        self.connection_class = _losable(self.connection_class)
        self._turn = asyncio.Semaphore(max_connections)

    async def get_connection(self, *args: Any, **options: Any) -> Any:
        await self._turn.acquire()
        try:
            return await super().get_connection(*args, **options)  # type: ignore[no-untyped-call]
        except BaseException:  # also when cancelled: the turn must go to the next one
            self._turn.release()
            raise

    async def release(self, connection: Any) -> None:
        try:
            await super().release(connection)
        finally:
            self._turn.release()


class _FairPrimary(_Fair, SentinelConnectionPool):
    """Its connections go to the primary that Sentinels name when they are opened."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:  # else it only goes on to another primary
            for sentinel in self.sentinel_manager.sentinels:
                await sentinel.aclose(close_connection_pool=True)


class _Sentinel(Sentinel):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)  # type: ignore[no-untyped-call]
        for pool in (sentinel.connection_pool for sentinel in self.sentinels):
            pool.connection_class = _losable(pool.connection_class)

    async def discover_master(self, service_name: str) -> Any:
        try:
            return await super().discover_master(service_name)
        except MasterNotFoundError as error:
            raise MasterNotFoundError(no_primary(str(error))) from None


def open_redis(url: str, timeout_ms: int, connections_max: int = 16) -> Redis:
    """A client that answers bytes; connects at first use."""
    patience: dict[str, Any] = {
        "socket_timeout": timeout_ms / 1000,
        "socket_connect_timeout": timeout_ms / 1000,
        "retry": Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),
    }
    pooled = {**patience, "max_connections": connections_max, "health_check_interval": 30}
    if watched := watched_redis(url):
        return _primary_of(watched, patience, pooled)
    if clustered := clustered_redis(url):
        return _cluster(clustered, {**pooled, "max_connections": max(connections_max, CLUSTER_CONNECTIONS)})
    return redis.asyncio.Redis(connection_pool=_Fair.from_url(url, **pooled))


def names_of(redis: Redis) -> RedisNames:
    """How the Redis of a client spells what is a shard's."""
    return RedisNames(clustered=isinstance(redis, ClusterRedis))


def _cluster(clustered: Clustered, pooled: dict[str, Any]) -> Redis:
    read = {**parse_url(clustered.url)}
    options: dict[str, Any] = {name: value for name, value in read.items() if name not in ("host", "port", "db")}

    def open_node(host: str, port: int) -> Redis:
        return redis.asyncio.Redis(connection_pool=_Fair(host=host, port=port, **{**options, **pooled}))

    return ClusterRedis(clustered.nodes, open_node)


def _primary_of(watched: Watched, patience: dict[str, Any], pooled: dict[str, Any]) -> Redis:
    servers, sentinels = watched.options({**parse_url(watched.url)})
    own = {**patience, **sentinels}
    asked: Any = _Sentinel(watched.sentinels, sentinel_kwargs=own)
    primary: Redis = asked.master_for(watched.name, connection_pool_class=_FairPrimary, **{**servers, **pooled})
    return primary


async def end_tasks(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels tasks that use Redis, and returns when they have ended."""
    running = {task for task in tasks if not task.done()}
    while running:  # again and again: the library loses a cancel that meets a connect or an answer
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=CANCEL_S)
