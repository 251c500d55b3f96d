"""The report ``lp-scorecard``: each liquidity provider of a desk over a range, by what was routed to it and it told.

Figures of decisions count those of the report's symbols; those that a provider tells of itself know no symbols. Both
come from the minutes that start within the range. Means, shares and percentiles are those of ``/api/analytics``:
rounded once, percentiles at most 1/256 off. The desk's own decisions have the empty name.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from core.analytics.lp_messages import lp_fields
from core.analytics.routing_messages import figures_fields
from gateway.messages.values import NULL, Number, NumberOrNull
from gateway.reports.kind import Kind, Part
from gateway.reports.source import Source
from gateway.reports.visible import visible
from gateway.reports.words import Ask
from gateway.stores.desk_figures import LpCell, RoutingCell, Span
from schemas.desk import RoutingFigures

__all__ = ["LP_SCORECARD", "LpScore"]

MINUTE_US: Final = 60_000_000
PROVIDERS_MAX: Final = 10_000


class LpScore(msgspec.Struct, rename="camel"):
    """One provider. What nothing was told of is null."""

    lp_name: str
    decisions: Annotated[int, Meta(ge=0, description="Orders that went to it")]
    share: Annotated[Number, Meta(description="Of all decisions")]
    volume: Number
    volume_share: Number
    execution_mean_ms: NumberOrNull
    execution_p50_ms: NumberOrNull
    execution_p90_ms: NumberOrNull
    execution_p99_ms: NumberOrNull
    execution_max_ms: NumberOrNull
    spread_mean: Annotated[NumberOrNull, Meta(description="At the decision")]
    slippage_mean: Annotated[NumberOrNull, Meta(description="Below 0 in the client's favour")]
    slippage_p50: NumberOrNull
    slippage_p99: NumberOrNull
    favourable: Annotated[int, Meta(ge=0, description="Decisions with a slippage below 0")]
    adverse: Annotated[int, Meta(ge=0, description="Decisions with a slippage above 0")]
    samples: Annotated[int, Meta(ge=0, description="Records that it told of itself")]
    uptime: Annotated[NumberOrNull, Meta(description="Percent of the range, by status changes")]
    status_changes: Annotated[int, Meta(ge=0)]
    avg_spread: NumberOrNull
    execution_quality: NumberOrNull
    latency_mean_ms: NumberOrNull
    latency_p50_ms: NumberOrNull
    latency_p99_ms: NumberOrNull
    latency_max_ms: NumberOrNull
    quotes_per_second: NumberOrNull
    reject_rate: Annotated[NumberOrNull, Meta(description="Of quotes")]


EXAMPLE: Final = {
    "lpName": "OANDA",
    "decisions": 1204,
    "share": 0.41,
    "volume": 3301.5,
    "volumeShare": 0.38,
    "executionMeanMs": 12.5,
    "executionP50Ms": 12.03,
    "executionP90Ms": 18.05,
    "executionP99Ms": 41.1,
    "executionMaxMs": 77,
    "spreadMean": 0.8,
    "slippageMean": -0.02,
    "slippageP50": 0,
    "slippageP99": 0.4,
    "favourable": 310,
    "adverse": 290,
    "samples": 17280,
    "uptime": 99.5,
    "statusChanges": 4,
    "avgSpread": 0.9,
    "executionQuality": 0.98,
    "latencyMeanMs": 14.2,
    "latencyP50Ms": 14.1,
    "latencyP99Ms": 30.1,
    "latencyMaxMs": 88,
    "quotesPerSecond": 120,
    "rejectRate": 0.01,
}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """By name."""
    span = Span(ask.low_us, ask.high_us, 0, PROVIDERS_MAX)
    symbols = list(ask.symbols) if ask.symbols else None
    if symbols is None and "*" not in ask.access:
        symbols = await source.desk.symbols("routing", span, visible(ask))
    routed = [] if symbols == [] else await source.desk.routing(span, frozenset({"lp"}), {}, symbols)
    told = {cell.lp: cell for cell in await source.desk.lp(span, None)}
    decided = {cell.lp: cell for cell in routed}
    length_us = (ask.high_us // MINUTE_US + (-ask.low_us // MINUTE_US) + 1) * MINUTE_US
    yield Part([_score(lp, decided.get(lp), told.get(lp), length_us) for lp in sorted({*decided, *told})], 1)


def _score(lp: str, decided: RoutingCell | None, told: LpCell | None, length_us: int) -> LpScore:
    nothing = RoutingFigures()
    routed = figures_fields(decided.figures, decided.all) if decided else figures_fields(nothing, nothing)
    own = lp_fields(told.figures, length_us) if told else {}
    times, slippage, latency = routed["executionTimeMs"], routed["slippage"], own.get("latencyMs", {})

    def if_decided(number: msgspec.Raw) -> msgspec.Raw:
        return number if decided else NULL

    def if_sampled(number: msgspec.Raw | None) -> msgspec.Raw:
        return number if number is not None and own["samples"] else NULL

    return LpScore(
        lp_name=lp,
        decisions=routed["count"],
        share=routed["share"],
        volume=routed["volume"],
        volume_share=routed["volumeShare"],
        execution_mean_ms=if_decided(times["mean"]),
        execution_p50_ms=if_decided(times["p50"]),
        execution_p90_ms=if_decided(times["p90"]),
        execution_p99_ms=if_decided(times["p99"]),
        execution_max_ms=if_decided(times["max"]),
        spread_mean=if_decided(routed["spread"]["mean"]),
        slippage_mean=if_decided(slippage["mean"]),
        slippage_p50=if_decided(slippage["p50"]),
        slippage_p99=if_decided(slippage["p99"]),
        favourable=slippage["favourable"],
        adverse=slippage["adverse"],
        samples=own.get("samples", 0),
        uptime=own.get("uptime", NULL),
        status_changes=own.get("statusChanges", 0),
        avg_spread=if_sampled(own.get("avgSpread")),
        execution_quality=if_sampled(own.get("executionQuality")),
        latency_mean_ms=if_sampled(latency.get("mean")),
        latency_p50_ms=if_sampled(latency.get("p50")),
        latency_p99_ms=if_sampled(latency.get("p99")),
        latency_max_ms=if_sampled(latency.get("max")),
        quotes_per_second=if_sampled(own.get("quotesPerSecond")),
        reject_rate=if_sampled(own.get("rejectRate")),
    )


LP_SCORECARD: Final = Kind(
    name="lp-scorecard",
    row=LpScore,
    read=read,
    summary="a desk's liquidity providers over the range, one row each",
    example=EXAMPLE,
    channels=("routing-metrics", "lp-performance"),
)
