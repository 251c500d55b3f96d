"""The settings of now: the Redis server, how often live state goes there, and how much of it may be filled.

A part of runtime.settings.whole; everything said there of values and sources holds.
"""

from typing import Annotated

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import redis_address, setting

__all__ = ["RedisSettings"]


class RedisSettings(BaseSettings):
    """Where live state goes, how often and how much of it."""

    redis_url: Annotated[str, AfterValidator(redis_address)] = setting(
        "redis://127.0.0.1:6379/0",
        "Redis server, as redis://user:password@host:port/db, or rediss:// for TLS; "
        "redis+sentinel://user:password@host:port,host:port/name/db for the primary that Sentinels name; "
        "redis+cluster://user:password@host:port,host:port for a Redis Cluster, rediss+cluster:// with "
        "TLS",
    )
    conflation_ms: int = setting(
        10,
        "A symbol's live state is published at most this often; 0 publishes every batch. More saves Redis and gateways "
        "work where a symbol trades more often than that",
        unit="ms",
        ge=0,
        le=60_000,
    )
    bars_conflation_ms: int = setting(
        1_000,
        "Open bars go out once in this time, each interval at its own moment; conflation_ms where that is longer. "
        "Rooms of bars pass on one a second, so less is for those who read Redis",
        unit="ms",
        ge=0,
        le=60_000,
    )
    candles_kept: int = setting(
        1_000,
        "Final bars kept per symbol and interval, fewer where candles_mb_max is reached",
        unit="bars",
        ge=1,
        le=100_000,
    )
    candles_mb_max: int = setting(
        400,
        "Redis's memory for final bars, shared alike by all symbols: twice the symbols keep half the bars",
        unit="MB",
        ge=1,
    )
    stream_minutes_max: float = setting(
        10, "What the fan-out streams hold at most: how far back their readers can go on", unit="minutes", ge=0.1
    )
    stream_mb_max: int = setting(
        200,
        "Redis's memory for all fan-out streams together; the tighter of this and the minutes holds",
        unit="MB",
        ge=1,
    )
    publish_updates: bool = setting(False, "Publish on market-data:updates too, for simple consumers; costs bandwidth")
