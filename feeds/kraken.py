"""Kraken: trades, and the best bid and ask of its ticker; V2 as documented, and V1 as recordings have it.

V1 sends arrays without ids, V2 objects with numbers that keep their digits here. XBT and XDG are BTC and DOGE
elsewhere. After subscribing V2 sends the last trades again, as a snapshot. V1's ticker has no time, so a quote has that
of its arrival. Source: the venue's documentation of WebSockets V1 and V2 (trade, ticker).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import EMPTY, NOTHING, in_order, microseconds, read
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import renamed

__all__ = ["KRAKEN", "Kraken"]

ALIASES: Final = (("XBT", "BTC"), ("XDG", "DOGE"))
SIDES: Final[dict[str, Side]] = {"b": "BUY", "s": "SELL", "buy": "BUY", "sell": "SELL"}


class PushV1(msgspec.Struct, array_like=True):
    channel_id: int
    payload: msgspec.Raw
    channel: str
    pair: str


class TradeV1(msgspec.Struct, array_like=True):
    price: msgspec.Raw
    size: msgspec.Raw
    time: str
    side: str


class TickerV1(msgspec.Struct):
    """Each side: price, whole lots, lots."""

    ask: tuple[msgspec.Raw, msgspec.Raw, msgspec.Raw] = msgspec.field(name="a")
    bid: tuple[msgspec.Raw, msgspec.Raw, msgspec.Raw] = msgspec.field(name="b")


class PushV2(msgspec.Struct):
    channel: str = ""
    kind: str = msgspec.field(name="type", default="")
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class TradeV2(msgspec.Struct):
    symbol: str
    side: str
    price: msgspec.Raw
    qty: msgspec.Raw
    trade_id: int
    timestamp: str


class TickerV2(msgspec.Struct):
    symbol: str
    bid: msgspec.Raw
    ask: msgspec.Raw
    bid_qty: msgspec.Raw = EMPTY
    ask_qty: msgspec.Raw = EMPTY
    timestamp: str = ""


PUSH_V1: Final = msgspec.json.Decoder(PushV1)
TRADES_V1: Final = msgspec.json.Decoder(list[TradeV1])
TICKER_V1: Final = msgspec.json.Decoder(TickerV1)
PUSH_V2: Final = msgspec.json.Decoder(PushV2)
TRADES_V2: Final = msgspec.json.Decoder(list[TradeV2])
TICKERS_V2: Final = msgspec.json.Decoder(list[TickerV2])
BOOKS: Final = b'"book-'
"""V1's books come as arrays of five; nobody asks for them here."""


@dataclass(frozen=True, slots=True)
class Kraken:
    name: str = "kraken"
    exchange: str = "KRAKEN"
    addresses: tuple[str, ...] = ("wss://ws.kraken.com",)

    def told(self, frame: bytes, received_us: int) -> Told:
        if frame.startswith(b"["):
            return NOTHING if BOOKS in frame else read("", lambda: _told_v1(frame, received_us))
        return read("", lambda: _told_v2(frame, received_us))


def _told_v1(frame: bytes, received_us: int) -> Told:
    push = PUSH_V1.decode(frame)
    symbol, payload = renamed(push.pair, "/", ALIASES), bytes(push.payload)
    if push.channel == "trade":
        return read("trade", lambda: in_order(Told(trades=_trades_v1(symbol, push.pair, payload))))
    if push.channel == "ticker":
        return read("ticker", lambda: Told(quotes=[_quote_v1(symbol, push.pair, payload, received_us)]))
    return NOTHING


def _trades_v1(symbol: str, name: str, payload: bytes) -> list[Trade]:
    return [
        Trade(symbol, name, each.price, each.size, SIDES.get(each.side, "UNKNOWN"), "", microseconds(each.time))
        for each in TRADES_V1.decode(payload)
    ]


def _quote_v1(symbol: str, name: str, payload: bytes, received_us: int) -> Quote:
    found = TICKER_V1.decode(payload)
    return Quote(symbol, name, found.bid[0], found.ask[0], found.bid[2], found.ask[2], received_us)


def _told_v2(frame: bytes, received_us: int) -> Told:
    push = PUSH_V2.decode(frame)
    data = push.data
    if isinstance(data, msgspec.UnsetType):
        return NOTHING
    if push.channel == "trade":
        is_past = push.kind == "snapshot"
        return read("trade", lambda: in_order(Told(trades=_trades_v2(bytes(data), is_past=is_past))))
    if push.channel == "ticker":
        return read("ticker", lambda: Told(quotes=_quotes_v2(bytes(data), received_us)))
    return NOTHING


def _trades_v2(data: bytes, *, is_past: bool) -> list[Trade]:
    told = []
    for each in TRADES_V2.decode(data):
        symbol, side = renamed(each.symbol, "/", ALIASES), SIDES.get(each.side, "UNKNOWN")
        told.append(Trade(symbol, each.symbol, each.price, each.qty, side, str(each.trade_id), each.timestamp, is_past))
    return told


def _quotes_v2(data: bytes, received_us: int) -> list[Quote]:
    told = []
    for each in TICKERS_V2.decode(data):
        symbol, time = renamed(each.symbol, "/", ALIASES), each.timestamp or received_us
        told.append(Quote(symbol, each.symbol, each.bid, each.ask, each.bid_qty, each.ask_qty, time))
    return told


KRAKEN: Final = Kraken()
