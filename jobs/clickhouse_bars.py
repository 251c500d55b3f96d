"""Reads bars back from ClickHouse, for ``verify`` and the demo, through the views that all readers use.

Hands StoredBars of trades to oracle.comparison, rows of quote bars to oracle.rows. Values come back exact, as Decimals
and whole numbers, times as whole microseconds; nothing is rounded or filled in on the way.
"""

from collections.abc import Sequence
from typing import Any, Final

from clickhouse_driver import Client

from oracle.comparison import FIELDS, Key, StoredBar
from oracle.truth import INTERVAL_US
from schemas.names import BAR_VIEW, QUOTE_BARS_VIEW

__all__ = ["read_bars", "read_quote_bars"]

COLUMNS: Final = ", ".join(("kafka_partition", *FIELDS))


def read_bars(
    client: Client,
    database: str,
    *,
    symbols: Sequence[str] = (),
    intervals: Sequence[str] = tuple(INTERVAL_US),
    from_us: int | None = None,
    to_us: int | None = None,
) -> dict[Key, StoredBar]:
    """Bars of ``symbols`` (none given: all) and ``intervals`` with a start in [from_us, to_us]."""
    where = ["interval IN %(intervals)s"]
    values: dict[str, Any] = {"intervals": tuple(intervals)}
    if symbols:
        where.append("symbol IN %(symbols)s")
        values["symbols"] = tuple(symbols)
    if from_us is not None and to_us is not None:
        where.append("toUnixTimestamp64Micro(start) BETWEEN %(from_us)s AND %(to_us)s")
        values |= {"from_us": from_us, "to_us": to_us}
    query = (
        f"SELECT symbol, interval, toUnixTimestamp64Micro(start), {COLUMNS} "  # noqa: S608 - our own names
        f"FROM {database}.{BAR_VIEW} WHERE {' AND '.join(where)}"
    )
    return {
        (symbol, interval, start_us): StoredBar(tuple(fields), None if partition < 0 else partition)
        for symbol, interval, start_us, partition, *fields in client.execute_iter(query, values)
    }


def read_quote_bars(
    client: Client, database: str, intervals: Sequence[str], fields: Sequence[str]
) -> dict[tuple[object, ...], tuple[tuple[object, ...], int]]:
    """Bars of quotes: values of ``fields`` and version, by symbol, interval, start and partition."""
    query = (
        "SELECT toString(symbol), toString(interval), toUnixTimestamp64Micro(start), kafka_partition,"  # noqa: S608
        f" {', '.join(fields)}, version FROM {database}.{QUOTE_BARS_VIEW} WHERE interval IN %(intervals)s"
    )
    rows = client.execute_iter(query, {"intervals": tuple(intervals)})
    return {tuple(row[:4]): (tuple(row[4:-1]), row[-1]) for row in rows}
