"""The settings of a dealing desk's figures: which topics they come from, and how many records pass through one by one.

A part of runtime.settings.whole; everything said there of values and sources holds. Times (out of order, late, future,
idle) are those of trades.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator
from pydantic_settings import BaseSettings

from runtime.settings.types import Names, setting
from schemas.desk import DESK_KINDS, TRADE_ALERTS
from schemas.names import EXPOSURE_TOPIC, LP_TOPIC, ROUTING_TOPIC

__all__ = ["AnalyticsSettings"]


def desk_kinds(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if not kinds or not set(kinds) <= set(DESK_KINDS):
        raise ValueError(f"some of {', '.join(DESK_KINDS)}, with commas")
    return kinds


def kinds_of_alerts(kinds: tuple[str, ...]) -> tuple[str, ...]:
    if not set(kinds) <= set(TRADE_ALERTS):
        raise ValueError(f"some of {', '.join(TRADE_ALERTS)}, with commas")
    return kinds


class AnalyticsSettings(BaseSettings):
    """What `tapeflow run analytics` reads and passes on."""

    analytics_kinds: Annotated[Names, AfterValidator(desk_kinds)] = setting(
        DESK_KINDS, "Which topics of a desk are read: routing, lp, exposure, with commas"
    )
    routing_topic: str = setting(
        ROUTING_TOPIC, "Topic of a desk's routing decisions", pattern=r"^[A-Za-z0-9._-]{1,249}$"
    )
    lp_topic: str = setting(LP_TOPIC, "Topic of liquidity providers' figures", pattern=r"^[A-Za-z0-9._-]{1,249}$")
    exposure_topic: str = setting(
        EXPOSURE_TOPIC, "Topic of a desk's exposure, as states", pattern=r"^[A-Za-z0-9._-]{1,249}$"
    )
    routing_reject_percent: int = setting(
        0,
        "Rejections of a minute's decisions, in all or of a provider, above which there is an alert; 0 means none",
        unit="%",
        ge=0,
        le=100,
    )
    routing_execution_ms: int = setting(
        0,
        "Execution time of a minute's decisions, p99, above which there is an alert; 0 means none",
        unit="ms",
        ge=0,
        le=3_600_000,
    )
    routing_alert_decisions_min: int = setting(
        20, "Decisions that a minute must have before an alert is made of it", ge=1, le=1_000_000
    )
    routing_rejections: Names = setting(("REJECT",), "Decisions that are rejections; with commas")
    trade_alerts: Annotated[Names, AfterValidator(kinds_of_alerts)] = setting(
        (),
        "Alerts about trades: gaps (of ids), crossed (a bid above the ask), jumps (of a price), stale (no "
        "trade comes), with commas; empty: trades aren't read for them",
    )
    trade_silence_ms: int = setting(
        30_000, "Without a trade in a partition for so long its feed is stale", unit="ms", ge=1_000, le=86_400_000
    )
    trade_alert_clear_ms: int = setting(
        60_000,
        "An alert about a symbol's trades ends with the first one that comes so long after the last that had the fault",
        unit="ms",
        ge=1_000,
        le=86_400_000,
    )
    trade_jump_deviations: int = setting(
        20, "A price jumps that moves by more than so many times the mean of its moves", ge=2, le=1_000_000
    )
    lp_silence_ms: int = setting(
        30_000,
        "How long a provider's status holds without another record; then it is silent, which isn't up",
        unit="ms",
        ge=1_000,
        le=600_000,
    )
    lp_up_statuses: Names = setting(("connected", "degraded"), "Statuses in which a provider is up; with commas")
    exposure_limit: Decimal = setting(
        Decimal(0),
        "Limit of the gross exposure where no record tells one; 0 means none",
        ge=0,
        lt=10**18,
        decimal_places=10,
    )
    exposure_warning_percent: int = setting(75, "Utilisation from which the level is warning", unit="%", ge=1, le=1000)
    exposure_warning_clear_percent: int = setting(
        72, "Utilisation below which the level warning ends, so that it doesn't flap", unit="%", ge=0, le=1000
    )
    exposure_critical_percent: int = setting(
        90, "Utilisation from which the level is critical", unit="%", ge=1, le=1000
    )
    exposure_critical_clear_percent: int = setting(
        87, "Utilisation below which the level critical ends", unit="%", ge=0, le=1000
    )
    exposures_passed_per_s: int = setting(
        10,
        "Messages of all totals that go out each second; changes of the level go out besides",
        unit="1/s",
        ge=1,
        le=1000,
    )
    decisions_passed_per_s: int = setting(
        500,
        "Decisions, or providers' records, that go out one by one each second, below the 1,000 messages that a client "
        "takes; the figures of windows hold all, and say how many didn't go out as sampled",
        unit="1/s",
        ge=0,
        le=100_000,
    )
