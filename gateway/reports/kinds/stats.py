"""The report ``stats``: figures over the trades of a range, one row for each symbol that traded.

What ``GET /api/stats`` says of a period, over any range and for many symbols: open, high, low and close by the law of
bars, volumes, VWAP and the deviation of prices. All are computed from the trades themselves; averages and deviations
are rounded once, at 10 decimals.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.messages.values import Number, NumberOrNull, SymbolName, raw
from gateway.reports.kind import Kind, Part
from gateway.reports.source import Source
from gateway.reports.visible import visible
from gateway.reports.words import Ask
from gateway.stores.history import Figures

__all__ = ["STATS", "ReportStats"]


class ReportStats(msgspec.Struct, rename="camel"):
    """Figures of one symbol over the range of the report."""

    symbol: SymbolName
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    buy_volume: Number
    quote_volume: Annotated[Number, Meta(description="Sum of price × size")]
    vwap: Annotated[NumberOrNull, Meta(description="At scale 10, half-even")]
    tick_count: Annotated[int, Meta(description="Trades, those of size 0 included, as bars count them")]
    trades: Annotated[int, Meta(description="Trades that moved a size above 0")]
    volatility: Annotated[Number, Meta(description="Population standard deviation of prices, scale 10")]
    first_time_us: Annotated[int, Meta(description="Of the first trade, microseconds since the epoch")]
    last_time_us: Annotated[int, Meta(description="Of the last trade, microseconds since the epoch")]


EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "open": 63800,
    "high": 64500.5,
    "low": 63650.25,
    "close": 64250.1,
    "volume": 1520.5301,
    "buyVolume": 801.02,
    "quoteVolume": 97467536.6911,
    "vwap": 64101.2214500131,
    "tickCount": 98211,
    "trades": 98211,
    "volatility": 171.0021934411,
    "firstTimeUs": 1767139200123456,
    "lastTimeUs": 1767225599871002,
}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """By symbol."""
    names = await source.names(ask, "trades", visible(ask))
    for number, symbol in enumerate(names, 1):
        figures = await source.history.figures(symbol, ask.low_us, ask.high_us)
        yield Part([_row(symbol, figures)] if figures.ticks else [], number / len(names))


def _row(symbol: str, figures: Figures) -> ReportStats:
    return ReportStats(
        symbol,
        open=raw(figures.open),
        high=raw(figures.high),
        low=raw(figures.low),
        close=raw(figures.close),
        volume=raw(figures.volume),
        buy_volume=raw(figures.buy_volume),
        quote_volume=raw(figures.quote_volume),
        vwap=raw(figures.vwap),
        tick_count=figures.ticks,
        trades=figures.sized,
        volatility=raw(figures.volatility),
        first_time_us=figures.first_us or 0,
        last_time_us=figures.last_us or 0,
    )


STATS: Final = Kind(
    name="stats",
    row=ReportStats,
    read=read,
    summary="figures over all trades, one row a symbol",
    example=EXAMPLE,
    wide=frozenset({"volume", "buy_volume", "quote_volume"}),
)
