"""The shapes of REST: what is asked and what is answered, from which OpenAPI is made too.

Handlers convert queries into the Query structs and encode the answer structs; openapi.py describes the same structs. A
number is passed on as the digits it came with (``Number`` is raw JSON), never through a binary float. Unknown fields of
a query or a body are refused.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.messages.values import (
    MS_MAX,
    NOTHING,
    Milliseconds,
    Number,
    NumberOrNull,
    QuoteSequence,
    Sequence,
    SymbolName,
)
from schemas.intervals import INTERVALS

__all__ = [
    "BarAnswer",
    "HistoricalQuery",
    "MarketAnswer",
    "NoQuery",
    "OhlcQuery",
    "PriceAnswer",
    "PricesQuery",
    "QuoteBarAnswer",
    "RangeQuery",
    "SpreadAnswer",
    "StatsAnswer",
    "StatsQuery",
    "SymbolsQuery",
    "TradeAnswer",
    "TradesQuery",
    "Watchlist",
    "WatchlistBody",
]

RangeStart = (
    Annotated[
        int,
        Meta(
            ge=0,
            description="At or after this: milliseconds since the epoch; of bars, their start",
            extra_json_schema={"maximum": MS_MAX},
        ),
    ]
    | None
)
RangeEnd = (
    Annotated[
        int,
        Meta(
            ge=0,
            description="At or before this: milliseconds since the epoch; of bars, their start",
            extra_json_schema={"maximum": MS_MAX},
        ),
    ]
    | None
)
Offset = Annotated[int, Meta(ge=0, le=10_000, description="Trades to pass over; cursor is cheaper")]
Cursor = Annotated[str, Meta(min_length=1, max_length=128, description="X-Next-Cursor of the page before")] | None
Timeframe = Annotated[
    str,
    Meta(
        title="Timeframe",
        description="Bar length; 1d and 1w are taken as 1D and 1W",
        extra_json_schema={"enum": [*(each.name for each in INTERVALS), "1d", "1w"]},
    ),
]


Period = Annotated[
    Literal["1h", "1d", "1w", "1m", "ytd", "all"],
    Meta(title="Period", description="The last hour, day, 7 days, 30 days; since the year began (UTC); everything"),
]


class Query(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Base of queries; ``token`` stands in for the Authorization header where a client cannot set one."""


class NoQuery(Query):
    pass


class PricesQuery(Query):
    symbols: Annotated[str, Meta(min_length=1, max_length=33_000, description="Up to 500 symbols, with commas")]


