"""The least rights of docs/operating.md, as tests grant them to real servers."""

from typing import Final

from sinks.redis.rights import CLUSTER_COMMANDS, COMMANDS, KEY_PATTERNS

__all__ = [
    "KAFKA_FLOW", "REDIS_CLUSTER_ALERTS", "REDIS_CLUSTER_ANALYTICS", "REDIS_CLUSTER_GATEWAY", "REDIS_CLUSTER_LIVE",
    "REDIS_CLUSTER_QUOTES", "REDIS_GATEWAY", "REDIS_LIVE",
]  # fmt: skip

KAFKA_FLOW: Final = (
    ("TOPIC", "{topic}", "READ", "DESCRIBE"),
    ("TOPIC", "{topic}.dead-letter", "WRITE", "DESCRIBE"),
    ("TOPIC", "{topic}.dead-letter.requeued", "READ", "DESCRIBE"),
    ("GROUP", "tapeflow", "READ"),
)
"""Of live and history: kind of resource, its name, operations."""
REDIS_LIVE: Final = [*(f"+{command}" for command in COMMANDS), *(f"~{pattern}" for pattern in KEY_PATTERNS)]
"""Rules of ``ACL SETUSER``."""
REDIS_CLUSTER_LIVE: Final = [*REDIS_LIVE, *(f"+{command}" for command in CLUSTER_COMMANDS)]
REDIS_GATEWAY: Final = [
    "~price:*", "~candle:*", "~candles:*", "~symbol:*", "~md:*", "~gateway:*", "~subscribed", "~demand:*",
    "~market-data:subscriptions",
    "&market-data:*", "+ping", "+info", "+multi", "+exec", "+script|load", "+evalsha", "+time", "+get", "+mget",
    "+exists", "+scan", "+hget", "+hgetall", "+hmget", "+hvals", "+hlen", "+hexists", "+hset", "+hdel", "+hincrby",
    "+incrby", "+expire", "+pexpire", "+pttl", "+ttl", "+del", "+zrange", "+zrangebyscore", "+zcard", "+zadd", "+zrem",
    "+zremrangebyscore", "+zremrangebyrank", "+zscore", "+sadd", "+srem", "+sscan",
    "+xread", "+xrange", "+xrevrange", "+xadd", "+xinfo|stream",
    "+publish", "+subscribe", "+unsubscribe",
]  # fmt: skip
REDIS_CLUSTER_GATEWAY: Final = [*REDIS_GATEWAY, "+command", "+cluster|slots", "+hscan"]
_SCRIPTS: Final = ["~md:*", "+ping", "+info", "+script|load", "+evalsha", "+command", "+cluster|slots"]
REDIS_CLUSTER_QUOTES: Final = [
    *_SCRIPTS, "+get", "+set", "+mget", "+mset", "+xadd", "+xrevrange", "+hget", "+hset", "+hexists"
]  # fmt: skip
REDIS_CLUSTER_ANALYTICS: Final = [*_SCRIPTS, "+get", "+set", "+xadd", "+zadd", "+zremrangebyrank"]
REDIS_CLUSTER_ALERTS: Final = [*REDIS_CLUSTER_LIVE, "+hget", "+hdel"]
