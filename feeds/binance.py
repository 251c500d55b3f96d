"""Binance, spot and USD-M futures: aggregated and single trades, and the best bid and ask of bookTicker.

Frames come alone or in the envelope of combined streams. ``m`` says that the buyer was the maker, so the taker sold.
Spot's bookTicker has no time, so a quote has that of its arrival. That of futures comes by an address of its own, as
the venue took both from the common one on 2026-04-23. Aggregated trades are subscribed to, as their history
is to be had by id and by time without a key. Source: the venue's documentation of WebSocket streams and of REST
(binance-spot-api-docs, web-socket-streams, rest-api; derivatives, usds-margined-futures).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from feeds.frame import HEARD, NOTHING, microseconds, notice, read
from feeds.marks import Mark
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import PERPETUAL, contract, cut, parts, readable
from feeds.venue import Rules, Subscription, chunks

__all__ = ["BINANCE", "BINANCE_FUTURES", "Binance"]


UNDATED: Final = ("", "PERPETUAL")


class Envelope(msgspec.Struct):
    """Of combined streams; a frame that comes alone has no ``data``."""

    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Event(msgspec.Struct):
    """``u`` and no ``e``: spot's bookTicker. With an ``id`` it is an answer, with a ``code`` too an error."""

    event: str = msgspec.field(name="e", default="")
    update: int = msgspec.field(name="u", default=-1)
    id: int | str | None = None
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    code: int | None = None
    words: str = msgspec.field(name="msg", default="")


class TradeEvent(msgspec.Struct):
    symbol: str = msgspec.field(name="s")
    price: msgspec.Raw = msgspec.field(name="p")
    size: msgspec.Raw = msgspec.field(name="q")
    time_ms: int = msgspec.field(name="T")
    buyer_made: bool = msgspec.field(name="m")
    aggregate_id: int | None = msgspec.field(name="a", default=None)
    trade_id: int | None = msgspec.field(name="t", default=None)


class PastTrade(msgspec.Struct):
    """Of the history, which doesn't say the symbol."""

    aggregate_id: int = msgspec.field(name="a")
    price: msgspec.Raw = msgspec.field(name="p")
    size: msgspec.Raw = msgspec.field(name="q")
    time_ms: int = msgspec.field(name="T")
    buyer_made: bool = msgspec.field(name="m")


class ListedMarket(msgspec.Struct):
    """``kind``: of a contract; spot has none."""

    name: str = msgspec.field(name="symbol")
    status: str = ""
    kind: str = msgspec.field(name="contractType", default="")


class Listing(msgspec.Struct):
    symbols: list[ListedMarket]


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
PAST: Final = msgspec.json.Decoder(list[PastTrade])
LISTING: Final = msgspec.json.Decoder(Listing)
PAGE: Final = 1000
SUBSCRIBED: Final = 1
ENDED: Final = 2
"""Ids of the two questions, by which their answers are told apart."""


