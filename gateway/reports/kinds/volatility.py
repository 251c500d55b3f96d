"""The report ``volatility``: how much each symbol moved over a range, as realised volatility of its bars' returns.

Realised volatility is the square root of the sum of squared logarithmic returns; annualised, that sum is first scaled
from the time that the returns cover to a year of 365 days, as crypto trades on all of them. Returns are rounded to 9
decimals, sums are exact, and each figure is rounded once, at 9 decimals, ties away from zero.
"""

from collections.abc import AsyncIterator
from math import isqrt
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.messages.values import Number, NumberOrNull, SymbolName, raw
from gateway.reports.kind import Kind, Part
from gateway.reports.returns import RETURN_DIGITS, Returns, digits
from gateway.reports.source import Source, interval_of
from gateway.reports.visible import visible
from gateway.reports.words import Ask

__all__ = ["VOLATILITY", "ReportVolatility"]

YEAR_US: Final = 365 * 86_400 * 1_000_000


class ReportVolatility(msgspec.Struct, rename="camel"):
    """One symbol over the range of the report."""

    symbol: SymbolName
    observations: Annotated[int, Meta(ge=0, description="Returns: pairs of bars that follow one another")]
    volatility: Annotated[Number, Meta(description="Square root of the sum of squared returns, 9 decimals")]
    annualised: Annotated[NumberOrNull, Meta(description="Scaled to 365 days; null where there is no return")]


EXAMPLE: Final = {"symbol": "BTC/USDT", "observations": 167, "volatility": 0.041237105, "annualised": 0.298761552}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """By symbol."""
    length_us = interval_of(ask).length_us
    async for symbol, returns, done in source.returns(ask, visible(ask), None):
        yield Part([_row(symbol, returns, length_us)], done)


def _row(symbol: str, returns: Returns, length_us: int) -> ReportVolatility:
    squares = sum(value * value for value in returns.values.tolist())
    count = len(returns.values)
    annualised = _root(squares * YEAR_US, count * length_us) if count else None
    return ReportVolatility(symbol, count, raw(_root(squares, 1)), raw(annualised))


def _root(above: int, below: int) -> str:
    """sqrt(above / below) of squared units, rounded once."""
    return digits((isqrt(4 * above // below) + 1) // 2, RETURN_DIGITS)


VOLATILITY: Final = Kind(
    name="volatility",
    row=ReportVolatility,
    read=read,
    summary="realised, of each symbol's returns, by bars of interval",
    example=EXAMPLE,
    counted="bars",
)
