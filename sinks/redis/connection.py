"""A connection to Redis for whoever writes to it or asks it: opened with one answered PING, refusals said in one line.

Sinks, doctor, the gateway's start and the demo take it from here, so that a server that is away, a wrong login or a
node of a Cluster is told in the same words everywhere. ``is_outage`` says which errors are waited out. It imports no
kernels: who only asks starts sooner.
"""

import re
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry
from redis.sentinel import Sentinel

from schemas.errors import SettingError, Unreachable
from schemas.sentinels import Watched, watched_redis
from sinks.redis.refusals import refusal, replica
from sinks.redis.scripts import APPLY_UPDATE

__all__ = ["check_writer", "connect", "is_outage", "open_client", "place"]

CONNECT_S: Final = 3.0
ANSWER_S: Final = 5.0
SENTINEL_S: Final = 1.0
"""For one of them: the next is asked when it doesn't answer."""
_OUTAGES: Final = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
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


def connect(url: str) -> redis.Redis:
    """Client with timeouts and without hidden retries, after one answered PING.

    Raises SettingError for a URL or login that Redis refuses, another server there, or a node of a Redis Cluster,
    Unreachable when nothing answers.
    """
    client = open_client(url)
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
            "Redis runs in cluster mode, and one script of ours writes keys of many slots",
            where=place(url),
            mend="set TAPEFLOW_REDIS_URL to a single primary (with replicas, or behind a proxy that presents one node)",
        )
    return client


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
    """Connects at the first use; behind Sentinels to the primary that they name then, at each new connection."""
    patience: dict[str, Any] = {
        "socket_timeout": answer_s,
        "socket_connect_timeout": connect_s,
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        watched = watched_redis(url)
        return _primary_of(watched, patience) if watched else redis.Redis.from_url(url, **patience)
    except ValueError as error:
        raise SettingError("bad Redis URL", where=place(url), mend=f"redis://host:6379/0 ({error})") from error


def _primary_of(watched: Watched, patience: dict[str, Any]) -> redis.Redis:
    servers, sentinels = watched.options(parse_url(watched.url))  # type: ignore[no-untyped-call]
    short = {**patience, "socket_timeout": SENTINEL_S, "socket_connect_timeout": SENTINEL_S}
    asked: Any = Sentinel(watched.sentinels, sentinel_kwargs={**short, **sentinels})  # type: ignore[no-untyped-call]
    primary: redis.Redis = asked.master_for(watched.name, **{**servers, **patience})
    return primary


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
    return isinstance(error, _OUTAGES) or words.startswith(_OUTAGE_WORDS) or bool(_OUTAGE_IN_SCRIPT.match(words))
