"""OKX: trades, and the best bid and ask of its tickers; spot, swaps and dated contracts by one address.

Trades come by trades-all, one by one as in the history, and best bids and asks by an address of their own.
Source: the venue's documentation of its WebSocket (V5, channels trades, trades-all, tickers) and of REST
(history-trades, instruments).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from feeds.frame import HEARD, NOTHING, in_order, microseconds, notice, read
from feeds.marks import Mark
from feeds.rows import Quote, Side, Told, Trade
from feeds.symbols import PERPETUAL, parts, readable, renamed
from feeds.venue import Rules, Subscription, chunks

__all__ = ["OKX", "Okx"]

TRADES_ADDRESS: Final = "wss://ws.okx.com:8443/ws/v5/business"
QUOTES_ADDRESS: Final = "wss://ws.okx.com:8443/ws/v5/public"
REST: Final = "https://www.okx.com/api/v5"
PAGE: Final = 100
NO_MARKET: Final = "doesn't exist"
SIDES: Final[dict[str, Side]] = {"buy": "BUY", "sell": "SELL"}


class Arg(msgspec.Struct):
    channel: str = ""
    name: str = msgspec.field(name="instId", default="")


class Push(msgspec.Struct):
    """``data`` is missing in answers to a subscription, which have an ``event``."""

    arg: Arg = msgspec.field(default_factory=Arg)
    event: str = ""
    code: str = ""
    words: str = msgspec.field(name="msg", default="")
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


class ListedMarket(msgspec.Struct):
    name: str = msgspec.field(name="instId")
    state: str = ""


class Listing(msgspec.Struct):
    code: str
    words: str = msgspec.field(name="msg", default="")
    data: list[ListedMarket] = []


class Page(msgspec.Struct):
    """Of the history; ``code`` 0 is success."""

    code: str
    words: str = msgspec.field(name="msg", default="")
    data: list[TradeRow] = []


PAGES: Final = msgspec.json.Decoder(Page)
LISTING: Final = msgspec.json.Decoder(Listing)
PUSH: Final = msgspec.json.Decoder(Push)
TRADES: Final = msgspec.json.Decoder(list[TradeRow])
TICKERS: Final = msgspec.json.Decoder(list[TickerRow])
RULES: Final = Rules("backward", 0.12, ping="ping", ping_s=20, beats=True, symbols_max=50, by_time=True)


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
    rules: Rules = RULES
    listing: str = f"{REST}/public/instruments?instType=SPOT"

    def subscriptions(self, symbols: Sequence[str], *, quotes: bool) -> list[Subscription]:
        found = []
        for chunk in chunks(symbols, self.rules.symbols_max):
            names = [_market(symbol) for symbol in chunk]
            found.append(_subscription(TRADES_ADDRESS, "trades-all", names, chunk))
            if quotes:
                found.append(_subscription(QUOTES_ADDRESS, "tickers", names, ()))
        return found

    def listed(self, body: bytes) -> list[str]:
        found = LISTING.decode(body)
        if found.code != "0":
            raise ValueError(f"{found.code} {found.words}")
        return readable(renamed(each.name, "-") for each in found.data if each.state == "live")

    def history(self, symbol: str, after: Mark, before: Mark | None) -> str:  # noqa: ARG002 - pages go backward
        asked = f"{REST}/market/history-trades?instId={_market(symbol)}&limit={PAGE}"
        if before is None:
            return asked
        if before.trade_id:
            return f"{asked}&type=1&after={before.trade_id}"
        return f"{asked}&type=2&after={-(-before.time_us // 1000)}"

    def told_history(self, symbol: str, body: bytes) -> Told:  # noqa: ARG002 - each of its rows has its name
        return read("history", lambda: _told_history(body))

    def told(self, frame: bytes, received_us: int) -> Told:  # noqa: ARG002 - each of its rows has a time
        if frame == b"pong":
            return HEARD
        return read("", lambda: self._told(frame))

    def _told(self, frame: bytes) -> Told:
        push = PUSH.decode(frame)
        data, channel = push.data, push.arg.channel
        if isinstance(data, msgspec.UnsetType):
            return _noticed(push)
        if channel in ("trades", "trades-all"):
            return read(channel, lambda: in_order(Told(trades=[_trade(each) for each in TRADES.decode(bytes(data))])))
        if channel == "tickers":
            return read(channel, lambda: Told(quotes=[_quote(each) for each in TICKERS.decode(bytes(data))]))
        return NOTHING


def _market(symbol: str) -> str:
    base, quote, words = parts(symbol)
    kind = {"": "", PERPETUAL: "-SWAP"}.get(words, f"-{words}")
    return f"{base}-{quote}{kind}"


def _subscription(address: str, channel: str, names: Sequence[str], symbols: Sequence[str]) -> Subscription:
    args = [{"channel": channel, "instId": name} for name in names]
    frame, end = (msgspec.json.encode({"op": op, "args": args}).decode() for op in ("subscribe", "unsubscribe"))
    return Subscription(address, (frame,), tuple(symbols), (end,))


def _noticed(push: Push) -> Told:
    if push.event == "subscribe" and push.arg.channel == "trades-all":
        return notice("subscribed", renamed(push.arg.name, "-"))
    if push.event == "error":
        # The market stands in its words alone: channel:trades-all,instId:A-B doesn't exist.
        _, found, rest = push.words.partition("instId:")
        name = rest.split(" ")[0].split(",")[0] if found and NO_MARKET in rest else ""
        symbol = renamed(name, "-") if name else ""
        return notice("refused" if symbol else "failed", symbol, f"{push.code} {push.words}")
    if push.event == "notice":
        return notice("ending", words=f"{push.code} {push.words}")
    return HEARD if push.event else NOTHING


def _told_history(body: bytes) -> Told:
    page = PAGES.decode(body)
    if page.code != "0":
        raise ValueError(f"{page.code} {page.words}")
    return in_order(Told(trades=[_trade(each) for each in page.data]))


def _trade(row: TradeRow) -> Trade:
    side = SIDES.get(row.side, "UNKNOWN")
    return Trade(renamed(row.name, "-"), row.name, row.price, row.size, side, row.trade_id, microseconds(row.time))


def _quote(row: TickerRow) -> Quote:
    symbol, time_us = renamed(row.name, "-"), microseconds(row.time)
    return Quote(symbol, row.name, row.bid, row.ask, row.bid_size, row.ask_size, time_us)


OKX: Final = Okx()