class RangeQuery(Query):
    """A range of time, and which end of it comes first; time_range.py reads it."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="Most items")] = 100
    start_time: RangeStart = None
    end_time: RangeEnd = None
    order: Annotated[
        Literal["asc", "desc"],
        Meta(
            description="desc: newest first. asc: oldest first, and with startTime the first ones from there on; "
            "without it the newest ones all the same"
        ),
    ] = "desc"


class OhlcQuery(RangeQuery):
    timeframe: Timeframe = "1m"


class TradesQuery(RangeQuery):
    offset: Offset = 0
    cursor: Cursor = None


class HistoricalQuery(RangeQuery):
    kind: Annotated[Literal["ohlc", "trades"], Meta(description="What to answer: as /api/ohlc or as /api/trades")] = (
        "ohlc"
    )
    timeframe: Annotated[Timeframe, Meta(description="Of kind ohlc: bar length; 1m if left out")] | None = None
    offset: Offset = 0
    cursor: Cursor = None


class StatsQuery(Query):
    period: Period = "1d"


class SymbolsQuery(Query):
    limit: Annotated[int, Meta(ge=1, le=10_000, description="Most symbols")] = 1000
    offset: Annotated[int, Meta(ge=0, le=10_000_000, description="Symbols to pass over")] = 0


class PriceAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """The last price. ``volume``, ``open``, ``high`` and ``low`` are of the current UTC day; what begins at ``bidSize``
    is null where the symbol has no quotes."""

    symbol: SymbolName
    price: Number
    bid: NumberOrNull = NOTHING
    ask: NumberOrNull = NOTHING
    volume: NumberOrNull = NOTHING
    open: NumberOrNull = NOTHING
    high: NumberOrNull = NOTHING
    low: NumberOrNull = NOTHING
    previous_close: NumberOrNull = NOTHING
    change: NumberOrNull = NOTHING
    change_percent: NumberOrNull = NOTHING
    timestamp: Milliseconds
    sequence: Sequence
    exchange: str = ""
    stale: Annotated[bool, Meta(description="The source is down and this is the last that is known")] = False
    bid_size: NumberOrNull = NOTHING
    ask_size: NumberOrNull = NOTHING
    mid: NumberOrNull = NOTHING
    spread: NumberOrNull = NOTHING
    quote_timestamp: Milliseconds | None = None
    quote_sequence: QuoteSequence | None = None


class SpreadAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """Spreads of a bar. Mean and percentiles are by the time for which spreads held; null where none did."""

    mean: NumberOrNull = NOTHING
    min: Number
    max: Number
    p50: NumberOrNull = NOTHING
    p90: NumberOrNull = NOTHING
    p99: NumberOrNull = NOTHING


class QuoteBarAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """Bid and ask of an interval. Crossed quotes (bid above ask) are in all but ``spread`` and ``mid``."""

    symbol: SymbolName
    time: Milliseconds
    bid_open: Number
    bid_high: Number
    bid_low: Number
    bid_close: Number
    ask_open: Number
    ask_high: Number
    ask_low: Number
    ask_close: Number
    mid: Annotated[NumberOrNull, Meta(description="Of the last quote; null where it is crossed")]
    quote_count: int
    crossed_count: int
    spread: Annotated[SpreadAnswer | None, Meta(description="Null where every quote is crossed")]
    quoted_ms: Annotated[Number, Meta(description="For how long quotes held that weren't crossed")]
    crossed_ms: Annotated[Number, Meta(description="For how long crossed ones did")]
    sequence: QuoteSequence


class MarketAnswer(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """A symbol in the list of all: its ticker in brief. ``volume`` is of the current UTC day."""

    symbol: SymbolName
    price: Number
    change_percent: NumberOrNull = NOTHING
    volume: NumberOrNull = NOTHING
    timestamp: Milliseconds
    sequence: Sequence
    exchange: str = ""


class BarAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """One bar. ``final`` is false for the live bar; a final bar may come again with a higher revision."""

    symbol: SymbolName
    time: Annotated[int, Meta(ge=0, description="Start of the bar, milliseconds since the epoch, UTC")]
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    quote_volume: Number
    vwap: NumberOrNull = NOTHING
    trade_count: int
    final: bool
    revision: int
    sequence: Sequence


class TradeAnswer(msgspec.Struct, rename="camel", kw_only=True):
    symbol: SymbolName
    price: Number
    volume: Number
    side: Literal["BUY", "SELL", "UNKNOWN"]
    timestamp: Milliseconds
    sequence: Sequence
    trade_id: str
    exchange: str


class StatsAnswer(msgspec.Struct, rename="camel", kw_only=True):
    """Exact figures over [startTime, endTime]. All prices are null where no trade fell into the period."""

    symbol: SymbolName
    period: Period
    open: NumberOrNull
    high: NumberOrNull
    low: NumberOrNull
    close: NumberOrNull
    volume: Number
    avg_price: Annotated[NumberOrNull, Meta(description="VWAP at scale 10, half-even")] = NOTHING
    tick_count: Annotated[int, Meta(description="Trades, those of size 0 included, as bars count them")]
    trades: Annotated[int, Meta(description="Trades that moved a size above 0")]
    volatility: Annotated[NumberOrNull, Meta(description="Population standard deviation of prices, scale 10")] = NOTHING
    start_time: Milliseconds
    end_time: Milliseconds
    stale: bool = False


class WatchlistBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What a user writes: a name and symbols in the user's order."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    symbols: Annotated[list[SymbolName], Meta(max_length=500)] = []


class Watchlist(msgspec.Struct, rename="camel"):
    id: str
    name: str
    symbols: list[SymbolName]
    created_at: Milliseconds
    updated_at: Milliseconds
