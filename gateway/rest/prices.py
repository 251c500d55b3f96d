"""``GET /api/prices/{symbol}`` and ``GET /api/prices?symbols=``: the last price.

Redis first, then ClickHouse's last trade; the encoded answer is cached for 5 s. When Redis is down, an answer from
history or from the cache is marked ``"stale": true`` and ``X-Stale``, and where there is none it is a 503.
"""

from typing import Final

import msgspec

from core.fanout.shown_quote import shown_quote
from gateway.access.principal import Principal
from gateway.messages.values import raw
from gateway.rest.cache import Cache, Found
from gateway.rest.endpoint import Call, Operation, check_symbol
from gateway.rest.errors import bad_request, symbol_not_found
from gateway.rest.limits import Limiter
from gateway.rest.reply import Reply, etag_of
from gateway.rest.words import PriceAnswer, PricesQuery
from gateway.stores.breaker import BreakerOpenError
from gateway.stores.history import History
from gateway.stores.now import Now, NowUnavailableError

__all__ = ["Price", "Prices"]

SYMBOLS_MAX: Final = 500
LARGE_BATCH: Final = 50  # more symbols than this in one request count as a large batch
STALE_HEADERS: Final = [(b"x-stale", b"true"), (b"x-cache", b"STALE")]
HIT_HEADERS: Final = [(b"x-cache", b"HIT")]
MISS_HEADERS: Final = [(b"x-cache", b"MISS")]
FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
DECODER: Final = msgspec.json.Decoder(PriceAnswer)
EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "price": 64250.1,
    "bid": 64250.0,
    "ask": 64250.2,
    "volume": 1520.5301,
    "open": 63800,
    "high": 64500.5,
    "low": 63650.25,
    "previousClose": 63800,
    "change": 450.1,
    "changePercent": 0.7055,
    "timestamp": 1767225600123,
    "sequence": 184467,
    "exchange": "BINANCE",
    "stale": False,
    "bidSize": 1.5,
    "askSize": 0.75,
    "mid": 64250.1,
    "spread": 0.2,
    "quoteTimestamp": 1767225600201,
    "quoteSequence": 99120,
}


class Price(msgspec.Struct, frozen=True):
    """An answer ready to be sent. ``live``: it came from Redis while Redis was well."""

    body: bytes
    etag: bytes
    live: bool


class Prices:
    """Handlers of last prices."""

    def __init__(self, now: Now, history: History, cache: Cache[Price], limiter: Limiter) -> None:
        self._now = now
        self._history = history
        self._cache = cache
        self._limiter = limiter

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/prices/{symbol:path}",
                self.one,
                "getPrice",
                "prices",
                "Last price",
                PriceAnswer,
                example=EXAMPLE,
                headers=("X-Cache", "X-Stale", "Age"),
                tagged=True,
                at_hand=self.one_at_hand,
            ),
            Operation(
                "GET",
                "/api/prices",
                self.many,
                "getPrices",
                "prices",
                "Last prices of several symbols",
                list[PriceAnswer],
                query=PricesQuery,
                example=[EXAMPLE],
                tagged=True,
                description=f"In the order asked; unknown symbols are left out. More than {LARGE_BATCH} symbols are a "
                "large batch, of which a user has one per second.",
            ),
        )

    async def one(self, call: Call) -> Reply:
        symbol = call.symbol()
        known = self._cache.fresh(symbol)
        if known is not None:
            return Reply(known.body, etag=known.etag, headers=HIT_HEADERS if known.live else STALE_HEADERS)
        # Those who ask at the same time share commands already (Now), so only history's answers need one load for all.
        stale = False
        try:
            ticker, quote = await self._now.quoted_ticker(symbol)
        except (NowUnavailableError, BreakerOpenError):
            stale = True
        else:
            if ticker is not None:
                price = _live(ticker, quote)
                self._cache.keep(symbol, price)
                return Reply(price.body, etag=price.etag, headers=MISS_HEADERS)
        return _reply(await self._cache.get(symbol, lambda: self._last_trade(symbol, call, stale=stale)))

    def one_at_hand(self, path: dict[str, str], principal: Principal) -> Reply | None:
        """A price out of the cache, for one who may see it. What isn't a symbol is never in the cache."""
        symbol = path["symbol"]
        price = self._cache.fresh(symbol) if principal.may_see(symbol) else None
        return Reply(price.body, etag=price.etag, headers=HIT_HEADERS) if price is not None and price.live else None

    async def many(self, call: Call) -> Reply:
        symbols = [each.strip() for each in call.query.symbols.split(",") if each.strip()]
        if not 0 < len(symbols) <= SYMBOLS_MAX:
            raise bad_request(f"1 to {SYMBOLS_MAX} symbols", parameter="symbols", given=len(symbols))
        for symbol in symbols:
            check_symbol(symbol, call.principal)
        if len(symbols) > LARGE_BATCH:
            await self._limiter.batch(call.client)
        bodies = {symbol: price.body for symbol in symbols if (price := self._cache.fresh(symbol)) is not None}
        missing = [symbol for symbol in dict.fromkeys(symbols) if symbol not in bodies]
        if missing:
            for symbol, (ticker, quote) in zip(missing, await self._now.quoted_tickers(missing), strict=True):
                if ticker is not None:
                    bodies[symbol] = _live(ticker, quote).body
        body = b"[" + b",".join(bodies[symbol] for symbol in symbols if symbol in bodies) + b"]"
        return Reply(body, etag=etag_of(body))

    async def _last_trade(self, symbol: str, call: Call, *, stale: bool) -> Price:
        async with self._limiter.history(call.client):
            trade = await self._history.last_trade(symbol)
        if trade is None:
            raise symbol_not_found(symbol)
        answer = PriceAnswer(
            symbol=symbol,
            price=raw(trade.price),
            bid=raw(trade.bid),
            ask=raw(trade.ask),
            volume=raw(trade.day_volume),
            timestamp=trade.event_time_us // 1000,
            sequence=trade.sequence,
            exchange=trade.exchange,
            stale=stale,
        )
        body = msgspec.json.encode(answer)
        return Price(body, etag_of(body), live=not stale)


def _live(ticker: bytes, quote: bytes | None) -> Price:
    if quote is not None:
        fields = FIELDS.decode(ticker)
        ticker = msgspec.json.encode(fields | shown_quote(fields, FIELDS.decode(quote)))
    body = msgspec.json.encode(DECODER.decode(ticker))
    return Price(body, etag_of(body), live=True)


def _reply(found: Found[Price]) -> Reply:
    price = found.value
    if found.how == "STALE":
        answer = DECODER.decode(price.body)
        answer.stale = True
        body = msgspec.json.encode(answer)
        age = (b"age", b"%d" % found.age_s)
        return Reply(body, etag=etag_of(body), headers=[*STALE_HEADERS, age])
    if not price.live:
        return Reply(price.body, etag=price.etag, headers=STALE_HEADERS)
    return Reply(price.body, etag=price.etag, headers=HIT_HEADERS if found.how == "HIT" else MISS_HEADERS)
