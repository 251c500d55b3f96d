"""The report ``trades``: every trade of a range, by symbol and then in the order of the log.

Each once, with the digits it came with. Times are microseconds, as they are kept: a report is also an archive.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from gateway.messages.values import Number, Sequence, SymbolName, raw
from gateway.reports.kind import Kind, Part
from gateway.reports.source import Source
from gateway.reports.visible import visible
from gateway.reports.words import Ask

__all__ = ["TRADES", "ReportTrade"]


class ReportTrade(msgspec.Struct, rename="camel"):
    """A trade; the fields are those of the table ``trades``."""

    symbol: SymbolName
    event_time_us: Annotated[int, Meta(ge=0, description="Microseconds since the epoch, UTC")]
    price: Number
    size: Number
    side: Literal["BUY", "SELL", "UNKNOWN"]
    trade_id: str
    exchange: str
    partition: Annotated[int, Meta(ge=0, description="Kafka partition")]
    offset: Annotated[int, Meta(ge=0, description="Kafka offset")]
    index: Annotated[int, Meta(ge=0, description="Place among the trades of one record")]
    sequence: Sequence


EXAMPLE: Final = {
    "symbol": "BTC/USDT",
    "eventTimeUs": 1767139200123456,
    "price": 63800.5,
    "size": 0.015,
    "side": "BUY",
    "tradeId": "3301",
    "exchange": "BINANCE",
    "partition": 0,
    "offset": 184467,
    "index": 0,
    "sequence": 184467,
}


async def read(source: Source, ask: Ask) -> AsyncIterator[Part]:
    """By symbol, oldest first."""
    extents = await source.extents(ask, "trades", visible(ask))
    read_before, every = 0, sum(each.rows for each in extents)
    for extent in extents:
        rows = 0
        async for page in source.trades(ask, extent):
            rows += len(page.rows)
            done = min(1.0, (read_before + rows) / every)
            yield Part(await asyncio.to_thread(_trades, extent.symbol, page.rows), done)
        read_before += extent.rows


def _trades(symbol: str, rows: list[tuple[Any, ...]]) -> list[ReportTrade]:
    return [_trade(symbol, row) for row in rows]


def _trade(symbol: str, row: tuple[Any, ...]) -> ReportTrade:
    time_us, partition, offset, index, price, size, side, trade_id, exchange, sequence = row
    place = (partition, offset, index, sequence)
    return ReportTrade(symbol, time_us, raw(price), raw(size), side, trade_id, exchange, *place)


TRADES: Final = Kind(
    name="trades",
    row=ReportTrade,
    read=read,
    summary="trades, by symbol and time",
    example=EXAMPLE,
    counted="trades",
)
