"""The shapes of a dealing desk over REST: what is asked of its figures and alerts, and what is answered.

OpenAPI is made from them, as from those of gateway.rest.words. Figures have the words of the channels' messages
(gateway.messages.desk), and say of which window and names they are; all of them always come. Numbers are raw JSON and
keep their digits.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.messages.values import Milliseconds, Number, NumberOrNull, SymbolName
from gateway.rest.words import RangeQuery

__all__ = [
    "AlertAnswer",
    "AlertsQuery",
    "ExposureQuery",
    "ExposureWindow",
    "LpQuery",
    "LpWindow",
    "RoutingQuery",
    "RoutingWindow",
]

WindowName = Annotated[
    Literal["1m", "1h", "1d", "range"],
    Meta(
        title="DeskWindow",
        description="Length of the windows, aligned to UTC; range: all from startTime to endTime as one, both of which "
        "are to be given then",
    ),
]
Scope = Annotated[
    Literal["total", "symbol", "lp", "book"], Meta(title="ExposureScope", description="What each row is of")
]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Cursor = Annotated[str, Meta(min_length=1, max_length=512, description="X-Next-Cursor of the page before")] | None
Count = Annotated[int, Meta(ge=0)]
Partition = Annotated[int, Meta(ge=0, description="Of the topic: figures are of each")]


class WindowsQuery(RangeQuery):
    """Windows that start within a range of time."""

    window: WindowName = "1m"
    cursor: Cursor = None


SomeOf = Annotated[str, Meta(min_length=1, max_length=256, description="Only these; several with commas")] | None
States = (
    Annotated[
        str,
        Meta(
            min_length=1,
            max_length=256,
            description="Only those that are now open, acknowledged or resolved; several with commas",
        ),
    ]
    | None
)


class AlertsQuery(RangeQuery):
    """Alerts by when they were opened, and by what they are."""

    severity: SomeOf = None
    category: SomeOf = None
    source: SomeOf = None
    state: States = None
    cursor: Cursor = None


class RoutingQuery(WindowsQuery):
    by: Annotated[
        str,
        Meta(
            max_length=64,
            description="What each row is of: symbol, lp, decision, or several with commas; left out: all decisions "
            "of the window",
        ),
    ] = ""
    symbol: Annotated[SymbolName, Meta(description="Only decisions of this symbol")] | None = None
    lp: Annotated[str, Meta(max_length=64, description="Only of this provider; empty: the desk's own")] | None = None
    decision: Annotated[Name, Meta(description="Only these: ABOOK, BBOOK, …")] | None = None


class LpQuery(WindowsQuery):
    lp: Annotated[Name, Meta(description="Only this provider")] | None = None


class ExposureQuery(WindowsQuery):
    by: Scope = "total"
    name: Annotated[Name, Meta(description="Only this symbol, provider or book")] | None = None


class WindowPercentiles(msgspec.Struct):
    """At most 1/256 off."""

    p50: Number
    p90: Number
    p99: Number


class WindowTimes(WindowPercentiles):
    """Milliseconds. ``max`` is exact."""

    mean: Number
    max: Number


class WindowSpreads(WindowPercentiles):
    mean: Number


class WindowSlippages(WindowPercentiles):
    """Below 0 in the client's favour."""

    mean: Number
    favourable: Annotated[int, Meta(ge=0, description="Decisions with a slippage below 0")]
    adverse: Annotated[int, Meta(ge=0, description="Decisions with a slippage above 0")]


class RoutingWindow(msgspec.Struct, rename="camel", kw_only=True):
    """Decisions of a window. share and volumeShare: of all that the question's filters leave in the window."""

    window: WindowName
    start_time: Milliseconds
    symbol: Annotated[SymbolName | None, Meta(description="Null unless rows are by symbol")]
    lp_selected: Annotated[str | None, Meta(description="Null unless rows are by lp")]
    routing_decision: Annotated[str | None, Meta(description="Null unless rows are by decision")]
    count: Count
    share: Number
    volume: Number
    volume_share: Number
    execution_time_ms: WindowTimes
    spread: WindowSpreads
    slippage: WindowSlippages


class LpWindow(msgspec.Struct, rename="camel", kw_only=True):
    """A provider in a window."""

    window: WindowName
    start_time: Milliseconds
    lp_name: str
    partition: Partition
    status: Annotated[str, Meta(description="Of the last record in the window; empty where there is none")]
    samples: Annotated[Count, Meta(description="Records in the window")]
    uptime: Annotated[Number, Meta(description="Percent of the window")]
    status_changes: Count
    avg_spread: Number
    spread: WindowPercentiles
    execution_quality: Number
    latency_ms: WindowTimes
    quotes_per_second: Number
    reject_rate: Annotated[Number, Meta(description="Of quotes")]


class ExposureWindow(msgspec.Struct, rename="camel", kw_only=True):
    """Exposure as it was at the end of a window's last minute in which a record came, and its peaks.

    The limit is that of the gross total. How long levels were held is told of minutes alone, and a price of symbols.
    """

    window: WindowName
    start_time: Milliseconds
    by: Scope
    name: Annotated[str, Meta(description="Symbol, provider or book; empty of the total")]
    partition: Partition
    total_exposure: Annotated[Number, Meta(description="Gross")]
    net_exposure: Number
    peak_exposure: Annotated[Number, Meta(description="Greatest gross")]
    exposure_limit: NumberOrNull
    utilization_pct: NumberOrNull
    peak_utilization_pct: NumberOrNull
    warning_seconds: NumberOrNull
    critical_seconds: NumberOrNull
    price: Annotated[NumberOrNull, Meta(description="The last one of trades then")]
    market_value: Annotated[NumberOrNull, Meta(description="netExposure times price")]


class AlertAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """An alert as it was opened, and its state: that only rises, from open to acknowledged to resolved."""

    id: str
    timestamp: Annotated[Milliseconds, Meta(description="When it was opened")]
    severity: str
    category: str
    title: str
    message: str
    source: str
    action_items: list[str]
    state: Annotated[Literal["open", "acknowledged", "resolved"], Meta(title="AlertState")]
    state_since: Milliseconds
    state_by: Annotated[str, Meta(description="Who acknowledged it, or what resolved it; empty while it is open")]
