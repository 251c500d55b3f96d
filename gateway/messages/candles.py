"""Messages of ``/ws/candles``: the newest bars of one symbol and interval, then each as it moves.

The dialect cuts the fields of a bar out of what the flow wrote, digit by digit; Candle describes the result. The others
are encoded by the dialect.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.messages.channel import Channel, Message
from gateway.messages.values import IntervalName, IsoTime, Number, NumberOrNull, SymbolName

__all__ = [
    "CANDLES",
    "INITIAL_BARS",
    "INITIAL_BARS_MAX",
    "Candle",
    "CandleUpdate",
    "CandlesError",
    "CandlesInitial",
    "CandlesPing",
    "CandlesPong",
    "CandlesSubscribe",
    "CandlesUnsubscribe",
]

INITIAL_BARS: Final = 100
INITIAL_BARS_MAX: Final = 1000


class CandlesSubscribe(msgspec.Struct, tag="subscribe", tag_field="type", rename="camel", kw_only=True):
    """Asks for the bars of one symbol and interval. Subscribing again changes what was asked."""

    symbol: SymbolName
    interval: IntervalName
    initial_bars: Annotated[int, Meta(ge=0, le=INITIAL_BARS_MAX, description="How many to begin with")] = INITIAL_BARS
    finals: Annotated[bool, Meta(description="Also each bar's end, though a newer bar is under way")] = False
    revisions: Annotated[bool, Meta(description="Also what late trades change in final bars; includes finals")] = False


class CandlesUnsubscribe(msgspec.Struct, tag="unsubscribe", tag_field="type", kw_only=True):
    """Ends a subscription; it has no answer."""

    symbol: SymbolName
    interval: IntervalName


class CandlesPing(msgspec.Struct, tag="ping", tag_field="type", kw_only=True):
    """Asks for a pong."""


class Candle(msgspec.Struct, rename="camel", kw_only=True):
    """One bar. Of two with the same time the one with the higher tradeCount or revision is newer."""

    time: Annotated[IsoTime, Meta(description="Start of the bar, ISO 8601, UTC")]
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    quote_volume: Number
    final: Annotated[bool, Meta(description="The bar has ended; late trades may still make a revision of it")]
    revision: Annotated[int, Meta(ge=0, description="How often late trades changed the final bar")]
    trade_count: Annotated[int, Meta(ge=0)]
    vwap: NumberOrNull


class CandlesInitial(msgspec.Struct, tag="initial", tag_field="type", kw_only=True):
    """The newest bars, oldest first. It comes again after a gap and replaces what the client holds."""

    symbol: SymbolName
    interval: IntervalName
    bars: list[Candle]


class CandleUpdate(msgspec.Struct, tag="update", tag_field="type", kw_only=True):
    """A bar as it is now: a live one at most once a second, one that ends always."""

    symbol: SymbolName
    interval: IntervalName
    bar: Candle


class CandlesError(msgspec.Struct, tag="error", tag_field="type", kw_only=True):
    """Something of a message could not be done. The connection stays."""

    message: str


class CandlesPong(msgspec.Struct, tag="pong", tag_field="type", kw_only=True):
    """Answers a ping."""


BAR: Final = {
    "time": "2026-01-01T00:00:00.000Z",
    "open": 64200,
    "high": 64260.5,
    "low": 64190.25,
    "close": 64250.1,
    "volume": 12.5301,
    "quoteVolume": 804950.119,
    "final": False,
    "revision": 0,
    "tradeCount": 321,
    "vwap": 64241.3165,
}
ROOM: Final = {"symbol": "BTC/USDT", "interval": "5m"}
CANDLES: Final = Channel(
    "candles",
    "/ws/candles",
    "Bars of one symbol and interval",
    "The time of what comes never goes back: append a bar whose time is another, else replace the last one. Who asks "
    "for finals or revisions also gets ends and changes of older bars. To splice with history subscribe first, then "
    "ask /api/ohlc: equal times are the same bar.",
    (
        Message(
            CandlesSubscribe,
            (
                {"type": "subscribe", "symbol": "BTC/USDT", "interval": "5m", "initialBars": 100},
                {"type": "subscribe", "symbol": "BTC/USDT", "interval": "1D", "finals": True, "revisions": True},
            ),
        ),
        Message(CandlesUnsubscribe, ({"type": "unsubscribe", "symbol": "BTC/USDT", "interval": "5m"},)),
        Message(CandlesPing, ({"type": "ping"},)),
    ),
    (
        Message(CandlesInitial, ({"type": "initial", **ROOM, "bars": [BAR]},)),
        Message(CandleUpdate, ({"type": "update", **ROOM, "bar": {**BAR, "final": True, "tradeCount": 322}},)),
        Message(
            CandlesError,
            ({"type": "error", "message": "Invalid interval: 10m. Valid: 1m, 5m, 15m, 1h, 4h, 1D, 1W"},),
        ),
        Message(CandlesPong, ({"type": "pong"},)),
    ),
    aliases=("/",),
)
