"""The report ``top-movers``: the symbols that rose and fell most over a range, by their bars.

A symbol's change is that from the open of its first bar in the range to the close of its last one. The order is that
of the exact ratio, names decide between equals, and only what is shown is rounded: percent at 4 decimals, half-even,
as tickers have it. A symbol that ended where it began is in neither list.
"""

import asyncio
from collections.abc import AsyncIterator
from decimal import Context, Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from gateway.messages.values import Number, SymbolName, raw
from gateway.reports.kind import Kind, Part
from gateway.reports.source import IN_RANGE, Source
from gateway.reports.visible import visible
from gateway.reports.words import Ask
from schemas.names import BAR_VIEW

__all__ = ["MOVERS", "ReportMover", "percent"]

EXACT: Final = Context(prec=120)
PERCENT: Final = Decimal("0.0001")
SQL: Final = f"""
SELECT toString(symbol) AS name, toString(argMin(open, start)), toString(argMax(close, start)), toString(max(high)),
       toString(min(low)), toString(sum(toDecimal256(volume, 10))), toString(sum(quote_volume)), sum(trade_count)
FROM {{db}}.{BAR_VIEW}
WHERE {IN_RANGE["bars"]} {{OF_SYMBOLS}}
GROUP BY name"""  # noqa: S608 - names of ours; values are filled in by the driver


class ReportMover(msgspec.Struct, rename="camel"):
    """One symbol's place among those that rose, or among those that fell."""

    direction: Literal["up", "down"]
    rank: Annotated[int, Meta(ge=1, description="1 moved most")]
    symbol: SymbolName
    open: Number
    close: Number
    change: Number
    change_percent: Annotated[Number, Meta(description="At scale 4, half-even")]
    high: Number
    low: Number
    volume: Number
    quote_volume: Number
    trade_count: int


EXAMPLE: Final = {
    "direction": "up",
    "rank": 1,
    "symbol": "BTC/USDT",
    "open": 63800,
    "close": 64250.1,
    "change": 450.1,
    "changePercent": 0.7055,
    "high": 64500.5,
    "low": 63650.25,
    "volume": 1520.5301,
    "quoteVolume": 97467536.6911,
    "tradeCount": 98211,
}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """Those that rose, the first first; then those that fell."""
    sql = SQL.replace("{OF_SYMBOLS}", "AND symbol IN %(symbols)s" if ask.symbols else "")
    allowed = visible(ask)
    found = [row for row in await source.select(sql, ask, symbols=ask.symbols) if allowed(row[0])]
    yield Part(await asyncio.to_thread(_ranked, found, ask.limit), 1)


def _ranked(found: list[tuple[Any, ...]], limit: int) -> list[ReportMover]:
    moves = [(Fraction(row[2]) / Fraction(row[1]) - 1, row) for row in found]
    up = sorted((each for each in moves if each[0] > 0), key=lambda each: (-each[0], each[1][0]))
    down = sorted((each for each in moves if each[0] < 0), key=lambda each: (each[0], each[1][0]))
    return [
        _row(direction, rank, row)
        for direction, side in (("up", up), ("down", down))
        for rank, (_, row) in enumerate(side[:limit], 1)
    ]


def _row(direction: Any, rank: int, row: tuple[Any, ...]) -> ReportMover:
    symbol, opened, close, high, low, volume, quote_volume, count = row
    return ReportMover(
        direction,
        rank,
        symbol,
        open=raw(opened),
        close=raw(close),
        change=raw(f"{EXACT.subtract(Decimal(close), Decimal(opened)).normalize(EXACT):f}"),
        change_percent=raw(percent(Decimal(opened), Decimal(close))),
        high=raw(high),
        low=raw(low),
        volume=raw(volume),
        quote_volume=raw(quote_volume),
        trade_count=count,
    )


def percent(opened: Decimal, close: Decimal) -> str:
    """The change from ``opened`` to ``close`` in percent, rounded once."""
    change = Fraction(close) / Fraction(opened) - 1
    units = round(change * 100 / Fraction(PERCENT))  # Python rounds a fraction half to even
    return f"{EXACT.multiply(Decimal(units), PERCENT).normalize(EXACT):f}"


MOVERS: Final = Kind(
    name="top-movers",
    row=ReportMover,
    read=read,
    summary="the symbols that rose and fell most, by bars of interval",
    example=EXAMPLE,
    wide=frozenset({"volume", "quote_volume"}),
)
