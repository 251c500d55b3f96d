"""Reads of the past from ClickHouse: bars, trades, and figures over a period.

REST handlers ask, clickhouse.py runs. Sums, prices and sizes leave the server as decimal text, so no digit passes
through a binary float. Averages and deviations are finished here with exact integers. "The newest N" and "the first N"
are asked for in widening windows of time, as a merging view (FINAL) cannot stop early by itself but can skip whole
ranges.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from math import isqrt
from typing import Any, Final, NamedTuple

from gateway.stores.clickhouse import ClickHouse
from schemas.contract import YEAR_2300_US
from schemas.intervals import Interval
from schemas.names import BAR_VIEW, BARS_TABLE, TRADES_TABLE, TRADES_VIEW

__all__ = ["BarRow", "Figures", "History", "TradePlace", "TradeRow", "nearest"]

TradePlace = tuple[int, int, int, int]
"""Where a trade stands among all of its symbol: time in µs, partition, offset, index in the record."""

SCALE: Final = 10
MINUTE_US: Final = 60_000_000
TRADES_WINDOW_US: Final = 10 * MINUTE_US
TIME_US_MAX: Final = YEAR_2300_US - 1_000_000


def _named(sql: str) -> str:
    """Fills in the names of tables; the values are filled in, escaped, by the driver."""
    names = {"BAR_VIEW": BAR_VIEW, "BARS_TABLE": BARS_TABLE, "TRADES_TABLE": TRADES_TABLE, "TRADES_VIEW": TRADES_VIEW}
    for name, table in names.items():
        sql = sql.replace("{" + name + "}", table)
    return sql


BARS_SQL: Final = _named("""
SELECT toUnixTimestamp64Micro(start), toString(open), toString(high), toString(low), toString(close),
       toString(volume), toString(quote_volume), toString(vwap), trade_count, revision, version
FROM {db}.{BAR_VIEW}
WHERE symbol = %(symbol)s AND interval = %(interval)s
  AND start BETWEEN fromUnixTimestamp64Micro(toInt64(%(low)s), 'UTC')
                AND fromUnixTimestamp64Micro(toInt64(%(high)s), 'UTC')
ORDER BY start {DESC} LIMIT %(limit)s""")

TRADES_SQL: Final = _named("""
SELECT toUnixTimestamp64Micro(event_time), toString(price), toString(size), toString(side), trade_id,
       toString(exchange), kafka_partition, kafka_offset, kafka_index, sequence
FROM {db}.{TRADES_VIEW}
WHERE symbol = %(symbol)s
  AND event_time BETWEEN fromUnixTimestamp64Micro(toInt64(%(low)s), 'UTC')
                     AND fromUnixTimestamp64Micro(toInt64(%(high)s), 'UTC')
  AND (toUnixTimestamp64Micro(event_time), toInt64(kafka_partition), toInt64(kafka_offset), toInt64(kafka_index))
      {BEYOND} (toInt64(%(time_us)s), toInt64(%(partition)s), toInt64(%(offset)s), toInt64(%(index)s))
ORDER BY event_time {DESC}, kafka_partition {DESC}, kafka_offset {DESC}, kafka_index {DESC} LIMIT %(limit)s""")

# Open and close follow the law of bars: least and greatest (event time, id as a number where all are, offset, index).
# Ids have any length, so numbers are compared as digits without leading zeros: the longer is greater.
# A scale-10 price squared needs scale 20 in 256 bits, hence toDecimal256.
FIGURES_SQL: Final = _named("""
SELECT count(), toString(min(price)), toString(max(price)), toString(sum(toDecimal256(size, 10))),
       toString(sum(toDecimal256(price, 10) * toDecimal256(size, 10))),
       toString(sum(toDecimal256(price, 10))), toString(sum(toDecimal256(price, 10) * toDecimal256(price, 10))),
       toString(if(numbered, argMin(price, by_id), argMin(price, by_offset))),
       toString(if(numbered, argMax(price, by_id), argMax(price, by_offset))),
       countIf(size > 0), min(match(trade_id, '^[ \\t]*[0-9]+([.]0*)?[ \\t]*$')) AS numbered,
       toUnixTimestamp64Micro(min(event_time)), toUnixTimestamp64Micro(max(event_time)),
       toString(sumIf(toDecimal256(size, 10), side = 'BUY'))
