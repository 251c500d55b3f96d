"""Messages of ``/ws/prices``: a snapshot of each symbol, then the fields that changed.

Snapshots and deltas are written by the flow (sinks.redis.json) and passed on byte by byte, so their structs here only
describe them. The others are encoded by the dialect.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from gateway.messages.channel import Channel, Message
from gateway.messages.errors import ErrorCode
from gateway.messages.values import (
    NOTHING,
    Milliseconds,
    Number,
    NumberOrNull,
    QuoteSequence,
    Sequence,
    SymbolName,
    SymbolNames,
    WatchlistIds,
)

__all__ = [
    "PRICES",
    "PriceDelta",
    "PriceSnapshot",
    "PricesError",
    "PricesPing",
    "PricesPong",
    "PricesSubscribe",
    "PricesUnsubscribe",
    "PricesWatchlist",
]


class PricesSubscribe(msgspec.Struct, tag="subscribe", tag_field="type", rename="camel", kw_only=True):
    """Asks for symbols: a snapshot of each comes first, or with ``since`` the deltas that were missed."""

    symbols: Annotated[SymbolNames, Meta(description="Needed where no watchlist is named")] = []
    watchlists: Annotated[
        WatchlistIds, Meta(description="Ids of the user's watchlists; their symbols come, and follow every edit")
    ] = []
    timeframe: Literal["real-time"] = "real-time"
    include_depth: Annotated[bool, Meta(description="Bid and ask are sent anyway")] = False
    since: Annotated[
        int | dict[str, int] | None,
        Meta(description="The last sequence received, of all the symbols or by symbol: what came after is sent"),
    ] = None


class PricesUnsubscribe(msgspec.Struct, tag="unsubscribe", tag_field="type", kw_only=True):
    """Ends subscriptions; it has no answer."""

    symbols: SymbolNames = []
    watchlists: WatchlistIds = []


class PricesPing(msgspec.Struct, tag="ping", tag_field="type", kw_only=True):
    """Asks for a pong."""


class PriceSnapshot(msgspec.Struct, tag="snapshot", tag_field="type", rename="camel", kw_only=True):
    """A symbol's whole ticker. Volume, open, high and low are those of the UTC day; what is not known is null. What
    begins at bidSize is there where the symbol has quotes."""

    symbol: SymbolName
    price: Number
    bid: NumberOrNull
    ask: NumberOrNull
    volume: Number
    open: Number
    high: Number
    low: Number
    previous_close: NumberOrNull
    change: NumberOrNull
    change_percent: NumberOrNull
    timestamp: Milliseconds
    sequence: Sequence
    exchange: str
    bid_size: NumberOrNull = NOTHING
    ask_size: NumberOrNull = NOTHING
    mid: NumberOrNull = NOTHING
    spread: NumberOrNull = NOTHING
    quote_timestamp: Annotated[Milliseconds, Meta(description="Of the bid and ask, in ms since the epoch")] = 0
    quote_sequence: QuoteSequence = 0


class PriceDelta(msgspec.Struct, tag="delta", tag_field="type", rename="camel", kw_only=True):
    """The fields of a ticker that changed. It applies to the state whose sequence is ``previous``, to no other. Where
    only the bid and ask of a quote changed, ``sequence`` is ``previous``."""

    symbol: SymbolName
    price: Number = NOTHING
    bid: Number = NOTHING
    ask: Number = NOTHING
    volume: Number = NOTHING
    open: Number = NOTHING
    high: Number = NOTHING
    low: Number = NOTHING
    previous_close: Number = NOTHING
    change: Number = NOTHING
    change_percent: Number = NOTHING
    exchange: str = ""
    timestamp: Milliseconds
    sequence: Sequence
    previous: Annotated[int, Meta(ge=0, description="The sequence that this applies to")]
    bid_size: NumberOrNull = NOTHING
    ask_size: NumberOrNull = NOTHING
    mid: NumberOrNull = NOTHING
    spread: NumberOrNull = NOTHING
    quote_timestamp: Annotated[Milliseconds, Meta(description="Of the bid and ask, in ms since the epoch")] = 0
    quote_sequence: QuoteSequence = 0


class PricesWatchlist(msgspec.Struct, tag="watchlist", tag_field="type", kw_only=True):
    """What a watchlist that the connection follows holds: when it was asked for, and after each edit."""

    id: str
    name: str
    symbols: list[SymbolName]
    deleted: Annotated[bool, Meta(description="The list is gone, and its symbols with it")] = False
    timestamp: Milliseconds


class PricesError(msgspec.Struct, tag="error", tag_field="type", kw_only=True):
    """Something of a message could not be done. The connection stays, and the rest of the message holds."""

    code: ErrorCode
    message: str
    timestamp: Milliseconds


class PricesPong(msgspec.Struct, tag="pong", tag_field="type", kw_only=True):
    """Answers a ping."""

    timestamp: Milliseconds


PRICES: Final = Channel(
    "prices",
    "/ws/prices",
    "A snapshot of each symbol, then the fields that changed",
    "Keep one state per symbol: a snapshot replaces it, a delta changes the fields it names. After a reconnect "
    "subscribe with since, and go on with the state you have: the missed deltas come, or a snapshot where they are not "
    "held any more. A client that reads slowly gets newer states less often, never a delta that doesn't apply.",
    (
        Message(
            PricesSubscribe,
            (
                {"type": "subscribe", "symbols": ["AAPL", "BTC/USDT"]},
                {"type": "subscribe", "symbols": "AAPL", "timeframe": "real-time", "includeDepth": True},
                {"type": "subscribe", "symbols": ["AAPL", "BTC/USDT"], "since": {"AAPL": 184467}},
                {"type": "subscribe", "symbols": ["AAPL"], "since": 184467},
                {"type": "subscribe", "watchlists": ["0b6c1d3e9f3a4a5c"]},
            ),
        ),
        Message(PricesUnsubscribe, ({"type": "unsubscribe", "symbols": ["AAPL"]},)),
        Message(PricesPing, ({"type": "ping"},)),
    ),
    (
        Message(
            PriceSnapshot,
            (
                {
                    "type": "snapshot",
                    "symbol": "AAPL",
                    "price": 187.42,
                    "bid": 187.41,
                    "ask": 187.43,
                    "volume": 1520,
                    "open": 186.9,
                    "high": 188,
                    "low": 186.5,
                    "previousClose": 186.2,
                    "change": 1.22,
                    "changePercent": 0.6552,
                    "timestamp": 1767225600123,
                    "sequence": 184467,
                    "exchange": "XNAS",
                },
            ),
        ),
        Message(
            PriceDelta,
            (
                {
                    "type": "delta",
                    "symbol": "AAPL",
                    "price": 187.5,
                    "volume": 1530,
                    "change": 1.3,
                    "changePercent": 0.6982,
                    "timestamp": 1767225600223,
                    "sequence": 184470,
                    "previous": 184467,
                },
                {
                    "type": "delta",
                    "symbol": "AAPL",
                    "bid": 187.49,
                    "bidSize": 300,
                    "mid": 187.5,
                    "spread": 0.02,
                    "quoteTimestamp": 1767225600301,
                    "quoteSequence": 99120,
                    "timestamp": 1767225600223,
                    "sequence": 184470,
                    "previous": 184470,
                },
            ),
        ),
        Message(
            PricesWatchlist,
            (
                {
                    "type": "watchlist",
                    "id": "0b6c1d3e9f3a4a5c",
                    "name": "Majors",
                    "symbols": ["AAPL", "BTC/USDT"],
                    "deleted": False,
                    "timestamp": 1767225600123,
                },
            ),
        ),
        Message(
            PricesError,
            (
                {
                    "type": "error",
                    "code": "INVALID_SYMBOL",
                    "message": "NEW has not traded yet; its first trade will be sent",
                    "timestamp": 1767225600123,
                },
            ),
        ),
        Message(PricesPong, ({"type": "pong", "timestamp": 1767225600123},)),
    ),
)
