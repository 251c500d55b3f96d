"""Reads for users' rules from ClickHouse: what fired for a user, and the trades that a rule is tried on.

REST handlers ask, gateway.stores.clickhouse runs. Late trades fire nothing, so they are left out of what a rule is
tried on. Trades come in the order of the log, which is the one that rules go by.
"""

from typing import Final, NamedTuple

from gateway.stores.clickhouse import ClickHouse
from schemas.contract import YEAR_2300_US
from schemas.names import LATE_TRADES_TABLE, PRICE_ALERTS_VIEW, TRADES_VIEW

__all__ = ["FiredRow", "PriceAlerts", "TriedRow"]

FIRED_SQL: Final = f"""
SELECT toUnixTimestamp64Micro(event_time), id, rule_id, toString(symbol), toString(condition), toString(threshold),
       toString(price), sequence, note, toString(series), toString(window), toString(value)
FROM {{db}}.{PRICE_ALERTS_VIEW}
WHERE user_id = %(user)s
  AND event_time BETWEEN fromUnixTimestamp64Micro(toInt64(%(low)s), 'UTC')
                     AND fromUnixTimestamp64Micro(toInt64(%(high)s), 'UTC')
ORDER BY event_time DESC, id LIMIT %(limit)s"""  # noqa: S608 - names of ours

TRIED_SQL: Final = f"""
SELECT toUnixTimestamp64Micro(event_time), toString(price), sequence, toString(size)
FROM {{db}}.{TRADES_VIEW}
WHERE symbol = %(symbol)s
  AND event_time BETWEEN fromUnixTimestamp64Micro(toInt64(%(low)s), 'UTC')
                     AND fromUnixTimestamp64Micro(toInt64(%(high)s), 'UTC')
  AND (kafka_partition, kafka_offset, kafka_index) NOT IN (
      SELECT kafka_partition, kafka_offset, kafka_index FROM {{db}}.{LATE_TRADES_TABLE} WHERE symbol = %(symbol)s)
ORDER BY sequence, kafka_index LIMIT %(limit)s"""  # noqa: S608 - names of ours

TIME_US_MAX: Final = YEAR_2300_US - 1_000_000


class FiredRow(NamedTuple):
    """One price alert; decimals are text."""

    event_time_us: int
    id: str
    rule_id: str
    symbol: str
    condition: str
    threshold: str
    price: str
    sequence: int
    note: str
    series: str
    window: str
    value: str


class TriedRow(NamedTuple):
    event_time_us: int
    price: str
    sequence: int
    size: str


class PriceAlerts:
    """Queries of one database."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def fired(self, user: str, low_us: int, high_us: int, limit: int) -> list[FiredRow]:
        """The newest of a user's alerts, newest first."""
        given = {"user": user, "low": low_us, "high": min(high_us, TIME_US_MAX), "limit": limit}
        return [FiredRow(*row) for row in zip(*await self._clickhouse.select(FIRED_SQL, given), strict=True)]

    async def trades(self, symbol: str, low_us: int, high_us: int, limit: int) -> list[TriedRow]:
        """The first trades of a range in the order of the log."""
        given = {"symbol": symbol, "low": low_us, "high": min(high_us, TIME_US_MAX), "limit": limit}
        return [TriedRow(*row) for row in zip(*await self._clickhouse.select(TRIED_SQL, given), strict=True)]
