"""A connection to Redis for whoever writes to it or asks it: opened with one answered PING, refusals said in one line.

Sinks, doctor, the gateway's start and the demo take it from here, so that a server that is away, a wrong login or a
node of a Cluster is told in the same words everywhere. ``is_outage`` says which errors are waited out. It imports no
kernels: who only asks starts sooner.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import MasterNotFoundError, Sentinel

from schemas.clusters import Clustered, clustered_redis
from schemas.errors import SettingError, TapeflowError, Unreachable
from schemas.sentinels import Watched, no_primary, watched_redis
from sinks.redis.cluster import ClusterClient
from sinks.redis.refusals import refusal, replica
from sinks.redis.scripts import APPLY_UPDATE

__all__ = [
    "asked",
    "check_writer",
    "connect",
    "drop_connections",
    "ends_half_way",
    "is_outage",
    "open_client",
    "place",
    "primaries_of",
]

CONNECT_S: Final = 3.0
ANSWER_S: Final = 5.0
SENTINEL_S: Final = 1.0
"""For one of them: the next is asked when it doesn't answer."""
_OUTAGES: Final = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.MovedError,
    redis.exceptions.AskError,
    redis.exceptions.TryAgainError,
    redis.exceptions.RedisClusterException,
    OSError,
)
_OUTAGE_WORDS: Final = (
    "LOADING",
    "MASTERDOWN",
    "BUSY ",
    "NOREPLICAS",
    "MISCONF",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "UNBLOCKED",
)
_OUTAGE_IN_SCRIPT: Final = re.compile(
    r"Error running script .*?: -(READONLY|OOM|NOREPLICAS|MISCONF|MASTERDOWN|BUSY) ", re.DOTALL
)
"""Redis before 7 wraps what a command in a script answers, and redis-py then knows no type for it."""
_OUTSIDE: Final = "Script attempted to access a non local key"
"""While a slot moves from one primary to another, or just after, a script may find some of its keys on neither."""
_DOWN: Final = re.compile(r"Script attempted to execute a (write )?command while the cluster is down")


def connect(url: str) -> redis.Redis:
    """Client with timeouts and without hidden retries, after one answered PING.

    Raises SettingError for a URL or login that Redis refuses, another server there, or a node of a Redis Cluster where
    the URL says one server, Unreachable when nothing answers. A client of a Redis Cluster has asked one of its nodes.
    """
    client = open_client(url)
    if isinstance(client, ClusterClient):
        return client
    try:
        client.ping()
        clustered = _in_cluster_mode(client)
    except redis.exceptions.AuthenticationError as error:
        client.close()
        raise SettingError(
            "Redis refused the login", where=place(url), mend=f"set TAPEFLOW_REDIS_URL ({error})"
        ) from error
    except _OUTAGES as error:
        client.close()
        raise Unreachable(
            "Redis does not answer", where=place(url), mend=f"start it or set TAPEFLOW_REDIS_URL ({error})"
        ) from error
    except redis.exceptions.InvalidResponse as error:
        client.close()
        raise SettingError("what answers is no Redis", where=place(url), mend="set TAPEFLOW_REDIS_URL") from error
    except redis.exceptions.RedisError as error:
        client.close()
        raise refusal(error, client, place(url), "PING") from error
    if clustered:
        client.close()
        raise SettingError(
            "Redis runs in cluster mode, where names of keys are others",
            where=place(url),
            mend="set TAPEFLOW_REDIS_URL to redis+cluster://host:port,host:port",
        )
    return client


@contextmanager
def asked(url: str) -> Iterator[redis.Redis]:
    """A client as ``connect`` gives it, for whoever asks and doesn't wait for an outage to end; closed at the end.

    Raises as ``connect``; and what Redis refuses within, or leaves without an answer, as one line too.
    """
    client = connect(url)
    try:
        yield client
    except (redis.exceptions.RedisError, redis.exceptions.RedisClusterException) as error:
        if is_outage(error):
            mend = f"look at its load and its log, then begin anew ({error})"
            raise Unreachable("Redis does not answer any more", where=place(url), mend=mend) from error
        raise refusal(error, client, place(url)) from error
    finally:
        client.close()


def check_writer(client: redis.Redis, url: str) -> None:
    """Raises SettingError for a replica, or a right missing that a RedisWriter needs before its first write."""
    asked = "INFO"
    try:
        role = client.info("replication").get("role")
        asked = "SCRIPT LOAD"
        client.script_load(APPLY_UPDATE)
    except redis.exceptions.RedisError as error:
        if is_outage(error):
            raise Unreachable("Redis does not answer", where=place(url), mend=str(error)) from error
        raise refusal(error, client, place(url), asked) from error
    if role != "master":
        raise replica(place(url))


def _in_cluster_mode(client: redis.Redis) -> bool:
    try:
        return bool(client.info("cluster").get("cluster_enabled"))
    except redis.exceptions.ResponseError:
        return False  # a login or proxy without INFO: what it needs it says at its first command


