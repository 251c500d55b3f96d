"""The report ``bars``: final bars of any number of symbols over a range, by symbol and start.

Every field that ClickHouse keeps of a bar, with all its digits. The bar that is still open is left out, as a report is
about what is settled; a bar that is revised while the report is made stands there as it was when it was read.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from gateway.messages.values import Milliseconds, Number, NumberOrNull, Sequence, SymbolName, raw
from gateway.reports.kind import Kind, Part
from gateway.reports.source import Source, interval_of
from gateway.reports.visible import visible
from gateway.reports.words import Ask

__all__ = ["BARS", "ReportBar"]


class ReportBar(msgspec.Struct, rename="camel"):
    """A final bar; the fields are those of the table ``bars``."""

    symbol: SymbolName
    interval: str
    time: Milliseconds
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    quote_volume: Number
    vwap: NumberOrNull
    trade_count: int
    buy_volume: Number
    stddev: Number
    revision: int
    sequence: Sequence


EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "interval": "1h",
    "time": 1767139200000,
    "open": 63800,
    "high": 64020.5,
    "low": 63750.25,
    "close": 64001.1,
    "volume": 62.5301,
    "quoteVolume": 3995423.019,
    "vwap": 63895.9991684,
    "tradeCount": 4102,
    "buyVolume": 31.02,
    "stddev": 70.1200034511,
    "revision": 0,
    "sequence": 184467,
}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """By symbol, oldest first."""
    extents = await source.extents(ask, "bars", visible(ask))
    name, read_before, every = interval_of(ask).name, 0, sum(each.rows for each in extents)
    for extent in extents:
        rows = 0
        async for page in source.bars(ask, extent):
            rows += len(page.rows)
            done = min(1.0, (read_before + rows) / every)
            yield Part(await asyncio.to_thread(_bars, extent.symbol, name, page.rows), done)
        read_before += extent.rows


def _bars(symbol: str, interval: str, rows: list[tuple[Any, ...]]) -> list[ReportBar]:
    return [_bar(symbol, interval, row) for row in rows]


def _bar(symbol: str, interval: str, row: tuple[Any, ...]) -> ReportBar:
    start_us, opened, high, low, close, volume, quote, vwap, count, buy, stddev, revision, version = row
    return ReportBar(
        symbol,
        interval,
        start_us // 1000,
        open=raw(opened),
        high=raw(high),
        low=raw(low),
        close=raw(close),
        volume=raw(volume),
        quote_volume=raw(quote),
        vwap=raw(vwap),
        trade_count=count,
        buy_volume=raw(buy),
        stddev=raw(stddev),
        revision=revision,
        sequence=version,
    )


BARS: Final = Kind(
    name="bars",
    row=ReportBar,
    read=read,
    summary="final bars, by symbol and start",
    example=EXAMPLE,
    counted="bars",
    wide=frozenset({"quote_volume"}),
)
