"""Bybit: trades, best bids and asks of spot, linear and inverse markets; V5 as documented, V1 as recordings have it.

V1 sends prices and sizes as JSON numbers, which keep their digits here. Which kind of market a name is of stands in the
address alone, so each kind is a venue of its own. Several trades may come in one frame. The best bid and ask is the
book of depth 1, which always comes whole. Its REST has the last trades alone. Source: the venue's documentation of V5
(public trade, orderbook, recent-trade, instruments-info).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import EMPTY, HEARD, NOTHING, in_order, microseconds, notice, read
from feeds.marks import Mark
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import PERPETUAL, contract, cut, parts, readable
from feeds.venue import Rules, Subscription, chunks

__all__ = ["BYBIT", "BYBIT_INVERSE", "BYBIT_LINEAR", "Bybit"]

SIDES: Final[dict[str, Side]] = {"Buy": "BUY", "Sell": "SELL"}
ADDRESS: Final = "wss://stream.bybit.com/v5/public/"
REST: Final = "https://api.bybit.com/v5/market"
ARGS_MAX: Final = 10
"""Of one frame of spot."""
MARKETS: Final = 1000
"""Of one list; no kind has more."""
UNDATED: Final = ("", "LinearPerpetual", "InversePerpetual")
V5: Final = "publicTrade."
V1: Final = "trade."
BEST: Final = "orderbook.1"
REFUSED: Final = re.compile(r"(?:publicTrade|orderbook\.1)\.([^\],]+)")
NO_LEVEL: Final = (EMPTY, EMPTY)
"""Of a side without an order: a price that no topic takes, so the quote is a dead letter."""


class Push(msgspec.Struct):
    """With an ``op`` it is an answer."""

    topic: str = ""
    kind: str = msgspec.field(name="type", default="")
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    op: str = ""
    success: bool = True
    words: str = msgspec.field(name="ret_msg", default="")
    made_ms: int | None = msgspec.field(name="cts", default=None)


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


class Book(msgspec.Struct):
    """Of depth 1; each level is price and size."""

    symbol: str = msgspec.field(name="s")
    bids: list[tuple[msgspec.Raw, msgspec.Raw]] = msgspec.field(name="b")
    asks: list[tuple[msgspec.Raw, msgspec.Raw]] = msgspec.field(name="a")


class PastTrade(msgspec.Struct):
    trade_id: str = msgspec.field(name="execId")
    price: msgspec.Raw
    size: msgspec.Raw
    side: str
    time: str


class Rows(msgspec.Struct):
    rows: list[PastTrade] = msgspec.field(name="list", default_factory=list)


class ListedMarket(msgspec.Struct):
    """``kind``: of a contract; spot has none."""

    name: str = msgspec.field(name="symbol")
    status: str = ""
    kind: str = msgspec.field(name="contractType", default="")


class ListedMarkets(msgspec.Struct):
    rows: list[ListedMarket] = msgspec.field(name="list", default_factory=list)


class Listing(msgspec.Struct):
    code: int = msgspec.field(name="retCode")
    words: str = msgspec.field(name="retMsg", default="")
    result: ListedMarkets = msgspec.field(default_factory=ListedMarkets)


class Page(msgspec.Struct):
    """Of the last trades; ``code`` 0 is success."""

    code: int = msgspec.field(name="retCode")
    words: str = msgspec.field(name="retMsg", default="")
    result: Rows = msgspec.field(default_factory=Rows)


PAGES: Final = msgspec.json.Decoder(Page)
LISTING: Final = msgspec.json.Decoder(Listing)
PUSH: Final = msgspec.json.Decoder(Push)
BOOK: Final = msgspec.json.Decoder(Book)
TRADES_V5: Final = msgspec.json.Decoder(list[TradeV5])
TRADES_V1: Final = msgspec.json.Decoder(list[TradeV1])
RULES: Final = Rules("recent", 0.1, ping='{"op":"ping"}', beats=True, symbols_max=100)


@dataclass(frozen=True, slots=True)
class Bybit:
    """``contracts``: what futures without a date are called behind their pair; empty for spot. ``kind``: of its
    markets, as its addresses have it; ``page``: trades that REST gives at most.
    """

    name: str
    exchange: str
    addresses: tuple[str, ...]
    kind: str
    page: int
    contracts: str = ""
    rules: Rules = RULES

    def subscriptions(self, symbols: Sequence[str], *, quotes: bool) -> list[Subscription]:
        found = []
        for chunk in chunks(symbols, self.rules.symbols_max):
            names = [self._market(symbol) for symbol in chunk]
            topics = [V5 + name for name in names] + ([f"{BEST}.{name}" for name in names] if quotes else [])
            frames, ends = (
                tuple(msgspec.json.encode({"op": op, "args": part}).decode() for part in chunks(topics, ARGS_MAX))
                for op in ("subscribe", "unsubscribe")
            )
            found.append(Subscription(ADDRESS + self.kind, frames, tuple(chunk), ends))
        return found

    @property
    def listing(self) -> str:
        return f"{REST}/instruments-info?category={self.kind}&limit={MARKETS}"

    def listed(self, body: bytes) -> list[str]:
        found = LISTING.decode(body)
        if found.code:
            raise ValueError(f"{found.code} {found.words}")
        traded = [each for each in found.result.rows if each.status == "Trading"]
        return readable(self._symbol(each.name) for each in traded if each.kind in UNDATED)

    def history(self, symbol: str, after: Mark, before: Mark | None) -> str:  # noqa: ARG002 - the last trades alone
        return f"{REST}/recent-trade?category={self.kind}&symbol={self._market(symbol)}&limit={self.page}"

    def told_history(self, symbol: str, body: bytes) -> Told:
        return read("history", lambda: self._told_history(symbol, body))

    def _told_history(self, symbol: str, body: bytes) -> Told:
        page, name = PAGES.decode(body), self._market(symbol)
        if page.code:
            raise ValueError(f"{page.code} {page.words}")
        return in_order(
            Told(
                trades=[
                    Trade(
                        symbol, name, each.price, each.size, SIDES.get(each.side, "UNKNOWN"), each.trade_id,
                        microseconds(each.time),
                    )
                    for each in page.result.rows
                ]
            )
        )  # fmt: skip

    def _market(self, symbol: str) -> str:
        """The venue's name of it. Raises ValueError where it has none of that kind."""
        base, quote, words = parts(symbol)
        if words != self.contracts:
            raise ValueError(f"{symbol} is no market of {self.name}")
        return base + quote

    def told(self, frame: bytes, received_us: int) -> Told:  # noqa: ARG002 - each of its frames has a time
        return read("", lambda: self._told(frame))

    def _told(self, frame: bytes) -> Told:
        push = PUSH.decode(frame)
        data, topic = push.data, push.topic
        if topic.startswith(f"{BEST}.") and not isinstance(data, msgspec.UnsetType):
            return read(BEST, lambda: Told(quotes=[self._quote(push, bytes(data))]))
        if isinstance(data, msgspec.UnsetType) or not topic.startswith((V1, V5)):
            return self._noticed(push)
        decoder = TRADES_V5 if topic.startswith(V5) else TRADES_V1
        return read(topic, lambda: in_order(Told(trades=[self._trade(each) for each in decoder.decode(bytes(data))])))

    def _noticed(self, push: Push) -> Told:
        """One bad market fails all of its frame, and its name stands in the words alone."""
        if not push.success:
            found = REFUSED.search(push.words)
            symbol = self._symbol(found[1]) if found else ""
            return notice("refused" if symbol else "failed", symbol, push.words)
        if push.op == "subscribe":
            return notice("subscribed")
        return HEARD if push.op else NOTHING

    def _symbol(self, name: str) -> str:
        symbol = cut(name)
        return contract(symbol, self.contracts) if self.contracts and "-" not in symbol else symbol

    def _trade(self, row: TradeV5 | TradeV1) -> Trade:
        symbol, side = self._symbol(row.symbol), SIDES.get(row.side, "UNKNOWN")
        return Trade(symbol, row.symbol, row.price, row.size, side, row.trade_id, microseconds(row.time))

    def _quote(self, push: Push, data: bytes) -> Quote:
        """By the time of the matching engine, as trades."""
        if push.kind != "snapshot" or push.made_ms is None:
            raise ValueError("no whole book with its time")
        book = BOOK.decode(data)
        bid, ask = (levels[0] if levels else NO_LEVEL for levels in (book.bids, book.asks))
        symbol, time_us = self._symbol(book.symbol), microseconds(push.made_ms)
        return Quote(symbol, book.symbol, bid[0], ask[0], bid[1], ask[1], time_us)


BYBIT: Final = Bybit("bybit", "BYBIT", ("wss://stream.bybit.com/v5/public/spot",), "spot", 60)
BYBIT_LINEAR: Final = Bybit(
    "bybit-linear", "BYBIT-LINEAR", ("wss://stream.bybit.com/v5/public/linear",), "linear", 1000, PERPETUAL
)
BYBIT_INVERSE: Final = Bybit(
    "bybit-inverse",
    "BYBIT-INVERSE",
    ("wss://stream.bybit.com/v5/public/inverse", "wss://stream.bybit.com/realtime"),
    "inverse",
    1000,
    PERPETUAL,
)
