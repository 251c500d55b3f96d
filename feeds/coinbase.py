"""Coinbase: matches, and the best bid and ask of its ticker.

``side`` names the maker's side, so the taker's is the other one. ``last_match`` repeats a trade after subscribing.
Source: the venue's documentation of Exchange WebSocket channels (matches, ticker).
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import EMPTY, NOTHING, read
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import renamed

__all__ = ["COINBASE", "Coinbase"]

TAKERS: Final[dict[str, Side]] = {"buy": "SELL", "sell": "BUY"}


class Message(msgspec.Struct):
    kind: str = msgspec.field(name="type", default="")


class Match(msgspec.Struct):
    kind: str = msgspec.field(name="type")
    trade_id: int
    product_id: str
    price: msgspec.Raw
    size: msgspec.Raw
    side: str
    time: str


class Ticker(msgspec.Struct):
    """The first one of a product may lack its time."""

    product_id: str
    best_bid: msgspec.Raw
    best_ask: msgspec.Raw
    best_bid_size: msgspec.Raw = EMPTY
    best_ask_size: msgspec.Raw = EMPTY
    time: str = ""


MESSAGE: Final = msgspec.json.Decoder(Message)
MATCH: Final = msgspec.json.Decoder(Match)
TICKER: Final = msgspec.json.Decoder(Ticker)


@dataclass(frozen=True, slots=True)
class Coinbase:
    name: str = "coinbase"
    exchange: str = "COINBASE"
    addresses: tuple[str, ...] = ("wss://ws-feed.",)

    def told(self, frame: bytes, received_us: int) -> Told:
        return read("", lambda: self._told(frame, received_us))

    def _told(self, frame: bytes, received_us: int) -> Told:
        kind = MESSAGE.decode(frame).kind
        if kind in ("match", "last_match"):
            return read("matches", lambda: Told(trades=[_trade(MATCH.decode(frame))]))
        if kind == "ticker":
            return read("ticker", lambda: Told(quotes=[_quote(TICKER.decode(frame), received_us)]))
        return NOTHING


def _trade(found: Match) -> Trade:
    side = TAKERS.get(found.side, "UNKNOWN")
    symbol, is_past = renamed(found.product_id, "-"), found.kind == "last_match"
    return Trade(symbol, found.product_id, found.price, found.size, side, str(found.trade_id), found.time, is_past)


def _quote(found: Ticker, received_us: int) -> Quote:
    symbol, name = renamed(found.product_id, "-"), found.product_id
    sizes = found.best_bid_size, found.best_ask_size
    return Quote(symbol, name, found.best_bid, found.best_ask, *sizes, found.time or received_us)


COINBASE: Final = Coinbase()
