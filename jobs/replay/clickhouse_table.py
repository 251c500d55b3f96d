"""The ClickHouse table that a replay writes to or is compared with: its shape, and the bars that it holds.

``tapeflow replay`` asks before anything is read from Kafka. A table that couldn't keep bars as ``bars`` does (its
columns, and an engine that lets the highest version win) is refused in one line, and nothing is written.
"""

from collections.abc import Sequence
from typing import Any, Final

from clickhouse_driver import Client, errors

from oracle.comparison import FIELDS, Key, StoredBar
from schemas.errors import MissingObject, SettingError
from sinks.clickhouse.native_block import BAR_COLUMNS

__all__ = ["check_bar_table", "stored_bars"]

ENGINE: Final = "ReplacingMergeTree"
ENGINE_COLUMNS: Final = ("rank", "version")
"""What the engine may go by; version alone doesn't decide between bars of two partitions that have the same one."""
KEY: Final = "symbol, interval, start"
COLUMNS: Final = ", ".join(("kafka_partition", *FIELDS))


def check_bar_table(client: Client, table: str) -> None:
    """``table`` is database.table. Raises MissingObject, or SettingError when it isn't made as bars is."""
    database, _, name = table.rpartition(".")
    values = {"database": database, "name": name}
    try:
        engines = client.execute(
            "SELECT engine, engine_full, sorting_key FROM system.tables WHERE database = %(database)s"
            " AND name = %(name)s",
            values,
        )
        columns = client.execute(
            "SELECT name, type FROM system.columns WHERE database = %(database)s AND table = %(name)s", values
        )
    except errors.ServerException as error:
        raise SettingError(f"ClickHouse can't say what {table} is", where=str(error).splitlines()[0][:200]) from error
    if not engines:
        raise MissingObject(
            f"no table {table} in ClickHouse",
            mend="run `tapeflow migrate`; replay --into makes a table of a database that is there",
        )
    found = {column: kind.replace(" ", "") for column, kind in columns}
    for column, kind in BAR_COLUMNS:
        if found.pop(column, None) != kind.replace(" ", ""):
            raise wrong_shape(table, f"column {column} is not {kind}")
    engine, full, sorting_key = engines[0]
    goes_by = full.split("PARTITION BY")[0].split("ORDER BY")[0]
    if not engine.endswith(ENGINE) or not any(column in goes_by for column in ENGINE_COLUMNS):
        raise wrong_shape(table, f"its engine is {engine}, not {ENGINE}(rank)")
    if sorting_key != KEY:
        raise wrong_shape(table, f"it is ordered by ({sorting_key}), not ({KEY})")


def wrong_shape(table: str, why: str) -> SettingError:
    return SettingError(
        f"table {table} can't hold bars: {why}",
        where="--into",
        mend=f"CREATE TABLE {table} AS market.bars, with the engine and order of market.bars",
    )


def stored_bars(
    client: Client, table: str, symbols: Sequence[str], intervals: Sequence[str], from_us: int, to_us: int
) -> dict[Key, StoredBar]:
    """The newest version of each bar with a start in [from_us, to_us]."""
    query = (
        f"SELECT symbol, interval, toUnixTimestamp64Micro(start), {COLUMNS} FROM {table} FINAL "  # noqa: S608
        "WHERE symbol IN %(symbols)s AND interval IN %(intervals)s "
        "AND toUnixTimestamp64Micro(start) BETWEEN %(from_us)s AND %(to_us)s"
    )
    values: dict[str, Any] = {
        "symbols": tuple(symbols), "intervals": tuple(intervals), "from_us": from_us, "to_us": to_us,
    }  # fmt: skip
    return {
        (symbol, interval, start_us): StoredBar(tuple(fields), None if partition < 0 else partition)
        for symbol, interval, start_us, partition, *fields in client.execute_iter(query, values)
    }
