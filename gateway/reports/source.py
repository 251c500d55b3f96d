"""Reads of ClickHouse for reports: what there is in a range, and bars and trades of it, a page at a time.

The kinds ask here. The connections are the reports' own, with bounds on the memory and time of each query, so a large
report is slow rather than a danger to others. Pages go forward by the key: a window of time grows where little is and
shrinks where much is, and a full page goes on behind its last row. Decimals are text, so no digit passes a binary
float.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from gateway.reports.returns import Returns, log_returns
from gateway.reports.words import Ask, TooMuch
from gateway.stores.clickhouse import ClickHouse
from gateway.stores.desk_figures import DeskFigures
from gateway.stores.history import History
from schemas.contract import YEAR_2300_US
from schemas.intervals import INTERVALS, Interval, parse_interval
from schemas.names import BAR_VIEW, BARS_TABLE, TRADES_TABLE, TRADES_VIEW

__all__ = ["PAGE_ROWS", "Extent", "Page", "Source", "interval_of", "time_of"]

PAGE_ROWS: Final = 5_000
WINDOW_US: Final = 600_000_000
TIME_US_MAX: Final = YEAR_2300_US - 1_000_000

Fetch = Callable[[int, int, tuple[int, ...] | None], Awaitable[list[Any]]]


class Extent(NamedTuple):
    """Rows of a symbol in a range, those that are to be merged away counted too, and their first and last time."""

    symbol: str
    rows: int
    first_us: int
    last_us: int


class Page(NamedTuple):
    """Rows in order, and the time up to which all are read."""

    rows: list[Any]
    at_us: int


def time_of(name: str) -> str:
    """The parameter ``name``, microseconds, as a time to compare a column with."""
    return f"fromUnixTimestamp64Micro(toInt64(%({name})s), 'UTC')"


def interval_of(ask: Ask) -> Interval:
    return INTERVALS[parse_interval(ask.interval)]


IN_RANGE: Final = {
    "bars": f"interval = %(interval)s AND start BETWEEN {time_of('low')} AND {time_of('high')}",
    "trades": f"event_time BETWEEN {time_of('low')} AND {time_of('high')}",
}
TABLES: Final = {"bars": (BARS_TABLE, "start"), "trades": (TRADES_TABLE, "event_time")}
BARS_SQL: Final = f"""
SELECT toUnixTimestamp64Micro(start), toString(open), toString(high), toString(low), toString(close), toString(volume),
       toString(quote_volume), toString(vwap), trade_count, toString(buy_volume), toString(stddev), revision, version
FROM {{db}}.{BAR_VIEW}
WHERE symbol = %(symbol)s AND {IN_RANGE["bars"]}
ORDER BY start LIMIT %(limit)s"""  # noqa: S608 - names of ours; values are filled in by the driver
CLOSES_SQL: Final = f"""
SELECT toUnixTimestamp64Micro(start), toString(close)
FROM {{db}}.{BAR_VIEW}
WHERE symbol = %(symbol)s AND {IN_RANGE["bars"]}
ORDER BY start LIMIT %(limit)s"""  # noqa: S608 - as above
PLACE: Final = (
    "(toUnixTimestamp64Micro(event_time), toInt64(kafka_partition), toInt64(kafka_offset), toInt64(kafka_index))"
)
TRADES_SQL: Final = f"""
SELECT toUnixTimestamp64Micro(event_time), kafka_partition, kafka_offset, kafka_index, toString(price), toString(size),
       toString(side), trade_id, toString(exchange), sequence
FROM {{db}}.{TRADES_VIEW}
WHERE symbol = %(symbol)s AND {IN_RANGE["trades"]}
  AND {PLACE} > (toInt64(%(time_us)s), toInt64(%(partition)s), toInt64(%(offset)s), toInt64(%(index)s))
