"""The one door to the Redis client library: a connection pool with bounded waits.

Other files of the gateway take the Redis type and its errors from here, so that only this file names the driver.
Law: no read waits longer than the timeout, connecting included. Only a connection that the server had closed in the
meantime is opened anew, once; all else is a failure for the circuit breaker to count.
"""

from typing import Final

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

__all__ = ["REDIS_ERRORS", "Redis", "open_redis"]

Redis = redis.asyncio.Redis
REDIS_ERRORS: Final = (redis.exceptions.RedisError, OSError, TimeoutError)


def open_redis(url: str, timeout_ms: int, connections_max: int = 64) -> Redis:
    """A client that answers bytes; connects at first use."""
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=connections_max,
        timeout=timeout_ms / 1000,
        socket_timeout=timeout_ms / 1000,
        socket_connect_timeout=timeout_ms / 1000,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.exceptions.ConnectionError,)),
    )
    return redis.asyncio.Redis(connection_pool=pool)
