"""Brings a ClickHouse database to the tables and views that sinks and readers need.

Called by the command's ``migrate`` and checked at a flow's start. Migrations are the numbered files of
schemas/clickhouse. Every statement may run twice, also at once from two places, and leaves the same tables. How raw
trades age is one rule with a setting in it, so it is no migration and is brought up to date on every run.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from clickhouse_driver import Client, errors

import schemas
from schemas.errors import MissingObject, SettingError, TapeflowError
from schemas.names import (
    ALERT_STATES_TABLE,
    ALERT_STATES_VIEW,
    ALERTS_TABLE,
    ALERTS_VIEW,
    BAR_VIEW,
    BARS_TABLE,
    EXPOSURE_1M_TABLE,
    EXPOSURE_1M_VIEW,
    LATE_TRADES_TABLE,
    LP_1M_TABLE,
    LP_1M_VIEW,
    PRICE_ALERTS_TABLE,
    PRICE_ALERTS_VIEW,
    QUOTE_BARS_TABLE,
    QUOTE_BARS_VIEW,
    REPORT_CHUNKS_TABLE,
    ROUTING_1M_TABLE,
    ROUTING_1M_VIEW,
    ROUTING_TABLE,
    ROUTING_VIEW,
    TRADES_TABLE,
    TRADES_VIEW,
)
from sinks.clickhouse.alert_block import ALERT_COLUMNS, STATE_COLUMNS
from sinks.clickhouse.desk_block import DECISION_COLUMNS, EXPOSURE_COLUMNS, LP_COLUMNS, ROUTING_COLUMNS
from sinks.clickhouse.native_block import BAR_COLUMNS, TRADE_COLUMNS
from sinks.clickhouse.price_alerts import PRICE_ALERT_COLUMNS
from sinks.clickhouse.quote_bars import QUOTE_BAR_COLUMNS
from sinks.clickhouse.refusals import refusal

__all__ = ["check_name", "check_tables", "keep_rules", "make_bar_table", "migrate", "migrations", "run", "statements"]

MIGRATIONS_TABLE: Final = "schema_migrations"
_ALERTS_MIGRATION: Final = "0003_alerts"
_BARS_MIGRATION: Final = "0002_bars"
_ALERTS_BEFORE: Final = "alerts_before"
_ALERTS_ENGINE: Final = "ReplacingMergeTree"
_BARS_BEFORE: Final = "bars_before"
_BARS_RANK: Final = "rank"
_INDEX: Final = "kafka_index"
_ADD_INDEX: Final = (
    f"ALTER TABLE {{database}}.{{table}} ADD COLUMN {_INDEX} UInt32 CODEC(ZSTD(1)) AFTER kafka_offset,"
    f" MODIFY ORDER BY (symbol, event_time, kafka_partition, kafka_offset, {_INDEX})"
)
_FOLDER: Final = Path(str(schemas.__path__[0])) / "clickhouse"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PACKED: Final = "toDateTime(kafka_time) + toIntervalDay(1) RECOMPRESS CODEC(ZSTD(1))"
_TABLES: Final = "SELECT name FROM system.tables WHERE database = %(database)s"
_MADE: Final = re.compile(r"(?:TABLE|VIEW) IF NOT EXISTS \w+\.(\w+)")
_COMMENT: Final = re.compile(r"^\s*--.*$", re.MULTILINE)
_WANTED: Final = {
    TRADES_TABLE: TRADE_COLUMNS,
    LATE_TRADES_TABLE: TRADE_COLUMNS,
    BARS_TABLE: BAR_COLUMNS,
    TRADES_VIEW: (),
    ALERTS_TABLE: ALERT_COLUMNS,
    ALERTS_VIEW: (),
    PRICE_ALERTS_TABLE: PRICE_ALERT_COLUMNS,
    PRICE_ALERTS_VIEW: (),
    BAR_VIEW: (),
    REPORT_CHUNKS_TABLE: (),
    ROUTING_TABLE: DECISION_COLUMNS,
    ROUTING_1M_TABLE: ROUTING_COLUMNS,
    LP_1M_TABLE: LP_COLUMNS,
    EXPOSURE_1M_TABLE: EXPOSURE_COLUMNS,
    ALERT_STATES_TABLE: STATE_COLUMNS,
    QUOTE_BARS_TABLE: QUOTE_BAR_COLUMNS,
    QUOTE_BARS_VIEW: (),
    ROUTING_VIEW: (),
    LP_1M_VIEW: (),
    EXPOSURE_1M_VIEW: (),
    ALERT_STATES_VIEW: (),
    ROUTING_1M_VIEW: (),
}


def migrations() -> Iterator[tuple[str, str]]:
    """(name, SQL template) of each migration, in order; ``{database}`` stands for the database."""
    for path in sorted(_FOLDER.glob("[0-9]*.sql")):
        yield path.stem, path.read_text("utf-8")


def migrate(client: Client, database: str, *, ttl_days: int = 0) -> list[str]:
    """Apply what is missing; returns the names applied now. ``ttl_days``: raw trades older are dropped, 0 keeps them.

    A table or view that was lost is made anew, whatever is recorded as applied.
    Raises SettingError for a database name that needs quoting or a right that is missing, MissingObject for a table of
    another shape, WriteFailed for any other refusal.
    """
    check_name(database)
    run(client, f"CREATE DATABASE IF NOT EXISTS {database}", database)
    run(
        client,
        f"CREATE TABLE IF NOT EXISTS {database}.{MIGRATIONS_TABLE} (name String, applied_at DateTime64(3, 'UTC')"
        " DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY name",
        database,
    )
    done = {name for (name,) in run(client, f"SELECT name FROM {database}.{MIGRATIONS_TABLE}", database)}  # noqa: S608
    _rank_bars(client, database)
    _add_index(client, database)
    there = {name for (name,) in run(client, _TABLES, database)}
    applied: list[str] = []
    for name, template in migrations():
        wanted = statements(template, database)
        # What it made may have been lost since, by a drop or a restore in part; later ones then have to follow again.
        if name in done and not applied and there.issuperset(_MADE.findall(";".join(wanted))):
            continue
        for statement in wanted:
            run(client, statement, database)
        run(client, f"INSERT INTO {database}.{MIGRATIONS_TABLE} (name) VALUES", database, rows=[(name,)])
        applied.append(name)
    _merge_alerts(client, database)
    for table in (TRADES_TABLE, LATE_TRADES_TABLE):
        _keep_for(client, database, table, ttl_days)
    check_tables(client, database)
    return applied


def check_name(database: str) -> None:
    """Raises SettingError for a name that needs quoting."""
    if not _NAME.fullmatch(database):
        raise SettingError(
            f"bad database name {database!r}", where="TAPEFLOW_CLICKHOUSE_DATABASE", mend="use letters, digits and _"
        )


def make_bar_table(client: Client, table: str) -> None:
    """``table`` (database.table) as the migration makes ``bars``, unless it is there or has no database.

    Raises WriteFailed when the server refuses it.
    """
    database, _, name = table.rpartition(".")
    if not run(client, "SELECT 1 FROM system.databases WHERE name = %(database)s", database):
        return
    for statement in statements(dict(migrations())[_BARS_MIGRATION], database):
        run(client, statement.replace(f"{database}.{BARS_TABLE}", f"{database}.{name}", 1), database)


def statements(template: str, database: str) -> list[str]:
    """The statements of one migration, without comments."""
    text = _COMMENT.sub("", template).replace("{database}", database)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def _add_index(client: Client, database: str) -> None:
    """Bring tables of trades from before records could hold several to the key that tells those apart.

    A column can join the key only in the statement that adds it. The view is dropped where it lacks the column, since
    its own were fixed when it was made; it is made anew as what was lost.
    """
    for table in (TRADES_TABLE, LATE_TRADES_TABLE):
        if not _lacks_index(client, database, table):
            continue
        try:
            run(client, _ADD_INDEX.format(database=database, table=table), database)
        except TapeflowError:
            # Somebody else may have done the same at the same moment.
            if _lacks_index(client, database, table):
                raise
    if _lacks_index(client, database, TRADES_VIEW):
        run(client, f"DROP VIEW IF EXISTS {database}.{TRADES_VIEW}", database)


def _lacks_index(client: Client, database: str, table: str) -> bool:
    """Whether the table or view is there without the column."""
    query = "SELECT name FROM system.columns WHERE database = %(database)s AND table = %(table)s"
    columns = {name for (name,) in run(client, query, database, table=table)}
    return bool(columns) and _INDEX not in columns


def _merge_alerts(client: Client, database: str) -> None:
    """Bring a table of alerts that keeps what was written twice to one that doesn't.

    No statement changes the engine of a table, so its rows are copied. A crash in between is mended by the next run:
    the table of the old kind is dropped only when its rows stand in the new one.
    """
    engines = _engines(client, database)
    if engines == {ALERTS_TABLE: _ALERTS_ENGINE}:
        return
    try:
        if engines.get(ALERTS_TABLE, _ALERTS_ENGINE) != _ALERTS_ENGINE:
            run(client, f"RENAME TABLE {database}.{ALERTS_TABLE} TO {database}.{_ALERTS_BEFORE}", database)
        for statement in statements(dict(migrations())[_ALERTS_MIGRATION], database):
            run(client, statement, database)
        copy = f"INSERT INTO {database}.{ALERTS_TABLE} SELECT * FROM {database}.{_ALERTS_BEFORE}"  # noqa: S608
        run(client, copy, database)
        run(client, f"DROP TABLE IF EXISTS {database}.{_ALERTS_BEFORE}", database)
    except TapeflowError:
        # Somebody else may have done the same at the same moment.
        if _engines(client, database) != {ALERTS_TABLE: _ALERTS_ENGINE}:
            raise


def _rank_bars(client: Client, database: str) -> None:
    """Bring a table of bars that knows no partition to one that decides between several.

    As with alerts the rows are copied, since no statement changes what an engine goes by; of the old ones it isn't
    known which partition made them. History must not run meanwhile. A crash in between is mended by the next run.
    """
    query = (
        "SELECT table, countIf(name = %(rank)s) > 0 FROM system.columns WHERE database = %(database)s"
        " AND table IN (%(new)s, %(old)s) GROUP BY table"
    )
    found = dict(run(client, query, database, rank=_BARS_RANK, new=BARS_TABLE, old=_BARS_BEFORE))
    if found.get(BARS_TABLE, True) and _BARS_BEFORE not in found:
        return
    if not found.get(BARS_TABLE, True):
        run(client, f"RENAME TABLE {database}.{BARS_TABLE} TO {database}.{_BARS_BEFORE}", database)
    for statement in statements(dict(migrations())[_BARS_MIGRATION], database):
        run(client, statement, database)
    columns = ", ".join(name for name, _ in BAR_COLUMNS if name != "kafka_partition")
    run(
        client,
        f"INSERT INTO {database}.{BARS_TABLE} ({columns}) SELECT {columns} FROM {database}.{_BARS_BEFORE}"  # noqa: S608
        " SETTINGS max_partitions_per_insert_block = 0",
        database,
    )
    run(client, f"DROP TABLE IF EXISTS {database}.{_BARS_BEFORE}", database)


def _engines(client: Client, database: str) -> dict[str, str]:
    query = "SELECT name, engine FROM system.tables WHERE database = %(database)s AND name IN (%(new)s, %(old)s)"
    return dict(run(client, query, database, new=ALERTS_TABLE, old=_ALERTS_BEFORE))


def _keep_for(client: Client, database: str, table: str, ttl_days: int) -> None:
    """Bring ``keep_rules`` up to date."""
    query = "SELECT create_table_query FROM system.tables WHERE database = %(database)s AND name = %(table)s"
    ((created,),) = run(client, query, database, table=table)
    found = re.search(r"\btoDateTime\(event_time\) \+ toIntervalDay\((\d+)\)", created)
    days = int(found[1]) if found else 0
    if days == ttl_days and _PACKED in created:
        return
    # Parts that are there already are packed small; when rows are dropped is worked out anew for them.
    there = f"materialize_ttl_after_modify = {int(days != ttl_days)}"
    run(client, f"ALTER TABLE {database}.{table} MODIFY TTL {keep_rules(ttl_days)} SETTINGS {there}", database)


def keep_rules(ttl_days: int) -> str:
    """The TTL of raw trades: rows are packed small when they are a day old, and dropped at ``ttl_days``, if any."""
    return ", ".join([_PACKED, *([f"toDateTime(event_time) + toIntervalDay({ttl_days})"] if ttl_days else [])])


def check_tables(client: Client, database: str, tables: Sequence[str] = tuple(_WANTED)) -> None:
    """Raises MissingObject when a table or view is absent or a column isn't of the type that the sinks write."""
    query = "SELECT table, name, type FROM system.columns WHERE database = %(database)s"
    rows: list[tuple[str, str, str]] = run(client, query, database)
    there: dict[str, dict[str, str]] = {}
    for table, name, kind in rows:
        there.setdefault(table, {})[name] = kind.replace(" ", "")
    for table in tables:
        if table not in there:
            raise MissingObject(
                f"no table {database}.{table} in ClickHouse",
                where=client.connection.host,
                mend="run `tapeflow migrate`",
            )
        for name, wanted in _WANTED[table]:
            found = there[table].get(name)
            if found != wanted.replace(" ", ""):
                raise MissingObject(
                    f"table {database}.{table} has column {name} of type {found}, not {wanted}",
                    mend="run `tapeflow migrate`, or move the old table away first",
                )


def run(
    client: Client, statement: str, database: str, *, rows: Sequence[tuple[str, ...]] | None = None, **values: str
) -> list[Any]:
    """One statement, with a refusal of the server in words. Raises what ``sinks.clickhouse.refusals`` says."""
    try:
        # Values only where the statement asks for some: a bare % in DDL would be taken for a parameter.
        given = {"database": database, **values} if "%(" in statement else rows
        result: list[Any] = client.execute(statement, given)
    except errors.ServerException as error:
        line = (str(error.message).strip().splitlines() or [""])[0][:300]
        connection = client.connection
        raise refusal(
            error,
            line,
            right=statement.split(maxsplit=1)[0],
            on=f"{database}.*",
            user=connection.user,
            where=f"{connection.host}:{connection.port} database {database}",
        ) from error
    return result