@dataclass(frozen=True, slots=True)
class Binance:
    """``contracts``: what futures without a date are called behind their pair; empty for spot. ``address``: of its
    WebSocket; ``quotes_address``: of that of best bids and asks, if it is another; ``rest``: of aggTrades; ``listing``:
    of exchangeInfo.
    """

    name: str
    exchange: str
    addresses: tuple[str, ...]
    address: str
    rest: str
    listing: str
    rules: Rules
    contracts: str = ""
    quotes_address: str = ""

    def subscriptions(self, symbols: Sequence[str], *, quotes: bool) -> list[Subscription]:
        found = []
        for chunk in chunks(symbols, self.rules.symbols_max):
            names = [self._market(symbol).lower() for symbol in chunk]
            trades = [f"{name}@aggTrade" for name in names]
            bests = [f"{name}@bookTicker" for name in names] if quotes else []
            if not self.quotes_address:
                found.append(_subscription(self.address, trades + bests, chunk))
                continue
            found.append(_subscription(self.address, trades, chunk))
            if bests:
                found.append(_subscription(self.quotes_address, bests, ()))
        return found

    def listed(self, body: bytes) -> list[str]:
        traded = [each for each in LISTING.decode(body).symbols if each.status == "TRADING"]
        return readable(self._symbol(each.name) for each in traded if each.kind in UNDATED)

    def history(self, symbol: str, after: Mark, before: Mark | None) -> str:  # noqa: ARG002 - pages go forward
        asked = f"{self.rest}?symbol={self._market(symbol)}&limit={PAGE}"
        if after.trade_id:
            return f"{asked}&fromId={int(after.trade_id) + 1}"
        return f"{asked}&startTime={after.time_us // 1000}"

    def told_history(self, symbol: str, body: bytes) -> Told:
        return read("history", lambda: self._told_history(symbol, body))

    def _told_history(self, symbol: str, body: bytes) -> Told:
        name = self._market(symbol)
        return Told(
            trades=[
                Trade(
                    symbol, name, each.price, each.size, "SELL" if each.buyer_made else "BUY", str(each.aggregate_id),
                    microseconds(each.time_ms),
                )
                for each in PAST.decode(body)
            ]
        )  # fmt: skip

    def _market(self, symbol: str) -> str:
        """The venue's name of it. Raises ValueError where it has none of that kind."""
        base, quote, words = parts(symbol)
        if bool(words) != bool(self.contracts):
            other = "binance-futures" if words else "binance"
            raise ValueError(f"{symbol} is no market of {self.name}: see {other}")
        return base + quote if words in ("", self.contracts) else f"{base}{quote}_{words}"

    def told(self, frame: bytes, received_us: int) -> Told:
        return read("", lambda: self._told(frame, received_us))

    def _told(self, frame: bytes, received_us: int) -> Told:
        held = ENVELOPE.decode(frame).data
        inside = frame if isinstance(held, msgspec.UnsetType) else bytes(held)
        event = EVENT.decode(inside)
        if event.event in ("aggTrade", "trade"):
            return read(event.event, lambda: Told(trades=[self._trade(TRADE.decode(inside))]))
        if event.event == "serverShutdown":
            return notice("ending", words="serverShutdown")
        if not isinstance(event.error, msgspec.UnsetType):
            return notice("failed", words=bytes(event.error).decode(errors="replace"))
        if event.code is not None:
            return notice("failed", words=event.words)
        if event.id is not None:
            return HEARD if event.id == ENDED else notice("subscribed")
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


def _subscription(address: str, streams: Sequence[str], symbols: Sequence[str]) -> Subscription:
    frame, end = (
        msgspec.json.encode({"method": method, "params": streams, "id": number}).decode()
        for method, number in (("SUBSCRIBE", SUBSCRIBED), ("UNSUBSCRIBE", ENDED))
    )
    return Subscription(address, (frame,), tuple(symbols), (end,))


FORWARD: Final = Rules("forward", 0.05, ids_follow=True, symbols_max=200)
BINANCE: Final = Binance(
    "binance",
    "BINANCE",
    ("wss://stream.binance.", "wss://data-stream.binance."),
    "wss://stream.binance.com:9443/stream",
    "https://api.binance.com/api/v3/aggTrades",
    "https://api.binance.com/api/v3/exchangeInfo?permissions=SPOT&symbolStatus=TRADING&showPermissionSets=false",
    FORWARD,
)
BINANCE_FUTURES: Final = Binance(
    "binance-futures",
    "BINANCE-FUTURES",
    ("wss://fstream.binance.",),
    "wss://fstream.binance.com/market/stream",
    "https://fapi.binance.com/fapi/v1/aggTrades",
    "https://fapi.binance.com/fapi/v1/exchangeInfo",
    replace(FORWARD, rest_pause_s=0.5),
    PERPETUAL,
    "wss://fstream.binance.com/public/stream",
)
