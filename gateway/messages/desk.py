"""Figures of a dealing desk, as data of the channels of ``/ws/analytics``: windows of routing decisions.

The analytics flow writes them (docs/analytics.md), and the gateway passes them on byte by byte; these structs are their
documents. Each field may be missing, as other writers may use the channels too.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.messages.values import NOTHING, Milliseconds, Number, SymbolName

__all__ = ["RoutingStats"]

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
    favourable: int = 0
    adverse: int = 0


class RoutingFigures(msgspec.Struct, rename="camel", kw_only=True):
    """Of some decisions of a window."""

    count: int = 0
    share: Number = NOTHING
    volume: Number = NOTHING
    volume_share: Number = NOTHING
    execution_time_ms: ExecutionFigures | None = None
    spread: SpreadFigures | None = None
    slippage: SlippageFigures | None = None


class RoutingStats(RoutingFigures, rename="camel", kw_only=True):
    """Of a window, in all, by decision and by provider."""

    interval: WindowName = ""
    start_time: Milliseconds = 0
    partition: int = 0
    sequence: Annotated[int, Meta(ge=0, description="Of the last decision in it")] = 0
    revision: Annotated[int, Meta(ge=0, description="Decisions that came after its end")] = 0
    sampled: Annotated[int, Meta(ge=0, description="Decisions that didn't go out one by one")] = 0
    symbol: Annotated[SymbolName, Meta(description="Whose figures these are; without it all symbols'")] = ""
    by_decision: dict[str, RoutingFigures] = {}
    by_lp: dict[str, RoutingFigures] = msgspec.field(name="byLP", default_factory=dict)
