"""``GET /api/trades/{symbol}`` and ``GET /api/stats/{symbol}``: raw trades, and exact figures over a period.

Both read ClickHouse alone. Trades are paged by offset, or by a cursor that holds the place of the last trade given
(time, partition, offset), so that a page costs the same however deep. A page that ends in the past is cached for 60 s,
one that reaches the present for a second, so that many dashboards are one query.
"""

import base64
import binascii
import struct
from datetime import UTC, datetime
from typing import Final

import msgspec

from gateway.messages.values import raw
from gateway.rest.cache import Cache
from gateway.rest.endpoint import Call, Operation
from gateway.rest.errors import bad_request, symbol_not_found
from gateway.rest.known_symbols import KnownSymbols
from gateway.rest.limits import Limiter
from gateway.rest.paging import next_page
from gateway.rest.reply import Reply, etag_of
from gateway.rest.time_range import read_range
from gateway.rest.words import StatsAnswer, StatsQuery, TradeAnswer, TradesQuery
from gateway.stores.history import Figures, History, TradeRow

__all__ = ["Page", "Trades", "decode_cursor", "encode_cursor"]

CURSOR: Final = struct.Struct(">QIQI")
SETTLED_US: Final = 120_000_000  # a range that ended this long ago gains no trades any more, late ones aside
HOUR_US: Final = 3_600_000_000
PERIODS_US: Final = {"1h": HOUR_US, "1d": 24 * HOUR_US, "1w": 168 * HOUR_US, "1m": 720 * HOUR_US}
TRADES_EXAMPLE: Final = [
    {
        "symbol": "BTC/USDT",
        "price": 64250.1,
        "volume": 0.015,
        "side": "BUY",
        "timestamp": 1767225600123,
        "sequence": 184467,
        "tradeId": "3301",
        "exchange": "BINANCE",
    }
]
STATS_EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "period": "1d",
    "open": 63800,
    "high": 64500.5,
    "low": 63650.25,
    "close": 64250.1,
    "volume": 1520.5301,
    "avgPrice": 64101.2214500131,
    "tickCount": 98211,
    "trades": 98211,
    "volatility": 171.0021934411,
    "startTime": 1767139200123,
    "endTime": 1767225600123,
    "stale": False,
}


class Page(msgspec.Struct, frozen=True):
    """An answer ready to be sent."""

    body: bytes
    cursor: bytes | None = None
    found: bool = True


