"""Messages of ``/ws/quotes``: the whole ticker at every change, with ISO 8601 times.

The dialect makes a Quote of the fields that the flow wrote, digit by digit, once for all clients; PriceUpdate and
BatchUpdate describe what it is put into. The others are encoded by the dialect.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from gateway.messages.channel import Channel, Message
from gateway.messages.errors import ErrorCode
from gateway.messages.values import NOTHING, IsoTime, Number, NumberOrNull, SymbolName, SymbolNames, WatchlistIds

__all__ = [
    "BATCH_MAX",
    "QUOTES",
    "BatchUpdate",
    "PriceUpdate",
    "Quote",
    "QuotesConnected",
    "QuotesError",
    "QuotesPing",
    "QuotesPong",
    "QuotesSubscribe",
    "QuotesUnsubscribe",
    "QuotesWatchlist",
    "SymbolQuote",
]

BATCH_MAX: Final = 50
"""Symbols of one batch_update."""


class QuotesSubscribe(msgspec.Struct, tag="subscribe", tag_field="action", rename="camel", kw_only=True):
    """Asks for symbols: their tickers come at once, and again whenever they change."""

    symbols: Annotated[SymbolNames, Meta(description="Needed where no watchlist is named")] = []
    watchlists: Annotated[
        WatchlistIds, Meta(description="Ids of the user's watchlists; their symbols come, and follow every edit")
    ] = []
    client_id: Annotated[str, Meta(description="Free text; the gateway gives each connection an id of its own")] = ""


class QuotesUnsubscribe(msgspec.Struct, tag="unsubscribe", tag_field="action", rename="camel", kw_only=True):
    """Ends subscriptions; it has no answer."""

    symbols: SymbolNames = []
    watchlists: WatchlistIds = []
    client_id: str = ""


class QuotesPing(msgspec.Struct, tag="ping", tag_field="action", kw_only=True):
    """Asks for a pong."""

    timestamp: Annotated[
        int | float | str | None, Meta(description="Comes back as clientTimestamp; text of 64 characters at most")
    ] = None


class QuotesConnected(msgspec.Struct, tag="connected", tag_field="type", rename="camel", kw_only=True):
    """The first message of a connection."""

    message: str
    client_id: str
    timestamp: IsoTime


class Quote(msgspec.Struct, rename="camel", kw_only=True):
    """A symbol's whole ticker. Volume, open, high and low are those of the UTC day; what is not known is null. Bid and
    ask are there where they are known."""

    symbol: SymbolName
    price: Number
    change: NumberOrNull
    change_percent: NumberOrNull
    volume: Number
    high: Number
    low: Number
    open: Number
    previous_close: NumberOrNull
    bid: Annotated[Number, Meta(description="The best, of the symbol's quotes or as of its last trades")] = NOTHING
    ask: Number = NOTHING
    timestamp: Annotated[IsoTime, Meta(description="Event time of the last trade, ISO 8601, UTC")]
    source: Annotated[str, Meta(description="The exchange")]


class SymbolQuote(msgspec.Struct, kw_only=True):
    """One of several tickers."""

    symbol: SymbolName
    data: Quote


class PriceUpdate(msgspec.Struct, tag="price_update", tag_field="type", kw_only=True):
    """One ticker."""

    symbol: SymbolName
    data: Quote
    timestamp: IsoTime


class BatchUpdate(msgspec.Struct, tag="batch_update", tag_field="type", kw_only=True):
    """Several tickers at once."""

    updates: Annotated[list[SymbolQuote], Meta(max_length=BATCH_MAX)]
    timestamp: IsoTime


class QuotesWatchlist(msgspec.Struct, tag="watchlist", tag_field="type", kw_only=True):
    """What a watchlist that the connection follows holds: when it was asked for, and after each edit."""

    id: str
    name: str
    symbols: list[SymbolName]
    deleted: Annotated[bool, Meta(description="The list is gone, and its symbols with it")] = False
    timestamp: IsoTime


class QuotesError(msgspec.Struct, tag="error", tag_field="type", kw_only=True):
    """Something of a message could not be done. The connection stays, and the rest of the message holds."""

    code: ErrorCode
    message: str
    timestamp: IsoTime


ANY: Final = {"anyOf": [{"type": "number"}, {"type": "string"}]}
UNSAID: Any = msgspec.UNSET  # Raw can't stand in a union with it


class QuotesPong(msgspec.Struct, tag="pong", tag_field="type", rename="camel", kw_only=True):
    """Answers a ping."""

    timestamp: IsoTime
    client_timestamp: Annotated[
        msgspec.Raw, Meta(description="The ping's timestamp, as it was", extra_json_schema=ANY)
    ] = UNSAID


TIME: Final = "2026-01-01T00:00:00.116Z"
EXAMPLE: Final = {
    "symbol": "RELIANCE",
    "price": 2450.5,
    "change": 12.5,
    "changePercent": 0.5127,
    "volume": 91200,
    "high": 2461,
    "low": 2433,
    "open": 2440,
    "previousClose": 2438,
    "bid": 2450.4,
    "ask": 2450.6,
    "timestamp": "2026-01-01T00:00:00.100Z",
    "source": "XNSE",
}
UNKNOWN: Final = {"change": None, "changePercent": None, "previousClose": None}
OTHER: Final = (
    {name: value for name, value in EXAMPLE.items() if name not in ("bid", "ask")} | UNKNOWN | {"symbol": "TCS"}
)
QUOTES: Final = Channel(
    "quotes",
    "/ws/quotes",
    "The whole ticker at each change",
    "Every message stands for itself, so a client needs no state. Several changes of a symbol within one flush are one "
    "message with the newest.",
    (
        Message(
            QuotesSubscribe,
            (
                {"action": "subscribe", "symbols": ["RELIANCE", "TCS"]},
                {"action": "subscribe", "symbols": "RELIANCE", "clientId": "desk-7"},
                {"action": "subscribe", "watchlists": ["0b6c1d3e9f3a4a5c"]},
            ),
        ),
        Message(QuotesUnsubscribe, ({"action": "unsubscribe", "symbols": ["RELIANCE"]},)),
        Message(QuotesPing, ({"action": "ping"}, {"action": "ping", "timestamp": 1767225600116})),
    ),
    (
        Message(
            QuotesConnected,
            ({"type": "connected", "message": "Connected to tapeflow", "clientId": "4f1c-1", "timestamp": TIME},),
        ),
        Message(PriceUpdate, ({"type": "price_update", "symbol": "RELIANCE", "data": EXAMPLE, "timestamp": TIME},)),
        Message(
            BatchUpdate,
            (
                {
                    "type": "batch_update",
                    "updates": [{"symbol": "RELIANCE", "data": EXAMPLE}, {"symbol": "TCS", "data": OTHER}],
                    "timestamp": TIME,
                },
            ),
        ),
        Message(
            QuotesWatchlist,
            (
                {
                    "type": "watchlist",
                    "id": "0b6c1d3e9f3a4a5c",
                    "name": "Majors",
                    "symbols": ["RELIANCE", "TCS"],
                    "deleted": False,
                    "timestamp": TIME,
                },
            ),
        ),
        Message(
            QuotesError,
            ({"type": "error", "code": "INVALID_SYMBOL", "message": "Not a symbol: A,B", "timestamp": TIME},),
        ),
        Message(
            QuotesPong,
            (
                {"type": "pong", "timestamp": TIME},
                {"type": "pong", "timestamp": TIME, "clientTimestamp": 1767225600116},
            ),
        ),
    ),
)
