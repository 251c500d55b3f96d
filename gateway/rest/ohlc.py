"""``GET /api/ohlc/{symbol}``: bars, newest first, the live one included, without a hole or a double.

Three sources overlap: ClickHouse (all final bars, some seconds late, cached for 60 s), Redis' last final bars, and
Redis' newest bar. They are merged by start; of two the higher sequence wins, then the final one. Law: what ClickHouse
does not have yet stands in Redis, read after it and in one transaction; should Redis not reach back to it, ClickHouse
is asked anew. Splicing with the stream: subscribe first, ask here, key bars by ``time``, and keep of two the one with
the higher ``tradeCount``, or ``revision``; ``X-Sequence`` is the highest sequence that this answer knows.
"""

from typing import Final, NamedTuple

import msgspec

from gateway.rest.cache import Cache, Found
from gateway.rest.endpoint import Call, Operation, Reply, etag_of
from gateway.rest.errors import bad_request, symbol_not_found
from gateway.rest.known_symbols import KnownSymbols
from gateway.rest.limits import Limiter
from gateway.rest.words import MS_MAX, BarAnswer, OhlcQuery, raw
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
    """What history holds of a range, newest first."""

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
                "Bars, newest first",
                list[BarAnswer],
                query=OhlcQuery,
                example=EXAMPLE,
                watched=True,
                description="The live bar is included and marked by final = false. To splice with the stream: "
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
        low_ms = query.start_time or 0
        high_ms = MS_MAX if query.end_time is None else query.end_time
        if low_ms > high_ms:
            raise bad_request("startTime is after endTime", startTime=low_ms, endTime=high_ms)
        closed, recent, stale = await self._read(call, symbol, interval, low_ms, high_ms)
        bars = merge_bars(closed.value.bars if closed else [], _recent(recent, low_ms, high_ms), query.limit)
        if not bars and not await self._known.has(symbol):
            raise symbol_not_found(symbol)
        body = b"[" + b",".join([bar.body for bar in bars]) + b"]"
        headers = [(b"x-sequence", b"%d" % max((bar.sequence for bar in bars), default=0))]
        headers.append((b"x-cache", closed.how.encode() if closed else b"BYPASS"))
        if stale:
            headers.append((b"x-stale", b"true"))
        return Reply(body, etag=etag_of(body), headers=headers)

    async def _read(
        self, call: Call, symbol: str, interval: Interval, low_ms: int, high_ms: int
    ) -> tuple[Found[Bars] | None, RecentBars, bool]:
        """History, then Redis, and whether either is out; raises where both are."""
        limit = call.query.limit
        closed: Found[Bars] | None = None
        out: Exception | None = None
        try:
            closed = await self._closed(call, symbol, interval, low_ms, high_ms)
        except HISTORY_OUT as error:
            out = error
        newest_ms = closed.value.bars[0].time_ms if closed and closed.value.bars else None
        from_ms = low_ms if newest_ms is None else max(low_ms, newest_ms - OVERLAP_BARS * interval.length_us // 1000)
        try:
            recent = await self._now.bars(symbol, interval.name, from_ms, high_ms, limit)
        except (NowUnavailableError, BreakerOpenError):
            if closed is None:
                raise
            return closed, NOTHING, True
        if out is not None and recent.newest is None and not recent.final:
            raise out
        reaches = newest_ms is None or recent.oldest_kept_ms is None or recent.oldest_kept_ms <= newest_ms
        if closed is not None and closed.how == "HIT" and not reaches:
            self._cache.forget(self._key(call, symbol, interval))
            closed = await self._closed(call, symbol, interval, low_ms, high_ms)
        return closed, recent, out is not None or (closed is not None and closed.how == "STALE")

    @staticmethod
    def _key(call: Call, symbol: str, interval: Interval) -> tuple[object, ...]:
        return symbol, interval.name, call.query.start_time, call.query.end_time, call.query.limit

    async def _closed(self, call: Call, symbol: str, interval: Interval, low_ms: int, high_ms: int) -> Found[Bars]:
        async def load() -> Bars:
            async with self._limiter.history(call.principal.user_id):
                high_us = min(high_ms * 1000, call.now_us)
                rows = await self._history.bars(symbol, interval, low_ms * 1000, high_us, call.query.limit)
            return Bars([_from_history(symbol, row) for row in rows])

        return await self._cache.get(self._key(call, symbol, interval), load)


def merge_bars(closed: list[Bar], recent: list[Bar], limit: int) -> list[Bar]:
    """One bar per start, newest first, at most ``limit``; of two the newer state."""
    by_start = {bar.time_ms: bar for bar in closed}
    for bar in recent:
        held = by_start.get(bar.time_ms)
        if held is None or bar[1:4] > held[1:4]:
            by_start[bar.time_ms] = bar
    return [by_start[start] for start in sorted(by_start, reverse=True)[:limit]]


def _recent(recent: RecentBars, low_ms: int, high_ms: int) -> list[Bar]:
    bars = [_from_now(each) for each in recent.final]
    if recent.newest is not None:
        newest = _from_now(recent.newest)
        if low_ms <= newest.time_ms <= high_ms:
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