def open_client(url: str, answer_s: float = ANSWER_S, connect_s: float = CONNECT_S) -> redis.Redis:
    """Connects at the first use; behind Sentinels to the primary that they name then, at each new connection.

    To a Redis Cluster it connects now, and raises as ``connect``.
    """
    patience: dict[str, Any] = {"socket_timeout": answer_s, "socket_connect_timeout": connect_s}
    try:
        if clustered := clustered_redis(url):
            return _cluster(clustered, url, patience)
        watched = watched_redis(url)
        alone = {**patience, "retry": Retry(NoBackoff(), 0)}
        return _primary_of(watched, alone) if watched else redis.Redis.from_url(url, **alone)
    except ValueError as error:
        raise SettingError("bad Redis URL", where=place(url), mend=f"redis://host:6379/0 ({error})") from error


class _Sentinel(Sentinel):
    def discover_master(self, service_name: str) -> Any:
        try:
            return super().discover_master(service_name)  # type: ignore[no-untyped-call]
        except MasterNotFoundError as error:
            raise MasterNotFoundError(no_primary(str(error))) from None


def _primary_of(watched: Watched, patience: dict[str, Any]) -> redis.Redis:
    servers, sentinels = watched.options(parse_url(watched.url))  # type: ignore[no-untyped-call]
    short = {**patience, "socket_timeout": SENTINEL_S, "socket_connect_timeout": SENTINEL_S}
    asked: Any = _Sentinel(watched.sentinels, sentinel_kwargs={**short, **sentinels})  # type: ignore[no-untyped-call]
    primary: redis.Redis = asked.master_for(watched.name, **{**servers, **patience})
    return primary


def _cluster(clustered: Clustered, url: str, patience: dict[str, Any]) -> redis.Redis:
    try:
        return ClusterClient(clustered, **patience)  # type: ignore[return-value]  # it has the same commands
    except (redis.exceptions.RedisClusterException, redis.exceptions.RedisError) as error:
        raise _no_cluster(error, place(url)) from error


def _no_cluster(error: Exception, where: str) -> TapeflowError:
    """``error``: of the last node that was asked, whose own answer stands behind it."""
    answers: list[BaseException] = []
    behind: BaseException | None = error
    while behind is not None:
        answers.append(behind)
        behind = behind.__cause__ or behind.__context__
    said = " ".join(str(answers[-1]).split())
    if any(isinstance(each, redis.exceptions.AuthenticationError) for each in answers):
        return SettingError("Redis refused the login", where=where, mend=f"set TAPEFLOW_REDIS_URL ({said})")
    if isinstance(answers[-1], redis.exceptions.NoPermissionError):
        mend = f"ACL SETUSER … +command +cluster|slots ({said})"
        return SettingError("Redis refuses COMMAND or CLUSTER SLOTS", where=where, mend=mend)
    if isinstance(answers[-1], redis.exceptions.ResponseError):
        mend = f"set TAPEFLOW_REDIS_URL to redis://host:port/db ({said})"
        return SettingError("what answers is no Redis Cluster", where=where, mend=mend)
    return Unreachable("Redis does not answer", where=where, mend=f"start it or set TAPEFLOW_REDIS_URL ({said})")


def drop_connections(client: redis.Redis) -> None:
    """After a failure an old reply may still be on its way: never read on from it."""
    if isinstance(client, ClusterClient):
        client.disconnect_connection_pools()
    else:
        client.connection_pool.disconnect()


def primaries_of(client: redis.Redis) -> list[tuple[str, redis.Redis]]:
    """Each server that takes writes, as its name in a cluster ("" for one server) and a client of it."""
    return client.primaries() if isinstance(client, ClusterClient) else [("", client)]


def place(url: str) -> str:
    """The URL without its login, which may stand in its query too: ?password=…"""
    scheme, separator, rest = url.partition("://")
    server, _, query = (rest if separator else url).partition("?")
    if "@" in query and "@" not in server:
        server = "***"  # perhaps a password with both signs in it, and this is the half of it
    server = server.rpartition("@")[2]
    return f"{scheme}://{server}" if separator else server


def is_outage(error: Exception) -> bool:
    if isinstance(error, redis.exceptions.AuthenticationError):
        return False
    if not isinstance(error, redis.exceptions.ResponseError):
        return isinstance(error, _OUTAGES)
    words = str(error)
    return (
        isinstance(error, _OUTAGES)
        or words.startswith(_OUTAGE_WORDS)
        or bool(_OUTAGE_IN_SCRIPT.match(words))
        or ends_half_way(error)
    )


def ends_half_way(error: Exception) -> bool:
    """Whether a script may have written some of its keys before it failed: a node lost what it was about."""
    words = str(error)
    return isinstance(error, redis.exceptions.ResponseError) and (_OUTSIDE in words or bool(_DOWN.search(words)))
