"""Messages of ``/ws/analytics``: channels of routing, provider and exposure figures, and alerts, in arrays.

``data`` is what the channel's writer wrote, passed on byte by byte: nothing here checks it, so every field of it may be
missing, and writers may add others, or types of their own. Errors and pongs are encoded by the dialect.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.messages.channel import Channel, Message
from gateway.messages.desk import ExposureStats, LpStats, RoutingStats
from gateway.messages.errors import ErrorCode
from gateway.messages.events import AlertEvent
from gateway.messages.values import NOTHING, IsoTime, Number, NumberOrNull, SymbolName
from schemas.channels import CHANNELS

__all__ = [
    "ANALYTICS",
    "AnalyticsAlert",
    "AnalyticsError",
    "AnalyticsPing",
    "AnalyticsPong",
    "AnalyticsProblem",
    "AnalyticsSubscribe",
    "AnalyticsUnsubscribe",
    "Exposure",
    "ExposureChange",
    "ExposureStatsUpdate",
    "LpMetrics",
    "LpMetricsUpdate",
    "LpStatsUpdate",
    "NoData",
    "RoutingDecision",
    "RoutingDecisionUpdate",
    "RoutingStatsUpdate",
]

ChannelName = Annotated[str, Meta(title="AnalyticsChannel", extra_json_schema={"enum": list(CHANNELS)})]
ChannelNames = ChannelName | list[ChannelName]


class AnalyticsSubscribe(msgspec.Struct, tag="subscribe", tag_field="action", kw_only=True):
    """Joins channels; what is published from then on comes. The token's role decides which may be joined."""

    channels: ChannelNames


class AnalyticsUnsubscribe(msgspec.Struct, tag="unsubscribe", tag_field="action", kw_only=True):
    """Leaves channels; it has no answer."""

    channels: ChannelNames


class AnalyticsPing(msgspec.Struct, tag="ping", tag_field="action", kw_only=True):
    """Asks for a pong."""


class RoutingDecision(msgspec.Struct, rename="camel", kw_only=True):
    """Where an order went. Each field may be missing."""

    symbol: SymbolName = ""
    side: str = ""
    volume: Number = NOTHING
    routing_decision: Annotated[str, Meta(description="ABOOK, BBOOK, …")] = ""
    lp_selected: str = ""
    execution_time_ms: Number = NOTHING
    spread: Number = NOTHING
    slippage: Number = NOTHING


class LpMetrics(msgspec.Struct, rename="camel", kw_only=True):
    """How a liquidity provider does. Each field may be missing."""

    lp_name: str = ""
    status: Annotated[str, Meta(description="connected, degraded, disconnected, …")] = ""
    avg_spread: Number = NOTHING
    execution_quality: Number = NOTHING
    latency_ms: Number = NOTHING
    quotes_per_second: Number = NOTHING
    reject_rate: Number = NOTHING
    uptime: Number = NOTHING


class Exposure(msgspec.Struct, rename="camel", kw_only=True):
    """What is at stake, in all and by symbol and provider. Each field may be missing."""

    total_exposure: Number = NOTHING
    net_exposure: Number = NOTHING
    exposure_limit: NumberOrNull = NOTHING
    utilization_pct: NumberOrNull = NOTHING
    risk_level: Annotated[str, Meta(description="normal, warning, critical; unknown without a limit")] = ""
    by_symbol: dict[str, Number] = {}
    by_lp: dict[str, Number] = msgspec.field(name="byLP", default_factory=dict)
    by_book: dict[str, Number] = {}


class RoutingDecisionUpdate(msgspec.Struct, tag="routing-decision", tag_field="type", kw_only=True):
    """An order was routed: of the channel routing-metrics."""

    timestamp: IsoTime
    data: RoutingDecision


class RoutingStatsUpdate(msgspec.Struct, tag="routing-stats", tag_field="type", kw_only=True):
    """Figures of a window of decisions, of all symbols or of one: of the channel routing-metrics."""

    timestamp: IsoTime
    data: RoutingStats


class LpMetricsUpdate(msgspec.Struct, tag="lp-metrics", tag_field="type", kw_only=True):
    """A liquidity provider's figures: of the channel lp-performance."""

    timestamp: IsoTime
    data: LpMetrics


class LpStatsUpdate(msgspec.Struct, tag="lp-stats", tag_field="type", kw_only=True):
    """Figures of a window of providers: of the channel lp-performance."""

    timestamp: IsoTime
    data: LpStats


class ExposureChange(msgspec.Struct, tag="exposure-change", tag_field="type", kw_only=True):
    """What is at stake changed: of the channel exposure-updates."""

    timestamp: IsoTime
    data: Exposure


class ExposureStatsUpdate(msgspec.Struct, tag="exposure-stats", tag_field="type", kw_only=True):
    """A minute of what was at stake: of the channel exposure-updates."""

    timestamp: IsoTime
    data: ExposureStats


class AnalyticsAlert(msgspec.Struct, tag="alert", tag_field="type", kw_only=True):
    """An alert, of the channel alerts; the event stream sends the same. Never dropped for a slow client."""

    timestamp: IsoTime
    data: AlertEvent