FROM (
    SELECT price, size, side, event_time, trade_id,
           replaceRegexpOne(extract(trade_id, '[0-9]+'), '^0+', '') AS digits,
           (event_time, length(digits), digits, kafka_offset, kafka_index) AS by_id,
           (event_time, kafka_offset, kafka_index) AS by_offset
    FROM {db}.{TRADES_VIEW}
    WHERE symbol = %(symbol)s
      AND event_time BETWEEN fromUnixTimestamp64Micro(toInt64(%(low)s), 'UTC')
                         AND fromUnixTimestamp64Micro(toInt64(%(high)s), 'UTC')
)""")

LAST_SQL: Final = _named("""
SELECT toUnixTimestamp64Micro(event_time), toString(price), toString(bid), toString(ask), toString(exchange), sequence,
       (SELECT toString(sum(size)) FROM {db}.{TRADES_VIEW} WHERE symbol = %(symbol)s
          AND event_time >= toStartOfDay((SELECT max(event_time) FROM {db}.{TRADES_TABLE} WHERE symbol = %(symbol)s)))
FROM {db}.{TRADES_VIEW}
WHERE symbol = %(symbol)s
  AND event_time = (SELECT max(event_time) FROM {db}.{TRADES_TABLE} WHERE symbol = %(symbol)s)
ORDER BY kafka_offset DESC, kafka_index DESC LIMIT 1""")

KNOWN_SQL: Final = _named("""
SELECT 1 FROM {db}.{TRADES_TABLE} WHERE symbol = %(symbol)s LIMIT 1
UNION ALL SELECT 1 FROM {db}.{BARS_TABLE} WHERE symbol = %(symbol)s LIMIT 1""")


class BarRow(NamedTuple):
    """A final bar; the decimals are text as they will stand in JSON."""

    start_us: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str
    vwap: str | None
    trade_count: int
    revision: int
    version: int


class TradeRow(NamedTuple):
    """``place``: index among the trades of one record."""

    event_time_us: int
    price: str
    size: str
    side: str
    trade_id: str
    exchange: str
    partition: int
    offset: int
    place: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Over a period; prices are None and volume 0 where it holds no trade. ``sized``: ticks with a size above 0."""

    ticks: int
    open: str | None
    high: str | None
    low: str | None
    close: str | None
    volume: str
    vwap: str | None
    sized: int
    volatility: str | None
    first_us: int | None
    last_us: int | None = None
    buy_volume: str = "0"
    quote_volume: str = "0"


@dataclass(frozen=True, slots=True)
class LastTrade:
    """The newest trade by event time, and the volume of its UTC day."""

    event_time_us: int
    price: str
    bid: str | None
    ask: str | None
    exchange: str
    sequence: int
    day_volume: str


