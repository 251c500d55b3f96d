"""Coinbase: matches, and the best bid and ask of its ticker.

``side`` names the maker's side, so the taker's is the other one. ``last_match`` repeats a trade after subscribing.
Source: the venue's documentation of Exchange WebSocket channels (matches, ticker, heartbeat) and of REST (products,
trades).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import EMPTY, HEARD, NOTHING, in_order, notice, read
from feeds.marks import Mark
from feeds.rows import Notice, Quote, Side, Told, Trade
from feeds.symbols import parts, readable, renamed
from feeds.venue import Rules, Subscription, chunks

__all__ = ["COINBASE", "Coinbase"]

ADDRESS: Final = "wss://ws-feed.exchange.coinbase.com"
REST: Final = "https://api.exchange.coinbase.com/products"
PAGE: Final = 1000
TAKERS: Final[dict[str, Side]] = {"buy": "SELL", "sell": "BUY"}


class Channel(msgspec.Struct):
    name: str = ""
    products: list[str] = msgspec.field(name="product_ids", default_factory=list)


class Message(msgspec.Struct):
    """``words`` and ``reason``: of an error; ``channels``: all that is subscribed to by now."""

    kind: str = msgspec.field(name="type", default="")
    words: str = msgspec.field(name="message", default="")
    reason: str = ""
    channels: list[Channel] = []


class ListedProduct(msgspec.Struct):
    name: str = msgspec.field(name="id")
    status: str = ""
    is_disabled: bool = msgspec.field(name="trading_disabled", default=False)


class Match(msgspec.Struct):
    kind: str = msgspec.field(name="type")
    trade_id: int
    product_id: str
    price: msgspec.Raw
    size: msgspec.Raw
    side: str
    time: str


class PastTrade(msgspec.Struct):
    trade_id: int
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
LISTING: Final = msgspec.json.Decoder(list[ListedProduct])
PAST: Final = msgspec.json.Decoder(list[PastTrade])
TICKER: Final = msgspec.json.Decoder(Ticker)
RULES: Final = Rules("backward", 0.15, ids_follow=True, beats=True, symbols_max=100)


@dataclass(frozen=True, slots=True)
class Coinbase:
    name: str = "coinbase"
    exchange: str = "COINBASE"
    addresses: tuple[str, ...] = ("wss://ws-feed.",)
    rules: Rules = RULES
    listing: str = REST

    def subscriptions(self, symbols: Sequence[str], *, quotes: bool) -> list[Subscription]:
        channels = ["matches", "heartbeat", *(["ticker"] if quotes else [])]
        found = []
        for chunk in chunks(symbols, self.rules.symbols_max):
            names = [_market(each) for each in chunk]
            frame, end = (
                msgspec.json.encode({"type": kind, "product_ids": names, "channels": channels}).decode()
                for kind in ("subscribe", "unsubscribe")
            )
            found.append(Subscription(ADDRESS, (frame,), tuple(chunk), (end,)))
        return found

    def listed(self, body: bytes) -> list[str]:
        traded = [each.name for each in LISTING.decode(body) if each.status == "online" and not each.is_disabled]
        return readable(renamed(name, "-") for name in traded)

    def history(self, symbol: str, after: Mark, before: Mark | None) -> str:  # noqa: ARG002 - pages go backward
        asked = f"{REST}/{_market(symbol)}/trades?limit={PAGE}"
        return asked if before is None else f"{asked}&after={before.trade_id}"

    def told_history(self, symbol: str, body: bytes) -> Told:
        return read("history", lambda: _told_history(symbol, body))

    def told(self, frame: bytes, received_us: int) -> Told:
        return read("", lambda: self._told(frame, received_us))

    def _told(self, frame: bytes, received_us: int) -> Told:
        message = MESSAGE.decode(frame)
        kind = message.kind
        if kind in ("match", "last_match"):
            return read("matches", lambda: Told(trades=[_trade(MATCH.decode(frame))]))
        if kind == "ticker":
            return read("ticker", lambda: Told(quotes=[_quote(TICKER.decode(frame), received_us)]))
        if kind == "subscriptions":
            names = [name for channel in message.channels if channel.name == "matches" for name in channel.products]
            symbols = tuple(renamed(name, "-") for name in names)
            return Told(notice=Notice("subscribed", symbols)) if symbols else HEARD
        if kind == "error":
            words = f"{message.words}: {message.reason}"
            # It speaks of one product alone, by its name at the beginning.
            product, _, rest = message.reason.partition(" is not a valid product")
            refused = renamed(product, "-") if message.reason not in (rest, product) else ""
            return notice("refused" if refused else "failed", refused, words)
        return HEARD if kind == "heartbeat" else NOTHING


def _market(symbol: str) -> str:
    """The venue's name of it. Raises ValueError for contracts, which it hasn't here."""
    base, quote, words = parts(symbol)
    if words:
        raise ValueError(f"{symbol} is no market of Coinbase Exchange")
    return f"{base}-{quote}"


def _told_history(symbol: str, body: bytes) -> Told:
    name = _market(symbol)
    rows = PAST.decode(body)
    return in_order(
        Told(
            trades=[
                Trade(
                    symbol, name, each.price, each.size, TAKERS.get(each.side, "UNKNOWN"), str(each.trade_id), each.time
                )
                for each in rows
            ]
        )
    )


def _trade(found: Match) -> Trade:
    side = TAKERS.get(found.side, "UNKNOWN")
    symbol, is_past = renamed(found.product_id, "-"), found.kind == "last_match"
    return Trade(symbol, found.product_id, found.price, found.size, side, str(found.trade_id), found.time, is_past)


def _quote(found: Ticker, received_us: int) -> Quote:
    symbol, name = renamed(found.product_id, "-"), found.product_id
    sizes = found.best_bid_size, found.best_ask_size
    return Quote(symbol, name, found.best_bid, found.best_ask, *sizes, found.time or received_us)


COINBASE: Final = Coinbase()
