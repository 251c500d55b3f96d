"""``/api/analytics``: a dealing desk's routing, providers and exposure by windows, from the minutes in ClickHouse.

What a channel of ``/ws/analytics`` says live, over any range: the same words, rounding and rights. Whoever may join the
channel may read its figures, and of symbols only what the token allows. Windows of a minute are rows of ClickHouse,
longer ones are added up from them exactly; a window that isn't over holds the minutes that are. Pages go on by cursors.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from core.analytics.exposure_book import Total
from core.analytics.exposure_messages import seconds, total_fields, value_fields
from core.analytics.lp_messages import lp_fields
from core.analytics.routing_messages import figures_fields
from gateway.rest.desk_words import ExposureQuery, ExposureWindow, LpQuery, LpWindow, RoutingQuery, RoutingWindow
from gateway.rest.endpoint import Call, Operation, check_symbol
from gateway.rest.errors import bad_request, forbidden
from gateway.rest.limits import Limiter
from gateway.rest.paging import next_page, place_of, read_place
from gateway.rest.reply import Reply, etag_of
from gateway.rest.time_range import read_range
from gateway.stores.desk_figures import COLUMN_OF, DeskFigures, ExposureCell, LpCell, RoutingCell, Span

__all__ = ["Desk", "check_channel"]

MINUTE_US: Final = 60_000_000
LENGTHS_US: Final = {"1m": MINUTE_US, "1h": 60 * MINUTE_US, "1d": 1440 * MINUTE_US, "range": 0}
Whole = Annotated[int, Meta(ge=0, lt=1 << 62)]
RoutingPlace = tuple[Whole, str, str, str]
NamedPlace = tuple[Whole, str, Whole]
ROUTING_EXAMPLE: Final = {
    "window": "1h",
    "startTime": 1767225600000,
    "symbol": None,
    "lpSelected": "OANDA",
    "routingDecision": None,
    "count": 2,
    "share": 0.25,
    "volume": 3,
    "volumeShare": 0.2,
    "executionTimeMs": {"mean": 12.5, "p50": 12.03, "p90": 13.03, "p99": 13.03, "max": 13},
    "spread": {"mean": 0.8, "p50": 0.8, "p90": 0.8, "p99": 0.8},
    "slippage": {"mean": -0.1, "p50": -0.1, "p90": -0.1, "p99": -0.1, "favourable": 2, "adverse": 0},
}
LP_EXAMPLE: Final = {
    "window": "1h",
    "startTime": 1767225600000,
    "lpName": "OANDA",
    "partition": 0,
    "status": "connected",
    "samples": 720,
    "uptime": 99.5,
    "statusChanges": 2,
    "avgSpread": 0.9,
    "spread": {"p50": 0.9, "p90": 1.1, "p99": 1.3},
    "executionQuality": 0.98,
    "latencyMs": {"mean": 14.2, "p50": 14.1, "p90": 18.2, "p99": 30.1, "max": 41},
    "quotesPerSecond": 120,
    "rejectRate": 0.01,
}
EXPOSURE_EXAMPLE: Final = {
    "window": "1m",
    "startTime": 1767225600000,
    "by": "total",
    "name": "",
    "partition": 0,
    "totalExposure": 820000,
    "netExposure": 310000,
    "peakExposure": 860000,
    "exposureLimit": 1000000,
    "utilizationPct": 82,
    "peakUtilizationPct": 86,
    "warningSeconds": 60,
    "criticalSeconds": 0,
    "price": None,
    "marketValue": None,
}


class Desk:
    """Handlers of a desk's figures."""

    def __init__(self, figures: DeskFigures, limiter: Limiter) -> None:
        self._figures = figures
        self._limiter = limiter

    def operations(self) -> tuple[Operation, ...]:
        def listed(name: str, handler: Any, row: Any, query: Any, example: Any, summary: str, words: str) -> Operation:
            return Operation(
                "GET", f"/api/analytics/{name.lower()}", handler, f"get{name}Windows", "analytics", summary,
                list[row], query=query, example=[example], headers=("X-Next-Cursor", "Link"), tagged=True, watched=True,
                description=f"{words} Newest first, or by order=asc oldest first; in a window by name. A full page has "
                "the headers X-Next-Cursor and Link.",
            )  # fmt: skip

        return (
            listed(
                "Routing", self.routing, RoutingWindow, RoutingQuery, ROUTING_EXAMPLE, "Decisions by windows",
                "Counts, volumes, shares, execution times, spreads and slippages, over the symbols that the token "
                "allows. Percentiles are at most 1/256 off.",
            ),
            listed(
                "Lp", self.lp, LpWindow, LpQuery, LP_EXAMPLE, "Liquidity providers by windows",
                "Spreads, quality, latencies, reject rates, and uptime by status changes.",
            ),
            listed(
                "Exposure", self.exposure, ExposureWindow, ExposureQuery, EXPOSURE_EXAMPLE, "Exposure by windows",
                "Windows in which a record came: totals as they were then, and peaks. By symbol: those that the token "
                "allows.",
            ),
        )  # fmt: skip

    async def routing(self, call: Call) -> Reply:
        check_channel(call, "routing-metrics")
        query: RoutingQuery = call.query
        by = frozenset(query.by.split(",")) if query.by else frozenset()
        if by - COLUMN_OF.keys():
            raise bad_request(f"Rows are by {', '.join(COLUMN_OF)}, or several with commas", parameter="by")
        if query.symbol is not None:
            check_symbol(query.symbol, call.principal)
        asked = {"symbol": query.symbol, "lp": query.lp, "decision": query.decision}
        wanted = {name: value for name, value in asked.items() if value is not None}
        span = _span(query, RoutingPlace)
        async with self._limiter.history(call.client):
            symbols = None if query.symbol is not None else await self._visible(call, "routing", span)
            cells = [] if symbols == [] else await self._figures.routing(span, by, wanted, symbols)
        return _page(call, cells, lambda cell: (cell.symbol, cell.lp, cell.decision), _routing_row)

    async def lp(self, call: Call) -> Reply:
        check_channel(call, "lp-performance")
        async with self._limiter.history(call.client):
            cells = await self._figures.lp(_span(call.query, NamedPlace), call.query.lp)
        return _page(call, cells, lambda cell: (cell.lp, cell.partition), _lp_row)

    async def exposure(self, call: Call) -> Reply:
        check_channel(call, "exposure-updates")
        query: ExposureQuery = call.query
        if query.by == "symbol" and query.name is not None:
            check_symbol(query.name, call.principal)
        span = _span(query, NamedPlace)
        async with self._limiter.history(call.client):
            is_narrow = query.by == "symbol" and query.name is None
            symbols = await self._visible(call, "exposure", span) if is_narrow else None
            cells = [] if symbols == [] else await self._figures.exposure(span, query.by, query.name, symbols)
            prices = await self._figures.prices(cells) if query.by == "symbol" else [None] * len(cells)
        price_of = dict(zip(cells, prices, strict=True))

        def row_of(asked: ExposureQuery, cell: ExposureCell) -> dict[str, Any]:
            return _exposure_row(asked, cell) | value_fields(cell.net, price_of[cell])

        return _page(call, cells, lambda cell: (cell.name, cell.partition), row_of)

    async def _visible(self, call: Call, kind: str, span: Span) -> list[str] | None:
        """Symbols of the span that the token allows; None for all."""
        if "*" in call.principal.symbols:
            return None
        return await self._figures.symbols(kind, span, call.principal.may_see)


