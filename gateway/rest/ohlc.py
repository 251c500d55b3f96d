"""``GET /api/ohlc/{symbol}``: bars of a range, the live one included, without a hole or a double.

Three sources overlap: ClickHouse (all final bars, some seconds late, cached for 60 s), Redis' last final bars, and
Redis' newest bar. They are merged by start; of two the higher sequence wins, then the final one. What ClickHouse does
not have yet stands in Redis, read after it and in one transaction; should Redis not reach back to it, ClickHouse is
asked anew. To join this answer and the stream, a client subscribes first, asks here, and keys bars by ``time``. Of two
bars it keeps the one with the higher ``tradeCount``, or ``revision``. ``X-Sequence`` is the highest sequence that this
answer knows.
"""

from typing import Final, NamedTuple

import msgspec

from gateway.messages.values import raw
from gateway.rest.cache import Cache, Found
from gateway.rest.endpoint import Call, Operation
from gateway.rest.errors import bad_request, symbol_not_found
from gateway.rest.known_symbols import KnownSymbols
from gateway.rest.limits import Limiter
from gateway.rest.reply import Reply, etag_of
from gateway.rest.time_range import TimeRange, read_range
from gateway.rest.words import BarAnswer, OhlcQuery
from gateway.stores.breaker import BreakerOpenError
from gateway.stores.clickhouse import HistoryTooSlowError, HistoryUnavailableError
from gateway.stores.history import BarRow, History
from gateway.stores.now import Now, NowUnavailableError, RecentBars
from schemas.intervals import INTERVALS, Interval, parse_interval

__all__ = ["Bars", "Ohlc", "merge_bars"]

OVERLAP_BARS: Final = 64  # final bars read again from Redis, for revisions younger than the cached history
HISTORY_OUT: Final = (HistoryUnavailableError, HistoryTooSlowError, BreakerOpenError)
DECODER: Final = msgspec.json.Decoder(BarAnswer)
NOTHING: Final = RecentBars(None, [], None)
EXAMPLE: Final = [
    {
        "symbol": "BTC/USDT",
        "time": 1767225600000,
        "open": 64200,
        "high": 64260.5,
        "low": 64190.25,
        "close": 64250.1,
        "volume": 12.5301,
        "quoteVolume": 804950.119,
        "vwap": 64241.3165,
        "tradeCount": 321,
        "final": False,
        "revision": 0,
        "sequence": 184467,
    }
]


class Bar(NamedTuple):
    """A bar ready to be sent. Bars of one series compare by start, then by how new they are."""

    time_ms: int
    sequence: int
    final: bool
    revision: int
    body: bytes


class Bars(msgspec.Struct, frozen=True):
    """What history holds of a range, from the end that was asked for."""

    bars: list[Bar]

    @property
    def size_bytes(self) -> int:
        return sum(len(bar.body) + 150 for bar in self.bars)


