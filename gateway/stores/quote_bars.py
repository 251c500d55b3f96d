"""Reads of bars of quotes from ClickHouse.

REST handlers ask, clickhouse.py runs. Prices and sums leave the server as decimal text, so no digit passes through a
binary float. A symbol that stood in several partitions has the bar of the one with the most quotes.
"""

from typing import Final, NamedTuple

from gateway.stores.clickhouse import ClickHouse
from schemas.contract import YEAR_2300_US
from schemas.names import QUOTE_BARS_VIEW

__all__ = ["QuoteBarCell", "QuoteHistory"]

TIME_US_MAX: Final = YEAR_2300_US - 1_000_000
BARS_SQL: Final = f"""
SELECT toUnixTimestamp64Micro(start), toString(bid_open), toString(bid_high), toString(bid_low), toString(bid_close),
       toString(ask_open), toString(ask_high), toString(ask_low), toString(ask_close),
       toString(spread_min), toString(spread_max), count, crossed, spread_us, crossed_us, toString(spread_sum), spread,
       version
FROM {{db}}.{QUOTE_BARS_VIEW}
WHERE symbol = %(symbol)s AND interval = %(interval)s
  AND start BETWEEN fromUnixTimestamp64Micro(toInt64(%(low)s), 'UTC')
                AND fromUnixTimestamp64Micro(toInt64(%(high)s), 'UTC')
ORDER BY start {{DESC}}, count DESC LIMIT 1 BY start LIMIT %(limit)s"""  # noqa: S608 - names of ours


class QuoteBarCell(NamedTuple):
    """A row; ``spread``: microseconds by bucket."""

    start_us: int
    bid_open: str
    bid_high: str
    bid_low: str
    bid_close: str
    ask_open: str
    ask_high: str
    ask_low: str
    ask_close: str
    spread_min: str
    spread_max: str
    quotes: int
    crossed: int
    spread_us: int
    crossed_us: int
    spread_sum: str
    spread: dict[int, int]
    version: int


class QuoteHistory:
    """Over one ClickHouse."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def bars(
        self, symbol: str, interval: str, low_us: int, high_us: int, limit: int, *, forward: bool
    ) -> list[QuoteBarCell]:
        """Up to ``limit`` that start in the range: the newest, newest first; ``forward``: the first, oldest first."""
        given = {
            "symbol": symbol, "interval": interval, "low": low_us, "high": min(high_us, TIME_US_MAX), "limit": limit,
        }  # fmt: skip
        query = BARS_SQL.replace("{DESC}", "" if forward else "DESC")
        return [QuoteBarCell(*row) for row in zip(*await self._clickhouse.select(query, given), strict=True)]