ORDER BY event_time, kafka_partition, kafka_offset, kafka_index LIMIT %(limit)s"""  # noqa: S608 - as above


class Source:
    """Queries for reports. ``rows_max``: how many rows one report may read as rows; ``history`` and ``desk``: figures
    of a symbol and of a desk, as others ask for them."""

    def __init__(self, clickhouse: ClickHouse, rows_max: int) -> None:
        self._clickhouse = clickhouse
        self.history = History(clickhouse)
        self.desk = DeskFigures(clickhouse)
        self.rows_max = rows_max

    async def select(self, sql: str, ask: Ask, **more: object) -> list[tuple[Any, ...]]:
        """Rows of an answer; ``low``, ``high`` and ``interval`` in ``sql`` are those of ``ask``."""
        columns = await self._clickhouse.select(sql, {**_given(ask), **more})
        return list(zip(*columns, strict=True))

    async def names(self, ask: Ask, table: str, allowed: Callable[[str], bool]) -> list[str]:
        """The symbols that are wanted, ``allowed``, and have rows in the range, in order."""
        name, _ = TABLES[table]
        of = f"FROM {{db}}.{name} WHERE {IN_RANGE[table]} {_wanted(ask)}"
        sql = f"SELECT DISTINCT toString(symbol) AS name {of} ORDER BY name"
        return [symbol for (symbol,) in await self.select(sql, ask, symbols=ask.symbols) if allowed(symbol)]

    async def extents(self, ask: Ask, table: str, allowed: Callable[[str], bool]) -> list[Extent]:
        """What each symbol that is wanted and ``allowed`` has in the range, by name; symbols without rows are left
        out. Raises TooMuch where it is more than a report may read."""
        name, time = TABLES[table]
        sql = (
            f"SELECT toString(symbol) AS name, count(), toUnixTimestamp64Micro(min({time})),"  # noqa: S608 - as above
            f" toUnixTimestamp64Micro(max({time})) FROM {{db}}.{name} WHERE {IN_RANGE[table]} {_wanted(ask)}"
            " GROUP BY name ORDER BY name"
        )
        found = [Extent(*row) for row in await self.select(sql, ask, symbols=ask.symbols)]
        found = [each for each in found if allowed(each.symbol)]
        rows = sum(each.rows for each in found)
        if rows > self.rows_max:
            raise TooMuch(
                f"{rows:,} {table} are more than the {self.rows_max:,} of one report",
                mend="take a shorter range, fewer symbols" + (" or a longer interval" if table == "bars" else ""),
            )
        return found

    async def returns(
        self, ask: Ask, allowed: Callable[[str], bool], symbols_max: int | None
    ) -> AsyncIterator[tuple[str, Returns, float]]:
        """The logarithmic returns of each symbol's bars, and how much of all is read with them."""
        extents = await self.extents(ask, "bars", allowed)
        if symbols_max is not None and len(extents) > symbols_max:
            raise TooMuch(f"{len(extents)} symbols are more than the {symbols_max} of such a report", mend="name fewer")
        length_us, read, every = interval_of(ask).length_us, 0, sum(each.rows for each in extents)
        for extent in extents:
            starts: list[int] = []
            closes: list[str] = []
            async for page in self._pages_of_bars(CLOSES_SQL, ask, extent):
                starts += [row[0] for row in page.rows]
                closes += [row[1] for row in page.rows]
            read += extent.rows
            yield extent.symbol, await asyncio.to_thread(log_returns, starts, closes, length_us), read / every

    def bars(self, ask: Ask, extent: Extent) -> AsyncIterator[Page]:
        """Final bars of one symbol: rows as BARS_SQL has them."""
        return self._pages_of_bars(BARS_SQL, ask, extent)

    async def _pages_of_bars(self, sql: str, ask: Ask, extent: Extent) -> AsyncIterator[Page]:
        async def fetch(low_us: int, high_us: int, beyond: tuple[int, ...] | None) -> list[Any]:
            low_us = low_us if beyond is None else beyond[0] + 1
            given = {"symbol": extent.symbol, "low": low_us, "high": high_us, "limit": PAGE_ROWS}
            return await self.select(sql, ask, **given)

        async for page in _walk(fetch, extent, PAGE_ROWS * interval_of(ask).length_us, 1):
            yield page

    async def trades(self, ask: Ask, extent: Extent) -> AsyncIterator[Page]:
        """Trades of one symbol by time, partition, offset and index: rows as TRADES_SQL has them."""

        async def fetch(low_us: int, high_us: int, beyond: tuple[int, ...] | None) -> list[Any]:
            place = dict(zip(("time_us", "partition", "offset", "index"), beyond or (-1, 0, 0, 0), strict=True))
            given = {"symbol": extent.symbol, "low": low_us, "high": high_us, "limit": PAGE_ROWS}
            return await self.select(TRADES_SQL, ask, **given, **place)

        async for page in _walk(fetch, extent, WINDOW_US, 4):
            yield page


def _wanted(ask: Ask) -> str:
    """A condition on the symbols, where some are named."""
    return "AND symbol IN %(symbols)s" if ask.symbols else ""


def _given(ask: Ask) -> dict[str, object]:
    return {
        "low": min(ask.low_us, TIME_US_MAX),
        "high": min(ask.high_us, TIME_US_MAX),
        "interval": interval_of(ask).name,
    }


async def _walk(fetch: Fetch, extent: Extent, window_us: int, place_fields: int) -> AsyncIterator[Page]:
    """All rows from the extent's first time to its last; a row begins with its place, which begins with its time."""
    at_us, beyond = extent.first_us, None
    while at_us <= extent.last_us:
        end_us = min(extent.last_us, at_us + window_us)
        rows = await fetch(at_us, end_us, beyond)
        if len(rows) == PAGE_ROWS:
            beyond = _place(rows, place_fields)
            at_us, window_us = beyond[0], max(window_us // 2, 1)
        else:
            at_us, beyond = end_us + 1, None
            window_us *= 4 if len(rows) < PAGE_ROWS // 4 else 1
        yield Page(rows, min(at_us, extent.last_us))


def _place(rows: Sequence[Any], fields: int) -> tuple[int, ...]:
    return tuple(rows[-1][:fields])
