"""Tables of ClickHouse as Parquet files, one for each partition, and back; or by ClickHouse's own BACKUP and RESTORE.

``jobs.backup.whole`` calls it. Rows go out as they are after merging, without columns that the table computes itself.
They go in as any insert does: a row that is there in the same or a newer version changes nothing, so a restore may be
repeated and may meet a table that flows have written to since. The server's own way needs a disk or bucket that its
configuration allows; the files then stay with the server, which checks them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from clickhouse_driver import Client, errors

from jobs.backup.manifest import BackupFile, TableRows
from jobs.backup.places import BackupPlace
from schemas.errors import InputError, WriteFailed
from schemas.names import REPORT_CHUNKS_TABLE
from sinks.clickhouse.connection import in_words

__all__ = [
    "back_up_database",
    "partitions_of",
    "restore_database",
    "restore_rows",
    "restore_tables",
    "rows_kept",
    "save_rows",
]

ROWS_AT_ONCE: Final = 50_000
LEFT_OUT: Final = (REPORT_CHUNKS_TABLE,)
"""Results of reports expire within a day, and can be asked for again."""
TABLES: Final = "SELECT name FROM system.tables WHERE database = %(database)s AND engine LIKE '%%MergeTree' ORDER BY 1"
COLUMNS: Final = (
    "SELECT name, type FROM system.columns WHERE database = %(database)s AND table = %(table)s"
    " AND default_kind NOT IN ('MATERIALIZED', 'ALIAS') ORDER BY position"
)
PARTITIONS: Final = (
    "SELECT partition_id, sum(rows) FROM system.parts WHERE database = %(database)s AND table = %(table)s AND active"
    " GROUP BY 1 ORDER BY 1"
)
WIDE_INTEGERS: Final = frozenset({"Int128", "UInt128"})
WIDE: Final = pa.decimal256(76, 0)
"""What they are in Parquet, which has no integers so wide."""
OnRows = Callable[[int], None]


def partitions_of(client: Client, database: str) -> list[tuple[str, str, int]]:
    """(table, partition, rows before merging) of all that a backup takes."""
    found = []
    for (table,) in client.execute(TABLES, {"database": database}):
        if table not in LEFT_OUT:
            rows = client.execute(PARTITIONS, {"database": database, "table": table})
            found += [(table, partition, count) for partition, count in rows]
    return found


def save_rows(
    client: Client, database: str, table: str, partition: str, place: BackupPlace, on_rows: OnRows
) -> TableRows:
    """Write one partition. Raises WriteFailed when ClickHouse refuses to be read."""
    columns = _columns(client, database, table)
    names = ", ".join(f"`{name}`" for name, _ in columns)
    query = f"SELECT {names} FROM {database}.`{table}` FINAL WHERE _partition_id = %(partition)s"  # noqa: S608
    wide = {name: WIDE for name, kind in columns if kind in WIDE_INTEGERS}
    path, rows = f"tables/{table}/{partition}.parquet", 0
    with _answered(f"to read {table}", str(place)):
        batches = client.query_arrow_stream(
            query,
            {"partition": partition},
            settings={"max_block_size": ROWS_AT_ONCE, "strings_as_bytes": True},
            arrow_types=wide,
        )
        with place.writing(path) as file, pq.ParquetWriter(file, batches.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
                on_rows(batch.num_rows)
    return TableRows(table, partition, rows, BackupFile(path, file.size, file.sha256))


def restore_rows(client: Client, database: str, saved: TableRows, place: BackupPlace, on_rows: OnRows) -> None:
    """Insert one partition. Raises InputError for a file of other columns, WriteFailed when ClickHouse refuses rows."""
    types = dict(_columns(client, database, saved.table))
    with place.opened(saved.file.path) as opened:
        source = pq.ParquetFile(opened)
        names = source.schema_arrow.names
        if missing := [name for name in names if name not in types]:
            raise InputError(
                f"table {database}.{saved.table} has no column {', '.join(missing)} of the backup",
                where=saved.file.path,
                mend="restore it with the version that made it, then migrate",
            )
        listed = ", ".join(f"`{name}`" for name in names)
        insert = f"INSERT INTO {database}.`{saved.table}` ({listed}) VALUES"
        for batch in source.iter_batches(batch_size=ROWS_AT_ONCE):
            columns = [_values(column, types[name]) for name, column in zip(names, batch.columns, strict=True)]
            with _answered(f"rows of {saved.table}", saved.file.path):
                client.execute(insert, columns, columnar=True, settings={"strings_as_bytes": True})
            on_rows(batch.num_rows)


def rows_kept(client: Client, database: str, saved: TableRows) -> int:
    """Rows of that partition after merging."""
    query = f"SELECT count() FROM {database}.`{saved.table}` FINAL WHERE _partition_id = %(partition)s"  # noqa: S608
    ((rows,),) = client.execute(query, {"partition": saved.partition})
    return int(rows)


def restore_tables(
    client: Client, database: str, tables: Sequence[TableRows], place: BackupPlace, on_rows: OnRows
) -> int:
    """All of them; gives the rows that are there now. Raises InputError where a table keeps fewer than it was given."""
    there = 0
    for saved in tables:
        restore_rows(client, database, saved, place, on_rows)
        rows = rows_kept(client, database, saved)
        if rows < saved.rows:
            raise InputError(
                f"{database}.{saved.table} holds {rows} of {saved.rows} rows of partition {saved.partition}",
                where=str(place),
                mend="rows older than TAPEFLOW_CLICKHOUSE_TTL_DAYS are dropped; look at the table's TTL",
            )
        there += rows
    return there


def back_up_database(client: Client, database: str, target: str) -> None:
    """``target``: in ClickHouse's words, ``Disk('backups', 'name')`` or ``S3('https://…', 'key', 'secret')``."""
    _ask(client, f"BACKUP DATABASE {database} TO {target}", "back up")


def restore_database(client: Client, database: str, target: str) -> None:
    """Tables that are there take the rows beside their own; those that aren't are made."""
    settings = "SETTINGS allow_non_empty_tables = true, allow_different_table_def = true"
    _ask(client, f"RESTORE DATABASE {database} FROM {target} {settings}", "restore")


@contextmanager
def _answered(what: str, where: str) -> Iterator[None]:
    try:
        yield
    except errors.ServerException as error:
        raise WriteFailed(f"ClickHouse refused {what}: {in_words(error)}", where=where) from error


def _ask(client: Client, statement: str, verb: str) -> None:
    try:
        client.execute(statement)
    except errors.ServerException as error:
        raise WriteFailed(
            f"ClickHouse doesn't {verb} there: {in_words(error)}",
            where="--by-server",
            mend="name a disk or bucket that its configuration allows, or leave --by-server out",
        ) from error


def _columns(client: Client, database: str, table: str) -> list[tuple[str, str]]:
    columns: list[tuple[str, str]] = client.execute(COLUMNS, {"database": database, "table": table})
    return columns


def _values(column: "pa.Array[Any]", kind: str) -> list[Any]:
    """As the driver takes them for a column of ``kind``."""
    values: list[Any] = column.to_pylist()
    if kind.startswith("Map("):
        return [dict(each) for each in values]
    if kind in WIDE_INTEGERS:
        return [int(each) for each in values]
    return values
