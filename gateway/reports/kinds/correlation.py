"""The report ``correlation``: how alike the returns of symbols are, each pair once.

Of each symbol the logarithmic returns between bars that follow one another, rounded to 9 decimals; of each pair
Pearson's coefficient over the times at which both have a return, computed in integers and rounded once, at 6 decimals.
Bars that are missing give no return, rather than one of zero.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import combinations
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.messages.values import NumberOrNull, SymbolName, raw
from gateway.reports.kind import Kind, Part
from gateway.reports.returns import PairSums, Returns, correlation
from gateway.reports.source import Source
from gateway.reports.visible import visible
from gateway.reports.words import Ask

__all__ = ["CORRELATION", "ReportCorrelation"]

ROWS_TOGETHER: Final = 1_000
SYMBOLS_MAX: Final = 100


class ReportCorrelation(msgspec.Struct, rename="camel"):
    """A pair of symbols, in the order of their names."""

    symbol: SymbolName
    other_symbol: SymbolName
    observations: Annotated[int, Meta(ge=0, description="Times at which both have a return")]
    correlation: Annotated[
        NumberOrNull, Meta(description="Pearson's, -1 to 1; null where it isn't defined: under two, or no movement")
    ]


EXAMPLE: Final = {"symbol": "BTC/USDT", "otherSymbol": "ETH/USDT", "observations": 167, "correlation": 0.812345}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """By both names."""
    names: list[str] = []
    series: list[Returns] = []
    async for symbol, returns, done in source.returns(ask, visible(ask), SYMBOLS_MAX):
        names.append(symbol)
        series.append(returns)
        yield Part([], 0.9 * done)
    sums = await asyncio.to_thread(PairSums, series)
    pairs = list(combinations(range(len(names)), 2))
    for at in range(0, len(pairs), ROWS_TOGETHER):
        rows = []
        for one, other in pairs[at : at + ROWS_TOGETHER]:
            count, value = correlation(sums, one, other)
            rows.append(ReportCorrelation(names[one], names[other], count, raw(value)))
        yield Part(rows, min(1.0, 0.9 + 0.1 * (at + ROWS_TOGETHER) / len(pairs)))


CORRELATION: Final = Kind(
    name="correlation",
    row=ReportCorrelation,
    read=read,
    summary="of the returns of each pair of symbols, by bars of interval",
    example=EXAMPLE,
    counted="bars",
    symbols_min=2,
    symbols_max=SYMBOLS_MAX,
)
