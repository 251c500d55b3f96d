"""Bitget: trades, and the best bid and ask of its ticker; V2 as documented, and V1 as recordings have it.

The venue closed V1 on 2025-11-28. In V1 a trade is an array without an id, in V2 an object with one. After subscribing
both send the last trades again, newest first, as a snapshot. What isn't spot is named as a contract.
Source: the venue's documentation of its WebSocket (V2, public channels trade and ticker).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import EMPTY, NOTHING, in_order, microseconds, read
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import PERPETUAL, contract, cut

__all__ = ["BITGET", "Bitget"]

SIDES: Final[dict[str, Side]] = {"buy": "BUY", "sell": "SELL"}
SPOT: Final = ("SP", "SPOT")


class Arg(msgspec.Struct):
    kind: str = msgspec.field(name="instType", default="")
    channel: str = ""
    name: str = msgspec.field(name="instId", default="")


class Push(msgspec.Struct):
    """``data`` is missing in answers to a subscription."""

    arg: Arg = msgspec.field(default_factory=Arg)
    action: str = ""
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class TradeV2(msgspec.Struct):
    time: int | str = msgspec.field(name="ts")
    price: msgspec.Raw
    size: msgspec.Raw
    side: str = ""
    trade_id: str = msgspec.field(name="tradeId", default="")


class TradeV1(msgspec.Struct, array_like=True):
    time: int | str
    price: msgspec.Raw
    size: msgspec.Raw
    side: str


class TickerV2(msgspec.Struct):
    bid: msgspec.Raw = msgspec.field(name="bidPr")
    ask: msgspec.Raw = msgspec.field(name="askPr")
    bid_size: msgspec.Raw = msgspec.field(name="bidSz", default=EMPTY)
    ask_size: msgspec.Raw = msgspec.field(name="askSz", default=EMPTY)
    time: int | str = msgspec.field(name="ts", default="")


class TickerV1(msgspec.Struct):
    bid: msgspec.Raw = msgspec.field(name="bestBid")
    ask: msgspec.Raw = msgspec.field(name="bestAsk")
    time: int | str = msgspec.field(name="ts", default="")
    contract_time: int | str = msgspec.field(name="systemTime", default="")


PUSH: Final = msgspec.json.Decoder(Push)
TRADES_V1: Final = msgspec.json.Decoder(list[TradeV1])
TRADES_V2: Final = msgspec.json.Decoder(list[TradeV2])
ARRAYS: Final = b"[["
"""How the trades of V1 begin."""
IS_V2: Final = b'"bidPr"'
"""Stands in each ticker of V2."""
TICKERS_V1: Final = msgspec.json.Decoder(list[TickerV1])
TICKERS_V2: Final = msgspec.json.Decoder(list[TickerV2])


@dataclass(frozen=True, slots=True)
class Bitget:
    """All markets; which one a frame is about stands in it."""

    name: str = "bitget"
    exchange: str = "BITGET"
    addresses: tuple[str, ...] = ("wss://ws.bitget.com/", "wss://vip-ws-uta.bitget.com/")

    def told(self, frame: bytes, received_us: int) -> Told:
        if frame == b"pong":
            return NOTHING
        return read("", lambda: self._told(frame, received_us))

    def _told(self, frame: bytes, received_us: int) -> Told:
        push = PUSH.decode(frame)
        data, arg = push.data, push.arg
        if isinstance(data, msgspec.UnsetType):
            return NOTHING
        if arg.channel == "trade":
            is_past = push.action == "snapshot"
            return read("trade", lambda: in_order(Told(trades=self._trades(arg, bytes(data), is_past=is_past))))
        if arg.channel == "ticker":
            return read("ticker", lambda: Told(quotes=self._quotes(arg, bytes(data), received_us)))
        return NOTHING

    def _trades(self, arg: Arg, data: bytes, *, is_past: bool) -> list[Trade]:
        symbol, told = self._symbol(arg), []
        decoder: msgspec.json.Decoder[list[TradeV1]] | msgspec.json.Decoder[list[TradeV2]]
        decoder = TRADES_V1 if data.startswith(ARRAYS) else TRADES_V2
        for each in decoder.decode(data):
            trade_id = each.trade_id if isinstance(each, TradeV2) else ""
            side, time_us = SIDES.get(each.side.lower(), "UNKNOWN"), microseconds(each.time)
            told.append(Trade(symbol, arg.name, each.price, each.size, side, trade_id, time_us, is_past))
        return told

    def _quotes(self, arg: Arg, data: bytes, received_us: int) -> list[Quote]:
        symbol, told = self._symbol(arg), []
        if IS_V2 in data:
            for each in TICKERS_V2.decode(data):
                time_us = microseconds(each.time) if each.time else received_us
                told.append(Quote(symbol, arg.name, each.bid, each.ask, each.bid_size, each.ask_size, time_us))
            return told
        for old in TICKERS_V1.decode(data):
            time = old.time or old.contract_time
            time_us = microseconds(time) if time else received_us
            told.append(Quote(symbol, arg.name, old.bid, old.ask, EMPTY, EMPTY, time_us))
        return told

    @staticmethod
    def _symbol(arg: Arg) -> str:
        symbol = cut(arg.name)
        return symbol if arg.kind.upper() in SPOT or "-" in symbol else contract(symbol, PERPETUAL)


BITGET: Final = Bitget()
