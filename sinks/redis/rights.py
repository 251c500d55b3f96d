"""What the live flow does in Redis, and which of it the login in use may not do.

``doctor`` asks before a flow runs into a refusal. The commands are queued between MULTI and DISCARD: Redis checks the
rights on commands and keys when it queues one, and nothing is ever executed, so no right beyond the flow's own is
needed to ask. ``sinks.redis.sink`` and its script are the source of the list, and a test runs them with exactly these.
"""

from collections.abc import Iterator
from typing import Any, Final

import redis

from schemas.names import EPOCH_KEY, SHARDS_KEY, SYMBOLS_KEY, UPDATES_CHANNEL, RedisKeys, deltas_stream
from sinks.redis.cluster import ClusterClient

__all__ = ["COMMANDS", "KEY_PATTERNS", "lacking_rights", "server_info", "symbol_count"]

PROBE: Final = "tapeflow-doctor"
COMMANDS: Final = (
    "ping", "info", "script|load", "evalsha", "get", "set", "mget", "mset", "zrange", "zrangebyscore", "zcard", "zadd",
    "zremrangebyscore", "zremrangebyrank", "hset", "hsetnx", "sadd", "scard", "srandmember", "xadd",
    "xrange", "xrevrange",
)  # fmt: skip
"""All that the live flow's login needs, as ``+command`` of an ACL; and PUBLISH where updates are published."""
CLUSTER_COMMANDS: Final = ("command", "cluster|slots", "hget", "hexists", "hlen", "del")
"""And these in a Redis Cluster."""
KEY_PATTERNS: Final = ("price:*", "candle:*", "candles:*", "symbol:*", "md:*")


def server_info(client: redis.Redis) -> dict[str, object] | None:
    """What INFO says; None where the login may not ask."""
    try:
        info: dict[str, object] = client.info()
    except redis.exceptions.NoPermissionError:
        return None
    return info


def symbol_count(client: redis.Redis) -> int:
    """Symbols that have ever traded; 0 where the login may not ask."""
    try:
        if isinstance(client, ClusterClient):
            return int(client.hlen(SHARDS_KEY))
        return int(client.scard(SYMBOLS_KEY))
    except redis.exceptions.ResponseError:
        return 0


def lacking_rights(client: redis.Redis, *, publishes: bool = False, clustered: bool = False) -> list[str] | None:
    """What the login may not do and the live flow must, as an ACL spells it. None where that can't be asked.

    clustered: the server of ``client`` is a node of a cluster.
    """
    connection = client.connection_pool.get_connection()
    try:
        _answer(connection, "MULTI")
        return list(dict.fromkeys(_refused(connection, RedisKeys(), publishes, clustered)))
    except redis.exceptions.NoPermissionError:
        return None
    finally:
        connection.disconnect()  # type: ignore[no-untyped-call]  # what was queued goes with the connection
        client.connection_pool.release(connection)


def _refused(connection: Any, keys: RedisKeys, publishes: bool, clustered: bool) -> Iterator[str]:
    for words in _probes(keys, publishes, clustered):
        try:
            _answer(connection, *words)
        except redis.exceptions.NoPermissionError as error:
            yield _in_words(words, str(error))
        except (redis.exceptions.MovedError, redis.exceptions.ClusterCrossSlotError):
            continue  # of a cluster, whose nodes ask for rights before they look where a key lies
        except redis.exceptions.ResponseError as error:
            yield f"{words[0]}: {error}"


def _answer(connection: Any, *words: str | int) -> object:
    connection.send_command(*words)
    return connection.read_response()


def _probes(keys: RedisKeys, publishes: bool, clustered: bool) -> Iterator[tuple[str | int, ...]]:
    price, candle = keys.price(PROBE), keys.candle(PROBE, "1m")
    candles, symbol, stream = keys.candles(PROBE, "1m"), keys.symbol(PROBE), deltas_stream(0)
    yield from (("PING",), ("INFO", "server"), ("SCRIPT", "LOAD", "return 1"))
    yield ("EVALSHA", "0" * 40, 3, EPOCH_KEY, stream, SYMBOLS_KEY)
    yield from (("GET", EPOCH_KEY), ("SET", EPOCH_KEY, ""))
    for key in (price, candle):
        yield from (("MGET", key), ("MSET", key, ""))
    yield from (("ZRANGE", candles, 0, 0), ("ZRANGEBYSCORE", candles, 0, 0), ("ZCARD", candles))
    yield from (("ZADD", candles, 0, ""), ("ZREMRANGEBYSCORE", candles, 0, 0), ("ZREMRANGEBYRANK", candles, 0, 0))
    yield from (("HSET", symbol, "shard", 0), ("HSETNX", symbol, "first_seen", 0))
    yield from (("SADD", SYMBOLS_KEY, PROBE), ("SCARD", SYMBOLS_KEY), ("SRANDMEMBER", SYMBOLS_KEY, 1))
    yield from (("XADD", stream, "*", "n", 0), ("XRANGE", stream, "-", "+"), ("XREVRANGE", stream, "+", "-"))
    if clustered:
        yield from (("COMMAND",), ("CLUSTER", "SLOTS"), ("HGET", SHARDS_KEY, ""), ("HEXISTS", SHARDS_KEY, ""))
        yield from (("HLEN", SHARDS_KEY), ("DEL", EPOCH_KEY))
    if publishes:
        yield ("PUBLISH", UPDATES_CHANNEL, "")


def _in_words(words: tuple[str | int, ...], said: str) -> str:
    command = str(words[0]).lower()
    if "command" in said or "subcommand" in said:
        return f"+{command}|{str(words[1]).lower()}" if command in ("script", "cluster") else f"+{command}"
    if command == "publish":
        return f"&{UPDATES_CHANNEL}"
    key = next(str(word) for word in words[1:] if ":" in str(word))
    return f"~{key.partition(':')[0]}:*"
