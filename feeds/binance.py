"""Binance, spot and USD-M futures: aggregated and single trades, and the best bid and ask of bookTicker.

Frames come alone or in the envelope of combined streams. ``m`` says that the buyer was the maker, so the taker sold.
Spot's bookTicker has no time, so a quote has that of its arrival. Source: the venue's documentation of WebSocket
streams (binance-spot-api-docs, web-socket-streams; derivatives, usds-margined-futures).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import NOTHING, microseconds, read
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import PERPETUAL, contract, cut

__all__ = ["BINANCE", "BINANCE_FUTURES", "Binance"]


class Envelope(msgspec.Struct):
    """Of combined streams; a frame that comes alone has no ``data``."""

    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Event(msgspec.Struct):
    """``u`` and no ``e``: spot's bookTicker."""

    event: str = msgspec.field(name="e", default="")
    update: int = msgspec.field(name="u", default=-1)


class TradeEvent(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    price: msgspec.Raw = msgspec.field(name="p")
    size: msgspec.Raw = msgspec.field(name="q")
    time_ms: int = msgspec.field(name="T")
    buyer_made: bool = msgspec.field(name="m")
    aggregate_id: int | None = msgspec.field(name="a", default=None)
    trade_id: int | None = msgspec.field(name="t", default=None)


class BookTicker(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    bid: msgspec.Raw = msgspec.field(name="b")
    bid_size: msgspec.Raw = msgspec.field(name="B")
    ask: msgspec.Raw = msgspec.field(name="a")
    ask_size: msgspec.Raw = msgspec.field(name="A")
    time_ms: int | None = msgspec.field(name="T", default=None)


ENVELOPE: Final = msgspec.json.Decoder(Envelope)
EVENT: Final = msgspec.json.Decoder(Event)
TRADE: Final = msgspec.json.Decoder(TradeEvent)
BOOK: Final = msgspec.json.Decoder(BookTicker)


@dataclass(frozen=True, slots=True)
class Binance:
    """``contracts``: what futures without a date are called behind their pair; empty for spot."""

    name: str
    exchange: str
    addresses: tuple[str, ...]
    contracts: str = ""

    def told(self, frame: bytes, received_us: int) -> Told:
        return read("", lambda: self._told(frame, received_us))

    def _told(self, frame: bytes, received_us: int) -> Told:
        held = ENVELOPE.decode(frame).data
        inside = frame if isinstance(held, msgspec.UnsetType) else bytes(held)
        event = EVENT.decode(inside)
        if event.event in ("aggTrade", "trade"):
            return read(event.event, lambda: Told(trades=[self._trade(TRADE.decode(inside))]))
        if event.event == "bookTicker" or (not event.event and event.update >= 0):
            return read("bookTicker", lambda: Told(quotes=[self._quote(BOOK.decode(inside), received_us)]))
        return NOTHING

    def _trade(self, found: TradeEvent) -> Trade:
        number = found.aggregate_id if found.trade_id is None else found.trade_id
        if number is None:
            raise ValueError("a trade without an id")
        side: Side = "SELL" if found.buyer_made else "BUY"
        time_us = microseconds(found.time_ms)
        return Trade(self._symbol(found.symbol), found.symbol, found.price, found.size, side, str(number), time_us)

    def _quote(self, found: BookTicker, received_us: int) -> Quote:
        time_us = received_us if found.time_ms is None else microseconds(found.time_ms)
        symbol = self._symbol(found.symbol)
        return Quote(symbol, found.symbol, found.bid, found.ask, found.bid_size, found.ask_size, time_us)

    def _symbol(self, name: str) -> str:
        symbol = cut(name)
        return contract(symbol, self.contracts) if self.contracts and "-" not in symbol else symbol


BINANCE: Final = Binance("binance", "BINANCE", ("wss://stream.binance.", "wss://data-stream.binance."))
BINANCE_FUTURES: Final = Binance("binance-futures", "BINANCE-FUTURES", ("wss://fstream.binance.",), PERPETUAL)
