"""``GET /api/quotes/{symbol}``: bars of bid and ask with statistics of the spread, from ClickHouse.

Rows are those that the quotes flow wrote for the intervals of its settings; a bar that isn't over has none yet. Means
are rounded once, half to even, and percentiles are at most 1/256 off, by the time for which spreads held.
"""

from typing import Final

import msgspec

from core.analytics.numbers import US_DIGITS, mean_number, number, percentile_numbers
from core.fanout.shown_quote import mid_and_spread
from gateway.messages.values import NULL, raw
from gateway.rest.endpoint import Call, Operation
from gateway.rest.errors import bad_request
from gateway.rest.limits import Limiter
from gateway.rest.reply import Reply, etag_of
from gateway.rest.time_range import read_range
from gateway.rest.words import OhlcQuery, QuoteBarAnswer, SpreadAnswer
from gateway.stores.quote_bars import QuoteBarCell, QuoteHistory
from kernels.decimal_text import SCALE, units
from schemas.intervals import INTERVALS, parse_interval

__all__ = ["QuoteBars"]

EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "time": 1767225600000,
    "bidOpen": 64200,
    "bidHigh": 64260.5,
    "bidLow": 64190.25,
    "bidClose": 64250,
    "askOpen": 64200.2,
    "askHigh": 64260.8,
    "askLow": 64190.5,
    "askClose": 64250.2,
    "mid": 64250.1,
    "quoteCount": 812,
    "crossedCount": 1,
    "spread": {"mean": 0.21, "min": 0.1, "max": 0.8, "p50": 0.2, "p90": 0.3, "p99": 0.7},
    "quotedMs": 59870.5,
    "crossedMs": 12.25,
    "sequence": 99120,
}


class QuoteBars:
    """Handler of bars of quotes."""

    def __init__(self, history: QuoteHistory, limiter: Limiter) -> None:
        self._history = history
        self._limiter = limiter

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                "GET",
                "/api/quotes/{symbol:path}",
                self.answer,
                "getQuoteBars",
                "history",
                "Bars of quotes",
                list[QuoteBarAnswer],
                query=OhlcQuery,
                example=[EXAMPLE],
                tagged=True,
                description="Bid and ask of each interval that the quotes flow keeps (TAPEFLOW_QUOTE_INTERVALS), and "
                "the spread by the time for which it held. Newest first, or by order=asc oldest first.",
            ),
        )

    async def answer(self, call: Call) -> Reply:
        symbol, query = call.symbol(), call.query
        try:
            interval = INTERVALS[parse_interval(query.timeframe)]
        except ValueError as error:
            raise bad_request(str(error), parameter="timeframe") from None
        low_ms, high_ms, forward = read_range(query)
        async with self._limiter.history(call.client):
            cells = await self._history.bars(
                symbol, interval.name, low_ms * 1000, high_ms * 1000, query.limit, forward=forward
            )
        if query.order == "asc":
            cells.sort(key=lambda cell: cell.start_us)
        body = msgspec.json.encode([_answer(symbol, cell) for cell in cells])
        return Reply(body, etag=etag_of(body))


def _answer(symbol: str, cell: QuoteBarCell) -> QuoteBarAnswer:
    spread: SpreadAnswer | None = None
    if cell.quotes > cell.crossed:
        mean = mean_number(units(cell.spread_sum), cell.spread_us) if cell.spread_us else NULL
        percents = percentile_numbers(cell.spread, SCALE) if cell.spread_us else {}
        spread = SpreadAnswer(mean=mean, min=raw(cell.spread_min), max=raw(cell.spread_max), **percents)
    return QuoteBarAnswer(
        symbol=symbol,
        time=cell.start_us // 1000,
        bid_open=raw(cell.bid_open),
        bid_high=raw(cell.bid_high),
        bid_low=raw(cell.bid_low),
        bid_close=raw(cell.bid_close),
        ask_open=raw(cell.ask_open),
        ask_high=raw(cell.ask_high),
        ask_low=raw(cell.ask_low),
        ask_close=raw(cell.ask_close),
        mid=mid_and_spread(raw(cell.bid_close), raw(cell.ask_close))[0],
        quote_count=cell.quotes,
        crossed_count=cell.crossed,
        spread=spread,
        quoted_ms=number(cell.spread_us, US_DIGITS),
        crossed_ms=number(cell.crossed_us, US_DIGITS),
        sequence=cell.version,
    )
