"""Every table as files and back: all types with random values, equal by the server's own hash of each row."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client

from jobs.backup.clickhouse_tables import (
    back_up_database,
    partitions_of,
    restore_database,
    restore_rows,
    rows_kept,
    save_rows,
)
from jobs.backup.places import BackupPlace
from schemas.errors import WriteFailed
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from tests.servers.clickhouse import ClickHouseServer

ROWS = 100
TABLES = {
    "alert_states", "alerts", "bars", "exposure_1m", "late_trades", "lp_1m", "price_alerts", "quote_bars",
    "routing_1m", "routing_decisions", "schema_migrations", "trades",
}  # fmt: skip
TIME = "fromUnixTimestamp64Micro(1767225600000000 + toInt64(rand64({seed}) % 5000000000000), 'UTC')"


def fill(client: Client, database: str) -> None:
    """Random rows over two months, each value that a type has."""
    for (table,) in client.execute(
        f"SELECT name FROM system.tables WHERE database = '{database}' AND engine LIKE '%%MergeTree'"
    ):
        columns = client.execute(
            f"SELECT name, type FROM system.columns WHERE database = '{database}' AND table = '{table}'"
            " AND default_kind NOT IN ('MATERIALIZED', 'ALIAS') ORDER BY position"
        )
        chosen = [value_of(name, kind, at) for at, (name, kind) in enumerate(columns)]
        structure = ", ".join(f"`{name}` {kind}" for name, kind in columns).replace("\\", "\\\\").replace("'", "\\'")
        names = ", ".join(f"`{name}`" for name, _ in columns)
        client.execute(
            f"INSERT INTO {database}.{table} ({names}) SELECT {', '.join(chosen)}"
            f" FROM generateRandom('{structure}', 7, 9, 3) LIMIT {ROWS}"
        )


def value_of(name: str, kind: str, seed: int) -> str:
    """Random decimals have all the digits that their type has, and no more."""
    if "DateTime" in kind:
        return TIME.format(seed=seed)
    if found := re.search(r"Decimal\((\d+), (\d+)\)", kind):
        precision, scale = int(found[1]), int(found[2])
        digits = "concat(toString(rand64({0})), toString(rand64({1})), toString(rand64({2})), toString(rand64({3})))"
        whole, part = (digits.format(*(seed * 100 + first + at for at in range(4))) for first in (1, 5))
        number = f"concat('-', substring({whole}, 1, {precision - scale}), '.', substring({part}, 1, {scale}))"
        return (
            f"CAST({number}, '{kind}')" if "Nullable" not in kind else f"if(isNull(`{name}`), NULL, {number}::{kind})"
        )
    return f"`{name}`"


def digests(client: Client, database: str) -> dict[str, tuple[int, int]]:
    """Rows and hash of each table, as the server sees them after merging."""
    tables = sorted({table for table, _, _ in partitions_of(client, database)})
    return {
        table: client.execute(f"SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM {database}.{table} FINAL")[0]
        for table in tables
    }


@pytest.fixture
def filled(clickhouse_dsn: str, clickhouse_database: str) -> Iterator[Client]:
    client = connect(clickhouse_dsn)
    migrate(client, clickhouse_database)
    fill(client, clickhouse_database)
    yield client
    client.disconnect()


def test_what_comes_back_is_equal_and_may_come_twice(filled: Client, clickhouse_database: str, tmp_path: Path) -> None:
    client, ours, theirs = filled, clickhouse_database, f"{clickhouse_database}_back"
    wanted, place, told = partitions_of(client, ours), BackupPlace(str(tmp_path)), []
    assert {table for table, _, _ in wanted} == TABLES
    saved = [save_rows(client, ours, table, partition, place, told.append) for table, partition, _ in wanted]
    assert sum(told) == sum(each.rows for each in saved)
    migrate(client, theirs)
    try:
        for each in [*saved, saved[0]]:
            restore_rows(client, theirs, each, place, told.append)
            assert rows_kept(client, theirs, each) == each.rows or each.table == "schema_migrations"
        before, after = digests(client, ours), digests(client, theirs)
        del before["schema_migrations"], after["schema_migrations"]
        assert before == after
        assert all(rows for rows, _ in before.values())
    finally:
        client.execute(f"DROP DATABASE {theirs} SYNC")


def test_the_server_keeps_and_brings_back_tables_itself(tmp_path: Path) -> None:
    target = f"File('{tmp_path / 'kept' / 'one'}')"
    with ClickHouseServer(tmp_path, "--backups", str(tmp_path / "kept")) as server:
        client = connect(server.dsn)
        migrate(client, "market")
        client.execute("INSERT INTO market.bars (symbol, start, close) VALUES", [("A", 1_767_225_600, 2)])
        before = digests(client, "market")
        back_up_database(client, "market", target)
        client.execute("DROP TABLE market.bars SYNC")
        restore_database(client, "market", target)
        assert digests(client, "market") == before
        with pytest.raises(WriteFailed, match=r"doesn't back up there.*--by-server"):
            back_up_database(client, "market", "File('/elsewhere/one')")
        client.disconnect()