class AnalyticsProblem(msgspec.Struct, kw_only=True):
    """What could not be done."""

    code: ErrorCode
    message: str


class AnalyticsError(msgspec.Struct, tag="error", tag_field="type", kw_only=True):
    """Something of a message could not be done. The connection stays, and the rest of the message holds."""

    timestamp: IsoTime
    data: AnalyticsProblem


class NoData(msgspec.Struct):
    """An empty object."""


class AnalyticsPong(msgspec.Struct, tag="pong", tag_field="type", kw_only=True):
    """Answers a ping."""

    timestamp: IsoTime
    data: NoData


TIME: Final = "2026-01-01T00:00:00.123Z"
DECISION: Final = {
    "symbol": "EURUSD",
    "side": "BUY",
    "volume": 1.5,
    "routingDecision": "ABOOK",
    "lpSelected": "OANDA",
    "executionTimeMs": 12,
    "spread": 0.8,
    "slippage": 0,
}
STATS: Final = {
    "interval": "1m",
    "startTime": 1767225540000,
    "partition": 0,
    "sequence": 812,
    "revision": 0,
    "sampled": 0,
    "count": 1,
    "share": 1,
    "volume": 1.5,
    "volumeShare": 1,
    "executionTimeMs": {"mean": 12, "p50": 12.03, "p90": 12.03, "p99": 12.03, "max": 12},
    "spread": {"mean": 0.8, "p50": 0.8, "p90": 0.8, "p99": 0.8},
    "slippage": {"mean": 0, "p50": 0, "p90": 0, "p99": 0, "favourable": 0, "adverse": 0},
    "byDecision": {},
    "byLP": {},
}
METRICS: Final = {
    "lpName": "OANDA",
    "status": "connected",
    "avgSpread": 0.9,
    "executionQuality": 0.98,
    "latencyMs": 14.2,
    "quotesPerSecond": 120,
    "rejectRate": 0.01,
    "uptime": 99.9,
}
EXPOSURE: Final = {
    "totalExposure": 820000,
    "netExposure": 310000,
    "exposureLimit": 1000000,
    "utilizationPct": 82,
    "riskLevel": "warning",
    "bySymbol": {"EURUSD": 310000},
    "byLP": {"OANDA": 310000},
}
LP_STATS: Final = {
    "interval": "1m",
    "startTime": 1767225540000,
    "partition": 0,
    "sequence": 57,
    "revision": 0,
    "byLP": {"OANDA": {"status": "connected", "samples": 12, "uptime": 100, "statusChanges": 0, "rejectRate": 0.01}},
}
EXPOSURE_STATS: Final = {
    "interval": "1m",
    "startTime": 1767225540000,
    "partition": 0,
    "sequence": 912,
    "totalExposure": 820000,
    "netExposure": 310000,
    "peakExposure": 860000,
    "exposureLimit": 1000000,
    "utilizationPct": 82,
    "peakUtilizationPct": 86,
    "warningSeconds": 60,
    "criticalSeconds": 0,
}
PROBLEM: Final = {"code": "FORBIDDEN_CHANNEL", "message": "your role may not join exposure-updates"}
ALERT: Final = {"severity": "warning", "title": "Venue halted", "symbols": ["BTC/USDT"]}
ANALYTICS: Final = Channel(
    "analytics",
    "/ws/analytics",
    "Channels of figures, and alerts",
    "What comes is always an array, of up to a batch of messages. Alerts are never dropped for a connected client; of "
    "the other channels the oldest messages go where too many wait. Writers may add fields and types of their own.",
    (
        Message(AnalyticsSubscribe, ({"action": "subscribe", "channels": list(CHANNELS)},)),
        Message(AnalyticsUnsubscribe, ({"action": "unsubscribe", "channels": ["routing-metrics"]},)),
        Message(AnalyticsPing, ({"action": "ping"},)),
    ),
    (
        Message(RoutingDecisionUpdate, ({"type": "routing-decision", "timestamp": TIME, "data": DECISION},)),
        Message(RoutingStatsUpdate, ({"type": "routing-stats", "timestamp": TIME, "data": STATS},)),
        Message(LpMetricsUpdate, ({"type": "lp-metrics", "timestamp": TIME, "data": METRICS},)),
        Message(LpStatsUpdate, ({"type": "lp-stats", "timestamp": TIME, "data": LP_STATS},)),
        Message(ExposureStatsUpdate, ({"type": "exposure-stats", "timestamp": TIME, "data": EXPOSURE_STATS},)),
        Message(ExposureChange, ({"type": "exposure-change", "timestamp": TIME, "data": EXPOSURE},)),
        Message(AnalyticsAlert, ({"type": "alert", "timestamp": TIME, "data": ALERT},)),
        Message(AnalyticsError, ({"type": "error", "timestamp": TIME, "data": PROBLEM},)),
        Message(AnalyticsPong, ({"type": "pong", "timestamp": TIME, "data": {}},)),
    ),
    batched=True,
)
