"""Kraken: trades, and the best bid and ask of its ticker; V2 as documented, and V1 as recordings have it.

V1 sends arrays without ids, V2 objects with numbers that keep their digits here. XBT and XDG are BTC and DOGE
elsewhere. After subscribing V2 sends the last trades again, as a snapshot. V1's ticker has no time, so a quote has that
of its arrival. Source: the venue's documentation of WebSockets V1 and V2 (trade, ticker) and of REST (Trades,
AssetPairs).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import EMPTY, HEARD, NOTHING, in_order, microseconds, notice, read
from feeds.marks import Mark
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import parts, readable, renamed
from feeds.venue import Rules, Subscription, chunks

__all__ = ["KRAKEN", "Kraken"]

ALIASES: Final = (("XBT", "BTC"), ("XDG", "DOGE"))
NAMES: Final = {ours: theirs for theirs, ours in ALIASES}
ADDRESS: Final = "wss://ws.kraken.com/v2"
REST: Final = "https://api.kraken.com/0/public/Trades"
PAGE: Final = 1000
MICROSECOND_DIGITS: Final = 6
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
    """With a ``method`` it is an answer."""

    channel: str = ""
    kind: str = msgspec.field(name="type", default="")
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    method: str = ""
    success: bool = True
    symbol: str = ""
    error: str = ""
    result: msgspec.Raw = EMPTY


class Subscribed(msgspec.Struct):
    channel: str = ""
    symbol: str = ""


class PastTrade(msgspec.Struct, array_like=True):
    price: msgspec.Raw
    size: msgspec.Raw
    time: msgspec.Raw
    side: str
    kind: str
    words: str
    trade_id: int


class Page(msgspec.Struct):
    """``result``: the trades under the name of their pair, and ``last``, the mark of the next page."""

    error: list[str] = []
    result: dict[str, msgspec.Raw] = {}


class ListedPair(msgspec.Struct):
    name: str = msgspec.field(name="wsname", default="")
    status: str = ""


class Listing(msgspec.Struct):
    """``result``: pairs by their names in REST."""

    error: list[str] = []
    result: dict[str, ListedPair] = {}


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
PAGES: Final = msgspec.json.Decoder(Page)
PAST: Final = msgspec.json.Decoder(list[PastTrade])
LISTING: Final = msgspec.json.Decoder(Listing)
RESULT: Final = msgspec.json.Decoder(Subscribed)
TICKERS_V2: Final = msgspec.json.Decoder(list[TickerV2])
BOOKS: Final = b'"book-'
"""V1's books come as arrays of five; nobody asks for them here."""
RULES: Final = Rules("forward", 1.0, ids_follow=True, ping='{"method":"ping"}', beats=True, symbols_max=100)


@dataclass(frozen=True, slots=True)
class Kraken:
    name: str = "kraken"
    exchange: str = "KRAKEN"
    addresses: tuple[str, ...] = ("wss://ws.kraken.com",)
    rules: Rules = RULES
    listing: str = "https://api.kraken.com/0/public/AssetPairs"

    def subscriptions(self, symbols: Sequence[str], *, quotes: bool) -> list[Subscription]:
        channels: list[dict[str, object]] = [{"channel": "trade", "snapshot": True}]
        channels += [{"channel": "ticker", "event_trigger": "bbo"}] if quotes else []
        found = []
        for chunk in chunks(symbols, self.rules.symbols_max):
            names = ["/".join(_market(symbol)) for symbol in chunk]
            frames, ends = (
                tuple(
                    msgspec.json.encode({"method": method, "params": {**channel, "symbol": names}}).decode()
                    for channel in channels
                )
                for method in ("subscribe", "unsubscribe")
            )
            found.append(Subscription(ADDRESS, frames, tuple(chunk), ends))
        return found

    def listed(self, body: bytes) -> list[str]:
        found = LISTING.decode(body)
        if found.error:
            raise ValueError(", ".join(found.error))
        traded = [each.name for each in found.result.values() if each.status == "online"]
        return readable(renamed(name, "/", ALIASES) for name in traded)

    def history(self, symbol: str, after: Mark, before: Mark | None) -> str:  # noqa: ARG002 - pages go forward
        base, quote = _market(symbol)
        pair = NAMES.get(base, base) + NAMES.get(quote, quote)
        # In ns, of what comes behind it: the mark's own time is asked for again, as several trades may have it.
        return f"{REST}?pair={pair}&count={PAGE}&since={max(after.time_us - 1, 0)}000"

    def told_history(self, symbol: str, body: bytes) -> Told:
        return read("history", lambda: _told_history(symbol, body))

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
    if isinstance(data, msgspec.UnsetType) or push.channel == "status":
        return _noticed(push)
    if push.channel == "trade":
        is_past = push.kind == "snapshot"
        return read("trade", lambda: in_order(Told(trades=_trades_v2(bytes(data), is_past=is_past))))
    if push.channel == "ticker":
        return read("ticker", lambda: Told(quotes=_quotes_v2(bytes(data), received_us)))
    return NOTHING


def _noticed(push: PushV2) -> Told:
    if not push.success:
        symbol = renamed(push.symbol, "/", ALIASES) if push.symbol else ""
        return notice("refused" if symbol else "failed", symbol, push.error)
    if push.method == "subscribe" and push.result != EMPTY:
        found = RESULT.decode(push.result)
        if found.channel == "trade":
            return notice("subscribed", renamed(found.symbol, "/", ALIASES))
    return HEARD if push.method or push.channel in ("heartbeat", "status") else NOTHING


def _market(symbol: str) -> tuple[str, str]:
    """Base and quote. Raises ValueError for contracts, which another venue of Kraken's has."""
    base, quote, words = parts(symbol)
    if words:
        raise ValueError(f"{symbol} is no market of Kraken's spot")
    return base, quote


def _told_history(symbol: str, body: bytes) -> Told:
    page, name = PAGES.decode(body), "/".join(_market(symbol))
    if page.error:
        raise ValueError(", ".join(page.error))
    rows = next((PAST.decode(value) for key, value in page.result.items() if key != "last"), [])
    return Told(
        trades=[
            Trade(
                symbol, name, each.price, each.size, SIDES.get(each.side, "UNKNOWN"), str(each.trade_id),
                _time_us(bytes(each.time).decode()),
            )
            for each in rows
        ]
    )  # fmt: skip


def _time_us(text: str) -> int:
    """Of seconds as a JSON number; what stands behind microseconds is cut off."""
    whole, _, rest = text.partition(".")
    return microseconds(f"{whole}.{rest[:MICROSECOND_DIGITS] or '0'}")


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