def check_channel(call: Call, channel: str) -> None:
    """Raises ApiError where the role may not join a channel, as it may not read its past then."""
    if not call.principal.may_join(channel):
        raise forbidden(f"The token's role may not join {channel}", channel=channel)


def _span(query: Any, place: Any) -> Span:
    """Raises ApiError where the range isn't one."""
    low_ms, high_ms, forward = read_range(query)
    if query.window == "range" and (query.start_time is None or query.end_time is None):
        raise bad_request("The window range goes from startTime to endTime: give both", parameter="window")
    length_us = LENGTHS_US[query.window]
    return Span(low_ms * 1000, high_ms * 1000 + 999, length_us, query.limit, forward, read_place(query.cursor, place))


def _page(
    call: Call,
    cells: list[Any],
    names_of: Callable[[Any], tuple[Any, ...]],
    row_of: Callable[[Any, Any], dict[str, Any]],
) -> Reply:
    """Rows of the cells, each with its window, and the way to the next page behind a full one."""
    query = call.query
    headers = []
    if len(cells) == query.limit:
        headers = next_page(call, place_of(cells[-1].at_us, *names_of(cells[-1])))
    if query.order == "asc" and query.start_time is None:
        cells = sorted(cells, key=lambda cell: (cell.at_us, *names_of(cell)))
    whole_ms = query.start_time if query.window == "range" else None
    rows = [
        {
            "window": query.window,
            "startTime": cell.at_us // 1000 if whole_ms is None else whole_ms,
            **row_of(query, cell),
        }
        for cell in cells
    ]
    body = msgspec.json.encode(rows)
    return Reply(body, etag=etag_of(body), headers=headers)


def _routing_row(query: RoutingQuery, cell: RoutingCell) -> dict[str, Any]:
    by = query.by.split(",")
    return {
        "symbol": cell.symbol if "symbol" in by else None,
        "lpSelected": cell.lp if "lp" in by else None,
        "routingDecision": cell.decision if "decision" in by else None,
        **figures_fields(cell.figures, cell.all),
    }


def _lp_row(query: LpQuery, cell: LpCell) -> dict[str, Any]:
    length_us = LENGTHS_US[query.window]
    if not length_us:
        assert query.start_time is not None
        assert query.end_time is not None
        first, last = -(-query.start_time * 1000 // MINUTE_US), query.end_time * 1000 // MINUTE_US
        length_us = (last - first + 1) * MINUTE_US
    return {"lpName": cell.lp, "partition": cell.partition, **lp_fields(cell.figures, length_us)}


def _exposure_row(query: ExposureQuery, cell: ExposureCell) -> dict[str, Any]:
    is_minute = query.window == "1m"
    return {
        "by": query.by,
        "name": cell.name,
        "partition": cell.partition,
        **total_fields(Total(cell.net, cell.gross, cell.peak), cell.limit),
        "warningSeconds": seconds(cell.warning_us) if is_minute else None,
        "criticalSeconds": seconds(cell.critical_us) if is_minute else None,
    }
