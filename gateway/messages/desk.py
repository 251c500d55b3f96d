"""Figures of a dealing desk, as data of the channels of ``/ws/analytics``: decisions, providers, exposure.

The analytics flow writes them (docs/analytics.md), and the gateway passes them on byte by byte; these structs are their
documents. Each field may be missing, as other writers may use the channels too. All numbers are raw, since the exact
encodings write every number of ``data`` as text.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.messages.values import NOTHING, Number, NumberOrNull, SymbolName

__all__ = ["ExposureStats", "LpStats", "RoutingStats"]

WindowName = Annotated[str, Meta(extra_json_schema={"enum": ["1s", "1m", "1h"]}, description="Length of the window")]


class ExecutionFigures(msgspec.Struct, kw_only=True):
    """Execution times; percentiles are at most 1/256 off."""

    mean: Number = NOTHING
    p50: Number = NOTHING
    p90: Number = NOTHING
    p99: Number = NOTHING
    max: Number = NOTHING


class SpreadFigures(msgspec.Struct, kw_only=True):
    """Spreads at the decision."""

    mean: Number = NOTHING
    p50: Number = NOTHING
    p90: Number = NOTHING
    p99: Number = NOTHING


class SlippageFigures(msgspec.Struct, kw_only=True):
    """Slippages, below 0 in the client's favour."""

    mean: Number = NOTHING
    p50: Number = NOTHING
    p90: Number = NOTHING
    p99: Number = NOTHING
    favourable: Number = NOTHING
    adverse: Number = NOTHING


class RoutingFigures(msgspec.Struct, rename="camel", kw_only=True):
    """Of some decisions of a window."""

    count: Number = NOTHING
    share: Number = NOTHING
    volume: Number = NOTHING
    volume_share: Number = NOTHING
    execution_time_ms: ExecutionFigures | None = None
    spread: SpreadFigures | None = None
    slippage: SlippageFigures | None = None


class RoutingStats(RoutingFigures, rename="camel", kw_only=True):
    """Of a window, in all, by decision and by provider.

    sequence: of its last decision. revision: decisions that came after its end. sampled: those that didn't go out
    one by one.
    """

    interval: WindowName = ""
    start_time: Number = NOTHING
    partition: Number = NOTHING
    sequence: Number = NOTHING
    revision: Number = NOTHING
    sampled: Number = NOTHING
    symbol: Annotated[SymbolName, Meta(description="Whose figures these are; without it all symbols'")] = ""
    by_decision: dict[str, RoutingFigures] = {}
    by_lp: dict[str, RoutingFigures] = msgspec.field(name="byLP", default_factory=dict)


class LatencyFigures(ExecutionFigures, kw_only=True):
    """Latencies; percentiles are at most 1/256 off."""


class SpreadPercentiles(msgspec.Struct, kw_only=True):
    """Of the spreads of records."""

    p50: Number = NOTHING
    p90: Number = NOTHING
    p99: Number = NOTHING


class LpFigures(msgspec.Struct, rename="camel", kw_only=True):
    """Of a provider's records in a window. uptime: percent of the window. rejectRate: of quotes."""

    status: Annotated[str, Meta(description="Of the last record in the window; nothing where there is none")] = ""
    samples: Number = NOTHING
    uptime: Number = NOTHING
    status_changes: Number = NOTHING
    avg_spread: Number = NOTHING
    spread: SpreadPercentiles | None = None
    execution_quality: Number = NOTHING
    latency_ms: LatencyFigures | None = None
    quotes_per_second: Number = NOTHING
    reject_rate: Number = NOTHING


class LpStats(msgspec.Struct, rename="camel", kw_only=True):
    """A window of all providers."""

    interval: WindowName = ""
    start_time: Number = NOTHING
    partition: Number = NOTHING
    sequence: Number = NOTHING
    revision: Number = NOTHING
    by_lp: dict[str, LpFigures] = msgspec.field(name="byLP", default_factory=dict)


class ExposureStats(msgspec.Struct, rename="camel", kw_only=True):
    """A minute of exposure, as it was when the minute ended, and its peaks."""

    interval: WindowName = ""
    start_time: Number = NOTHING
    partition: Number = NOTHING
    sequence: Number = NOTHING
    total_exposure: Number = NOTHING
    net_exposure: Number = NOTHING
    peak_exposure: Number = NOTHING
    exposure_limit: NumberOrNull = NOTHING
    utilization_pct: NumberOrNull = NOTHING
    peak_utilization_pct: NumberOrNull = NOTHING
    warning_seconds: Number = NOTHING
    critical_seconds: Number = NOTHING