class Ohlc:
    """Handler of bars."""

    def __init__(self, now: Now, history: History, known: KnownSymbols, cache: Cache[Bars], limiter: Limiter) -> None:
        self._now = now
        self._known = known
        self._history = history
        self._cache = cache
        self._limiter = limiter

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/ohlc/{symbol:path}",
                self.answer,
                "getBars",
                "history",
                "Bars",
                list[BarAnswer],
                query=OhlcQuery,
                example=EXAMPLE,
                watched=True,
                headers=("X-Sequence", "X-Cache", "X-Stale"),
                tagged=True,
                description="Newest first, or by order=asc oldest first. The live bar is included and marked by final "
                "= false. To splice with the stream: "
                "subscribe first, then ask here; bars with the same time are the same bar, and the one with the "
                "higher tradeCount or revision is newer. The header X-Sequence is the highest sequence included.",
            ),
        )

    async def answer(self, call: Call) -> Reply:
        symbol, query = call.symbol(), call.query
        try:
            interval = INTERVALS[parse_interval(query.timeframe)]
        except ValueError as error:
            raise bad_request(str(error), parameter="timeframe") from None
        wanted = read_range(query)
        closed, recent, stale = await self._read(call, symbol, interval, wanted)
        bars = merge_bars(closed.value.bars if closed else [], _recent(recent, wanted), query.limit, wanted.forward)
        if query.order == "asc":
            bars.sort()
        if not bars and not await self._known.has(symbol):
            raise symbol_not_found(symbol)
        body = b"[" + b",".join([bar.body for bar in bars]) + b"]"
        headers = [(b"x-sequence", b"%d" % max((bar.sequence for bar in bars), default=0))]
        headers.append((b"x-cache", closed.how.encode() if closed else b"BYPASS"))
        if stale:
            headers.append((b"x-stale", b"true"))
        return Reply(body, etag=etag_of(body), headers=headers)

    async def _read(
        self, call: Call, symbol: str, interval: Interval, wanted: TimeRange
    ) -> tuple[Found[Bars] | None, RecentBars, bool]:
        """History, then Redis, and whether either is out; raises where both are."""
        low_ms, high_ms, forward = wanted
        closed: Found[Bars] | None = None
        out: Exception | None = None
        try:
            closed = await self._closed(call, symbol, interval, wanted)
        except HISTORY_OUT as error:
            out = error
        held = closed.value.bars if closed else []
        newest_ms = max(held[0], held[-1]).time_ms if held else None
        from_ms = low_ms if newest_ms is None else max(low_ms, newest_ms - OVERLAP_BARS * interval.length_us // 1000)
        # Going forward, a page that history fills ends there; one that it doesn't fill goes on in Redis.
        full = forward and len(held) == call.query.limit
        if full and newest_ms is not None:
            high_ms = newest_ms
        try:
            limit = call.query.limit + OVERLAP_BARS * forward
            recent = await self._now.bars(symbol, interval.name, from_ms, high_ms, limit, forward=forward)
        except (NowUnavailableError, BreakerOpenError):
            if closed is None:
                raise
            return closed, NOTHING, True
        if out is not None and recent.newest is None and not recent.final:
            raise out
        reaches = full or newest_ms is None or recent.oldest_kept_ms is None or recent.oldest_kept_ms <= newest_ms
        if closed is not None and closed.how == "HIT" and not reaches:
            self._cache.forget(self._key(call, symbol, interval))
            closed = await self._closed(call, symbol, interval, wanted)
        return closed, recent, out is not None or (closed is not None and closed.how == "STALE")

    @staticmethod
    def _key(call: Call, symbol: str, interval: Interval) -> tuple[object, ...]:
        return symbol, interval.name, *read_range(call.query), call.query.limit

    async def _closed(self, call: Call, symbol: str, interval: Interval, wanted: TimeRange) -> Found[Bars]:
        low_us, limit = wanted.low_ms * 1000, call.query.limit

        async def load() -> Bars:
            async with self._limiter.history(call.client):
                high_us = min(wanted.high_ms * 1000, call.now_us)
                rows = await self._history.bars(symbol, interval, low_us, high_us, limit, forward=wanted.forward)
            return Bars([_from_history(symbol, row) for row in rows])

        return await self._cache.get(self._key(call, symbol, interval), load)


def merge_bars(closed: list[Bar], recent: list[Bar], limit: int, forward: bool = False) -> list[Bar]:
    """One bar per start, at most ``limit``, newest first or, ``forward``, oldest first; of two the newer state."""
    by_start = {bar.time_ms: bar for bar in closed}
    for bar in recent:
        held = by_start.get(bar.time_ms)
        if held is None or bar[1:4] > held[1:4]:
            by_start[bar.time_ms] = bar
    return [by_start[start] for start in sorted(by_start, reverse=not forward)[:limit]]


def _recent(recent: RecentBars, wanted: TimeRange) -> list[Bar]:
    bars = [_from_now(each) for each in recent.final]
    if recent.newest is not None:
        newest = _from_now(recent.newest)
        if wanted.low_ms <= newest.time_ms <= wanted.high_ms:
            bars.append(newest)
    return bars


def _from_now(text: bytes) -> Bar:
    bar = DECODER.decode(text)
    return Bar(bar.time, bar.sequence, bar.final, bar.revision, msgspec.json.encode(bar))


def _from_history(symbol: str, row: BarRow) -> Bar:
    bar = BarAnswer(
        symbol=symbol,
        time=row.start_us // 1000,
        open=raw(row.open),
        high=raw(row.high),
        low=raw(row.low),
        close=raw(row.close),
        volume=raw(row.volume),
        quote_volume=raw(row.quote_volume),
        vwap=raw(row.vwap),
        trade_count=row.trade_count,
        final=True,
        revision=row.revision,
        sequence=row.version,
    )
    return Bar(bar.time, bar.sequence, True, bar.revision, msgspec.json.encode(bar))
