"""Bitget: trades, and the best bid and ask of its ticker; V2 as documented, and V1 as recordings have it.

The venue closed V1 on 2025-11-28. In V1 a trade is an array without an id, in V2 an object with one. After subscribing
both send the last trades again, newest first, as a snapshot. What isn't spot is named as a contract.
Source: the venue's documentation of its WebSocket (V2, public channels trade and ticker) and of its REST (V2,
fills-history of spot and mix: 90 days, at most seven in one question; public/symbols of spot).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import EMPTY, HEARD, NOTHING, in_order, microseconds, notice, read
from feeds.marks import Mark
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import PERPETUAL, contract, cut, parts, readable
from feeds.venue import Rules, Subscription, chunks

__all__ = ["BITGET", "Bitget"]

SIDES: Final[dict[str, Side]] = {"buy": "BUY", "sell": "SELL"}
SPOT: Final = ("SP", "SPOT")
ADDRESS: Final = "wss://ws.bitget.com/v2/ws/public"
REST: Final = "https://api.bitget.com/api/v2"
FUTURES: Final = {"USDT": "USDT-FUTURES", "USD": "COIN-FUTURES"}
NO_MARKET: Final = ("30001", "30016", "30018")
"""Codes of an error about the market that was asked for."""
PAGE: Final = 1000
DAY_US: Final = 86_400_000_000


class Arg(msgspec.Struct):
    kind: str = msgspec.field(name="instType", default="")
    channel: str = ""
    name: str = msgspec.field(name="instId", default="")


class Push(msgspec.Struct):
    """``data`` is missing in answers to a subscription, which have an ``event``."""

    arg: Arg = msgspec.field(default_factory=Arg)
    action: str = ""
    event: str = ""
    code: int | str | None = None
    words: str = msgspec.field(name="msg", default="")
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


class Page(msgspec.Struct):
    """Of the history; ``code`` 00000 is success."""

    code: str
    words: str = msgspec.field(name="msg", default="")
    data: list[TradeV2] | None = None


class ListedMarket(msgspec.Struct):
    name: str = msgspec.field(name="symbol")
    status: str = ""


class Listing(msgspec.Struct):
    code: str
    words: str = msgspec.field(name="msg", default="")
    data: list[ListedMarket] = []


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
PAGES: Final = msgspec.json.Decoder(Page)
LISTING: Final = msgspec.json.Decoder(Listing)
TRADES_V1: Final = msgspec.json.Decoder(list[TradeV1])
TRADES_V2: Final = msgspec.json.Decoder(list[TradeV2])
ARRAYS: Final = b"[["
"""How the trades of V1 begin."""
IS_V2: Final = b'"bidPr"'
"""Stands in each ticker of V2."""
TICKERS_V1: Final = msgspec.json.Decoder(list[TickerV1])
TICKERS_V2: Final = msgspec.json.Decoder(list[TickerV2])
RULES: Final = Rules("backward", 0.1, ping="ping", ping_s=25, beats=True, symbols_max=25, by_time=True)


@dataclass(frozen=True, slots=True)
class Bitget:
    """All markets; which one a frame is about stands in it."""

    name: str = "bitget"
    exchange: str = "BITGET"
    addresses: tuple[str, ...] = ("wss://ws.bitget.com/", "wss://vip-ws-uta.bitget.com/")
    rules: Rules = RULES
    listing: str = f"{REST}/spot/public/symbols"

    def subscriptions(self, symbols: Sequence[str], *, quotes: bool) -> list[Subscription]:
        channels = ("trade", "ticker") if quotes else ("trade",)
        found = []
        for chunk in chunks(symbols, self.rules.symbols_max):
            markets = [_market(symbol) for symbol in chunk]
            args = [
                {"instType": kind, "channel": channel, "instId": name} for kind, name in markets for channel in channels
            ]
            frame, end = (msgspec.json.encode({"op": op, "args": args}).decode() for op in ("subscribe", "unsubscribe"))
            found.append(Subscription(ADDRESS, (frame,), tuple(chunk), (end,)))
        return found

    def listed(self, body: bytes) -> list[str]:
        found = LISTING.decode(body)
        if found.code != "00000":
            raise ValueError(f"{found.code} {found.words}")
        return readable(cut(each.name) for each in found.data if each.status == "online")

    def history(self, symbol: str, after: Mark, before: Mark | None) -> str:
        kind, name = _market(symbol)
        path = "spot/market/fills-history?" if kind == "SPOT" else f"mix/market/fills-history?productType={kind}&"
        asked = f"{REST}/{path}symbol={name}&limit={PAGE}"
        if before is None:
            return asked
        if before.trade_id:
            return f"{asked}&idLessThan={before.trade_id}"
        start_us = max(after.time_us, before.time_us - DAY_US)
        return f"{asked}&startTime={start_us // 1000}&endTime={-(-before.time_us // 1000)}"

    def told_history(self, symbol: str, body: bytes) -> Told:
        return read("history", lambda: self._told_history(symbol, body))

    def _told_history(self, symbol: str, body: bytes) -> Told:
        page = PAGES.decode(body)
        if page.code != "00000":
            raise ValueError(f"{page.code} {page.words}")
        return in_order(Told(trades=self._trades(symbol, _market(symbol)[1], page.data or [], is_past=False)))

    def told(self, frame: bytes, received_us: int) -> Told:
        if frame == b"pong":
            return HEARD
        return read("", lambda: self._told(frame, received_us))

    def _told(self, frame: bytes, received_us: int) -> Told:
        push = PUSH.decode(frame)
        data, arg = push.data, push.arg
        if isinstance(data, msgspec.UnsetType):
            return self._noticed(push)
        if arg.channel == "trade":
            is_past = push.action == "snapshot"
            return read("trade", lambda: in_order(Told(trades=self._pushed(arg, bytes(data), is_past=is_past))))
        if arg.channel == "ticker":
            return read("ticker", lambda: Told(quotes=self._quotes(arg, bytes(data), received_us)))
        return NOTHING

    def _noticed(self, push: Push) -> Told:
        """An answer: of trades alone, as quotes are never waited for."""
        symbol = self._symbol(push.arg) if push.arg.name else ""
        if push.event == "subscribe":
            return notice("subscribed", symbol) if push.arg.channel == "trade" else HEARD
        if push.event == "error":
            is_refusal = symbol and str(push.code) in NO_MARKET
            return notice("refused" if is_refusal else "failed", symbol, f"{push.code} {push.words}")
        return HEARD if push.event else NOTHING

    def _pushed(self, arg: Arg, data: bytes, *, is_past: bool) -> list[Trade]:
        decoder: msgspec.json.Decoder[list[TradeV1]] | msgspec.json.Decoder[list[TradeV2]]
        decoder = TRADES_V1 if data.startswith(ARRAYS) else TRADES_V2
        return self._trades(self._symbol(arg), arg.name, decoder.decode(data), is_past=is_past)

    @staticmethod
    def _trades(symbol: str, name: str, rows: Sequence[TradeV1 | TradeV2], *, is_past: bool) -> list[Trade]:
        told = []
        for each in rows:
            trade_id = each.trade_id if isinstance(each, TradeV2) else ""
            side, time_us = SIDES.get(each.side.lower(), "UNKNOWN"), microseconds(each.time)
            told.append(Trade(symbol, name, each.price, each.size, side, trade_id, time_us, is_past))
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


def _market(symbol: str) -> tuple[str, str]:
    """The venue's kind and name of a market. Raises ValueError where it has none of that kind."""
    base, quote, words = parts(symbol)
    if not words:
        return "SPOT", base + quote
    if words != PERPETUAL or quote not in FUTURES:
        raise ValueError(f"{symbol} is no market of Bitget's: contracts are BTC/USDT-PERP and BTC/USD-PERP")
    return FUTURES[quote], base + quote


BITGET: Final = Bitget()