class Trades:
    """Handlers of trades and figures. ``settled`` caches closed ranges, ``recent`` those that reach the present."""

    def __init__(
        self, history: History, known: KnownSymbols, settled: Cache[Page], recent: Cache[Page], limiter: Limiter
    ) -> None:
        self._history = history
        self._known = known
        self._settled = settled
        self._recent = recent
        self._limiter = limiter

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/trades/{symbol:path}",
                self.trades,
                "getTrades",
                "history",
                "Trades",
                list[TradeAnswer],
                query=TradesQuery,
                example=TRADES_EXAMPLE,
                headers=("X-Next-Cursor", "Link", "X-Cache", "X-Stale"),
                tagged=True,
                watched=True,
                description="Newest first, or by order=asc oldest first. A full page has the headers X-Next-Cursor and "
                "Link; give the cursor back to go on. "
                "Trades that arrive meanwhile do not shift the pages of a cursor.",
            ),
            Operation(
                "GET",
                "/api/stats/{symbol:path}",
                self.stats,
                "getStats",
                "history",
                "Figures over a period",
                StatsAnswer,
                query=StatsQuery,
                example=STATS_EXAMPLE,
                headers=("X-Cache", "X-Stale"),
                tagged=True,
                watched=True,
                description="Computed from the trades themselves, exactly.",
            ),
        )

    async def trades(self, call: Call) -> Reply:
        symbol, query = call.symbol(), call.query
        low_ms, high_ms, forward = read_range(query)
        if query.cursor is not None and query.offset:
            raise bad_request("Either cursor or offset", parameter="cursor")
        beyond = None if query.cursor is None else decode_cursor(query.cursor)

        async def load() -> Page:
            high_us = min(high_ms * 1000 + 999, call.now_us + SETTLED_US)
            async with self._limiter.history(call.client):
                count = query.offset + query.limit
                rows = await self._history.trades(symbol, low_ms * 1000, high_us, count, beyond, forward=forward)
                found = bool(rows) or await self._known.has(symbol)
            return self._page(symbol, rows[query.offset :], query, found)

        ends_us = high_ms * 1000 if forward or beyond is None else min(high_ms * 1000, beyond[0])
        cache = self._settled if ends_us < call.now_us - SETTLED_US else self._recent
        key = ("trades", symbol, low_ms, high_ms, query.limit, query.offset, beyond, query.order)
        found = await cache.get(key, load)
        reply = _reply(symbol, found.value, found.how)
        if found.value.cursor is not None:
            reply.headers += next_page(call, found.value.cursor)
        return reply

    def _page(self, symbol: str, rows: list[TradeRow], query: TradesQuery, found: bool) -> Page:
        last = rows[-1] if len(rows) == query.limit else None
        cursor = None if last is None else encode_cursor(last.event_time_us, last.partition, last.offset, last.place)
        if query.order == "asc" and query.start_time is None:
            rows.reverse()
        answers = [
            TradeAnswer(
                symbol=symbol,
                price=raw(row.price),
                volume=raw(row.size),
                side=row.side,  # type: ignore[arg-type]  # the column's enum holds the same three words
                timestamp=row.event_time_us // 1000,
                sequence=row.sequence,
                trade_id=row.trade_id,
                exchange=row.exchange,
            )
            for row in rows
        ]
        return Page(msgspec.json.encode(answers), cursor, found)

    async def stats(self, call: Call) -> Reply:
        symbol, period = call.symbol(), call.query.period

        async def load() -> Page:
            now_us = call.now_us
            low_us = _period_start_us(period, now_us)
            async with self._limiter.history(call.client):
                figures = await self._history.figures(symbol, low_us, now_us)
                found = figures.ticks > 0 or await self._known.has(symbol)
            if period == "all":
                low_us = figures.first_us or now_us
            return Page(msgspec.json.encode(_stats(symbol, period, figures, low_us, now_us)), None, found)

        found = await self._recent.get(("stats", symbol, period), load)
        if found.how != "STALE":
            return _reply(symbol, found.value, found.how)
        answer = msgspec.json.decode(found.value.body, type=StatsAnswer)
        answer.stale = True
        return _reply(symbol, Page(msgspec.json.encode(answer), None, found.value.found), found.how)


def encode_cursor(event_time_us: int, partition: int, offset: int, index: int) -> bytes:
    """The place of a trade as text that is safe in a query."""
    return base64.urlsafe_b64encode(CURSOR.pack(event_time_us, partition, offset, index)).rstrip(b"=")


def decode_cursor(text: str) -> tuple[int, int, int, int]:
    """(event time in µs, partition, offset, index in the record); raises ApiError on text that is no cursor."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", True)
        event_time_us, partition, offset, index = CURSOR.unpack(packed)
        if max(event_time_us, offset) >= 2**63:
            raise ValueError(text)
    except (struct.error, binascii.Error, ValueError):
        raise bad_request("Not a cursor of ours; take it from X-Next-Cursor", parameter="cursor") from None
    return event_time_us, partition, offset, index


def _period_start_us(period: str, now_us: int) -> int:
    if period == "all":
        return 0
    if period == "ytd":
        year = datetime.fromtimestamp(now_us / 1_000_000, UTC).year
        return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    return now_us - PERIODS_US[period]


def _stats(symbol: str, period: str, figures: Figures, low_us: int, high_us: int) -> StatsAnswer:
    return StatsAnswer(
        symbol=symbol,
        period=period,  # type: ignore[arg-type]  # the query took one of the words
        open=raw(figures.open),
        high=raw(figures.high),
        low=raw(figures.low),
        close=raw(figures.close),
        volume=raw(figures.volume),
        avg_price=raw(figures.vwap),
        tick_count=figures.ticks,
        trades=figures.sized,
        volatility=raw(figures.volatility),
        start_time=low_us // 1000,
        end_time=high_us // 1000,
    )


def _reply(symbol: str, page: Page, how: str) -> Reply:
    if not page.found:
        raise symbol_not_found(symbol)
    headers = [(b"x-cache", how.encode())]
    if how == "STALE":
        headers.append((b"x-stale", b"true"))
    return Reply(page.body, etag=etag_of(page.body), headers=headers)