class History:
    """Queries of one database."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def bars(
        self, symbol: str, interval: Interval, low_us: int, high_us: int, limit: int, *, forward: bool = False
    ) -> list[BarRow]:
        """Up to ``limit`` final bars that start within [low_us, high_us]: the newest, newest first; ``forward``: the
        first, oldest first."""
        sql = _directed(BARS_SQL, forward=forward)

        async def fetch(low: int, high: int, count: int) -> list[BarRow]:
            params = {"symbol": symbol, "interval": interval.name, "low": low, "high": high, "limit": count}
            columns = await self._clickhouse.select(sql, params)
            return [BarRow(*row) for row in zip(*columns, strict=True)]

        window_us = (limit + 2) * interval.length_us
        return await nearest(fetch, low_us, min(high_us, TIME_US_MAX), window_us, limit, forward=forward)

    async def trades(
        self,
        symbol: str,
        low_us: int,
        high_us: int,
        limit: int,
        beyond: TradePlace | None,
        *,
        forward: bool = False,
    ) -> list[TradeRow]:
        """The newest ``limit`` trades within [low_us, high_us] before ``beyond``, newest first; ``forward``: the first
        ones after it, oldest first."""
        high_us = min(high_us, TIME_US_MAX)
        beyond = beyond or ((-1, 0, 0, 0) if forward else (TIME_US_MAX + 1, 0, 0, 0))
        if forward:
            low_us = max(low_us, beyond[0])
        else:
            high_us = min(high_us, beyond[0])
        sql = _directed(TRADES_SQL, forward=forward)

        async def fetch(low: int, high: int, count: int) -> list[TradeRow]:
            place = dict(zip(("time_us", "partition", "offset", "index"), beyond, strict=True))
            params = {"symbol": symbol, "low": low, "high": high, "limit": count, **place}
            columns = await self._clickhouse.select(sql, params)
            return [TradeRow(*row) for row in zip(*columns, strict=True)]

        return await nearest(fetch, low_us, high_us, TRADES_WINDOW_US, limit, forward=forward)

    async def figures(self, symbol: str, low_us: int, high_us: int) -> Figures:
        """Exact figures over the trades within [low_us, high_us]."""
        params = {"symbol": symbol, "low": low_us, "high": min(high_us, TIME_US_MAX)}
        columns = await self._clickhouse.select(FIGURES_SQL, params)
        count, low, high, size, notional, prices, squares, first, last, sized, _, from_us, to_us, bought = (
            column[0] for column in columns
        )
        if count == 0:
            return Figures(0, None, None, None, None, "0", None, 0, None, None)
        vwap = None if Decimal(size) == 0 else _ratio(Decimal(notional), Decimal(size))
        volatility = _deviation(count, Decimal(prices), Decimal(squares))
        return Figures(count, first, high, low, last, size, vwap, sized, volatility, from_us, to_us, bought, notional)

    async def last_trade(self, symbol: str) -> LastTrade | None:
        columns = await self._clickhouse.select(LAST_SQL, {"symbol": symbol})
        if not columns:
            return None
        return LastTrade(*(column[0] for column in columns))

    async def has_symbol(self, symbol: str) -> bool:
        return bool(await self._clickhouse.select(KNOWN_SQL, {"symbol": symbol}))

    async def ping(self) -> None:
        await self._clickhouse.select("SELECT 1", {})


def _directed(sql: str, *, forward: bool) -> str:
    """Rows from the newest back, or from the oldest on."""
    return sql.replace("{DESC}", "ASC" if forward else "DESC").replace("{BEYOND}", ">" if forward else "<")


async def nearest(
    fetch: Callable[[int, int, int], Awaitable[list[Any]]],
    low_us: int,
    high_us: int,
    window_us: int,
    limit: int,
    *,
    forward: bool,
) -> list[Any]:
    """The ``limit`` rows of [low_us, high_us] nearest to its end (``forward``: to its beginning).

    They come from windows that grow sixteenfold, and at the third are all.
    """
    rows: list[Any] = []
    for attempt in range(3):
        reach_us = high_us - low_us if attempt == 2 else window_us
        window = (low_us, min(high_us, low_us + reach_us)) if forward else (max(low_us, high_us - reach_us), high_us)
        rows += await fetch(*window, limit - len(rows))
        if len(rows) >= limit or window == (low_us, high_us):
            break
        low_us, high_us = (window[1] + 1, high_us) if forward else (low_us, window[0] - 1)
        window_us *= 16
    return rows


def _plain(number: Decimal) -> str:
    """Digits without exponent or trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _ratio(above: Decimal, below: Decimal) -> str:
    """above / below at scale 10, half-even. 120 digits hold both 256-bit sums and their quotient's guard digits."""
    with localcontext() as context:
        context.prec = 120
        return _plain((above / below).quantize(Decimal(1).scaleb(-SCALE), ROUND_HALF_EVEN))


def _deviation(count: int, total: Decimal, squares: Decimal) -> str:
    """Population standard deviation at scale 10, nearest: sqrt(n * sum(p²) - sum(p)²) / n, in integers."""
    with localcontext() as context:
        context.prec = 120
        total_i, squares_i = int(total.scaleb(SCALE)), int(squares.scaleb(2 * SCALE))
    # floor(2 * sqrt(v) / n) by one integer root, then half up.
    doubled = isqrt(4 * (count * squares_i - total_i * total_i) // (count * count))
    return _plain(Decimal((doubled + 1) // 2).scaleb(-SCALE))
