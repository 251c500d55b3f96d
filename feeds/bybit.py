"""Bybit: trades of spot, linear and inverse markets; V5 as documented, and V1 as recordings have it.

V1 sends prices and sizes as JSON numbers, which keep their digits here. Which kind of market a name is of stands in the
address alone, so each kind is a venue of its own. Several trades may come in one frame.
Source: the venue's documentation of its WebSocket (V5, public trade).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import NOTHING, in_order, microseconds, read
from feeds.rows import Side, Told, Trade
from feeds.symbols import PERPETUAL, contract, cut

__all__ = ["BYBIT", "BYBIT_INVERSE", "BYBIT_LINEAR", "Bybit"]

SIDES: Final[dict[str, Side]] = {"Buy": "BUY", "Sell": "SELL"}
V5: Final = "publicTrade."
V1: Final = "trade."


class Push(msgspec.Struct):
    topic: str = ""
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class TradeV5(msgspec.Struct):
    time: int = msgspec.field(name="T")
    symbol: str = msgspec.field(name="s")
    side: str = msgspec.field(name="S")
    size: msgspec.Raw = msgspec.field(name="v")
    price: msgspec.Raw = msgspec.field(name="p")
    trade_id: str = msgspec.field(name="i")


class TradeV1(msgspec.Struct):
    time: int = msgspec.field(name="trade_time_ms")
    symbol: str
    side: str
    size: msgspec.Raw
    price: msgspec.Raw
    trade_id: str


PUSH: Final = msgspec.json.Decoder(Push)
TRADES_V5: Final = msgspec.json.Decoder(list[TradeV5])
TRADES_V1: Final = msgspec.json.Decoder(list[TradeV1])


@dataclass(frozen=True, slots=True)
class Bybit:
    """``contracts``: what futures without a date are called behind their pair; empty for spot."""

    name: str
    exchange: str
    addresses: tuple[str, ...]
    contracts: str = ""

    def told(self, frame: bytes, received_us: int) -> Told:  # noqa: ARG002 - each of its rows has a time
        return read("", lambda: self._told(frame))

    def _told(self, frame: bytes) -> Told:
        push = PUSH.decode(frame)
        data, topic = push.data, push.topic
        if isinstance(data, msgspec.UnsetType) or not topic.startswith((V1, V5)):
            return NOTHING
        decoder = TRADES_V5 if topic.startswith(V5) else TRADES_V1
        return read(topic, lambda: in_order(Told(trades=[self._trade(each) for each in decoder.decode(bytes(data))])))

    def _trade(self, row: TradeV5 | TradeV1) -> Trade:
        symbol, side = cut(row.symbol), SIDES.get(row.side, "UNKNOWN")
        if self.contracts and "-" not in symbol:
            symbol = contract(symbol, self.contracts)
        return Trade(symbol, row.symbol, row.price, row.size, side, row.trade_id, microseconds(row.time))


BYBIT: Final = Bybit("bybit", "BYBIT", ("wss://stream.bybit.com/v5/public/spot",))
BYBIT_LINEAR: Final = Bybit("bybit-linear", "BYBIT-LINEAR", ("wss://stream.bybit.com/v5/public/linear",), PERPETUAL)
BYBIT_INVERSE: Final = Bybit(
    "bybit-inverse",
    "BYBIT-INVERSE",
    ("wss://stream.bybit.com/v5/public/inverse", "wss://stream.bybit.com/realtime"),
    PERPETUAL,
)
