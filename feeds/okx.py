"""OKX: trades, and the best bid and ask of its tickers; spot, swaps and dated contracts by one address.

Source: the venue's documentation of its WebSocket (V5, public channels trades, trades-all, tickers).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import NOTHING, in_order, microseconds, read
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import renamed

__all__ = ["OKX", "Okx"]

SIDES: Final[dict[str, Side]] = {"buy": "BUY", "sell": "SELL"}


class Arg(msgspec.Struct):
    channel: str = ""


class Push(msgspec.Struct):
    """``data`` is missing in answers to a subscription."""

    arg: Arg = msgspec.field(default_factory=Arg)
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class TradeRow(msgspec.Struct):
    name: str = msgspec.field(name="instId")
    trade_id: str = msgspec.field(name="tradeId")
    price: msgspec.Raw = msgspec.field(name="px")
    size: msgspec.Raw = msgspec.field(name="sz")
    side: str = ""
    time: int | str = msgspec.field(name="ts", default="")


class TickerRow(msgspec.Struct):
    name: str = msgspec.field(name="instId")
    bid: msgspec.Raw = msgspec.field(name="bidPx")
    ask: msgspec.Raw = msgspec.field(name="askPx")
    bid_size: msgspec.Raw = msgspec.field(name="bidSz")
    ask_size: msgspec.Raw = msgspec.field(name="askSz")
    time: int | str = msgspec.field(name="ts")


PUSH: Final = msgspec.json.Decoder(Push)
TRADES: Final = msgspec.json.Decoder(list[TradeRow])
TICKERS: Final = msgspec.json.Decoder(list[TickerRow])


@dataclass(frozen=True, slots=True)
class Okx:
    name: str = "okx"
    exchange: str = "OKX"
    addresses: tuple[str, ...] = (
        "wss://ws.okx.com",
        "wss://wsaws.okx.com",
        "wss://wseea.okx.com",
        "wss://wsus.okx.com",
    )

    def told(self, frame: bytes, received_us: int) -> Told:  # noqa: ARG002 - each of its rows has a time
        if frame == b"pong":
            return NOTHING
        return read("", lambda: self._told(frame))

    def _told(self, frame: bytes) -> Told:
        push = PUSH.decode(frame)
        data, channel = push.data, push.arg.channel
        if isinstance(data, msgspec.UnsetType):
            return NOTHING
        if channel in ("trades", "trades-all"):
            return read(channel, lambda: in_order(Told(trades=[_trade(each) for each in TRADES.decode(bytes(data))])))
        if channel == "tickers":
            return read(channel, lambda: Told(quotes=[_quote(each) for each in TICKERS.decode(bytes(data))]))
        return NOTHING


def _trade(row: TradeRow) -> Trade:
    side = SIDES.get(row.side, "UNKNOWN")
    return Trade(renamed(row.name, "-"), row.name, row.price, row.size, side, row.trade_id, microseconds(row.time))


def _quote(row: TickerRow) -> Quote:
    symbol, time_us = renamed(row.name, "-"), microseconds(row.time)
    return Quote(symbol, row.name, row.bid, row.ask, row.bid_size, row.ask_size, time_us)


OKX: Final = Okx()
