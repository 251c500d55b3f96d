"""The settings of a dealing desk's figures: which topics they come from, and how many records pass through one by one.

A part of runtime.settings.whole; everything said there of values and sources holds. Times (out of order, late, future,
idle) are those of trades.
"""

from pydantic_settings import BaseSettings

from runtime.settings.types import setting
from schemas.names import ROUTING_TOPIC

__all__ = ["AnalyticsSettings"]


class AnalyticsSettings(BaseSettings):
    """What `tapeflow run analytics` reads and passes on."""

    routing_topic: str = setting(
        ROUTING_TOPIC, "Topic of a desk's routing decisions; empty means none", pattern=r"^[A-Za-z0-9._-]{0,249}$"
    )
    decisions_passed_per_s: int = setting(
        500,
        "Decisions that go out one by one each second, below the 1,000 messages that a client takes; the figures of "
        "windows hold all, and say how many didn't go out as sampled",
        unit="1/s",
        ge=0,
        le=100_000,
    )
