"""Tables of older shapes, lost ones and those of others: brought to today's shape with their rows, or refused."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from clickhouse_driver import Client

from schemas.errors import MissingObject
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import check_tables, migrate, migrations, statements
from sinks.clickhouse.native_block import BAR_COLUMNS
from tests.integration.sinks.clickhouse.table_writing import write_trades, written
from tests.unit.sinks.rows import bars, trades


@pytest.mark.parametrize("crashed", ["never", "renamed", "copied"])
def test_a_table_of_bars_that_knew_no_partition_is_brought_to_one_that_does(
    clickhouse_dsn: str, client: Client, database: str, crashed: str
) -> None:
    written(clickhouse_dsn, database, bars({"version": 7, "close": 2}, {"symbol": "B"}))
    columns = ", ".join(name for name, _ in BAR_COLUMNS[:-1])
    client.execute(f"CREATE TABLE {database}.old ENGINE = ReplacingMergeTree(version) PARTITION BY toYear(start)"
                   f" ORDER BY (symbol, interval, start) AS SELECT {columns} FROM {database}.bars")  # fmt: skip
    client.execute(f"DROP TABLE {database}.bars")
    client.execute(f"RENAME TABLE {database}.old TO {database}.bars{'' if crashed == 'never' else '_before'}")
    client.execute(f"CREATE OR REPLACE VIEW {database}.bars_final AS SELECT {columns} FROM"
                   f" {database}.bars{'' if crashed == 'never' else '_before'} FINAL")  # fmt: skip
    client.execute(f"ALTER TABLE {database}.schema_migrations DELETE WHERE name = '0006_bars_decided'"
                   " SETTINGS mutations_sync = 1")  # fmt: skip
    if crashed == "copied":
        for statement in statements(dict(migrations())["0002_bars"], database):
            client.execute(statement)
        client.execute(f"INSERT INTO {database}.bars ({columns}) SELECT {columns} FROM {database}.bars_before")
    for _ in range(2):
        migrate(client, database)
        found = client.execute(f"SELECT symbol, close, kafka_partition FROM {database}.bars_final ORDER BY symbol")
        assert found == [("AAPL", Decimal(2), -1), ("B", Decimal("1.5"), -1)]
    assert client.execute(f"EXISTS TABLE {database}.bars_before") == [(0,)]
    written(clickhouse_dsn, database, replace(bars({"version": 7, "close": 3}), partition=4))
    found = client.execute(f"SELECT close FROM {database}.bars_final WHERE symbol = 'AAPL'")
    assert found == [(Decimal(3),)], "a partition that is known goes before one that isn't"


@pytest.mark.parametrize(
    "lost", [("bars",), ("late_trades", "trades_unique"), ("trades", "bars_final", "alerts"), None]
)
def test_migrate_makes_anew_what_was_lost_or_not_restored(
    clickhouse_dsn: str, client: Client, database: str, lost: tuple[str, ...] | None
) -> None:
    tables = "SELECT name, engine FROM system.tables WHERE database = %(database)s ORDER BY name"
    before = client.execute(tables, {"database": database})
    engines = dict(before)
    for name in lost or [name for name in engines if name != "schema_migrations"]:
        client.execute(f"DROP {'VIEW' if engines[name] == 'View' else 'TABLE'} {database}.{name} SYNC")
    with pytest.raises(MissingObject, match="tapeflow migrate"):
        check_tables(client, database)
    assert migrate(client, database, ttl_days=30)
    assert client.execute(tables, {"database": database}) == before
    write_trades(clickhouse_dsn, database, trades({}))
    assert migrate(client, database, ttl_days=30) == []


def test_tables_from_before_records_held_several_trades_get_the_key(
    clickhouse_dsn: str, client: Client, database: str
) -> None:
    for name in ("trades_unique", "late_trades", "trades"):
        client.execute(f"DROP TABLE {database}.{name} SYNC")
    old = statements(dict(migrations())["0001_trades"], database)
    for statement in old:
        lines = [line for line in statement.splitlines() if "kafka_index  " not in line]
        client.execute("\n".join(lines).replace(", kafka_index)", ")"))
    client.execute(f"CREATE VIEW {database}.trades_unique AS SELECT * FROM {database}.trades FINAL")
    client.execute(
        f"INSERT INTO {database}.trades (symbol, event_time, price, size, kafka_partition, kafka_offset) VALUES",
        [("A", datetime(2024, 5, 1, tzinfo=UTC), Decimal(1), Decimal(2), 0, 7)],
    )
    with pytest.raises(MissingObject, match="tapeflow migrate"):
        check_tables(client, database)
    migrate(client, database)
    assert migrate(client, database) == []
    several = trades({"symbol": "A"}, {"symbol": "A"})
    several.rows["offset"], several.rows["index"] = 8, [0, 1]
    several.rows["event_time_us"] = 1_714_521_600_000_000
    write_trades(clickhouse_dsn, database, several)
    write_trades(clickhouse_dsn, database, several)
    found = client.execute(f"SELECT kafka_offset, kafka_index FROM {database}.trades_unique ORDER BY 1, 2")
    assert found == [(7, 0), (8, 0), (8, 1)]


def test_migrate_runs_twice_and_at_once(clickhouse_dsn: str, client: Client, clickhouse_database: str) -> None:
    results: list[list[str]] = []

    def run() -> None:
        with connect(clickhouse_dsn) as own:
            results.append(migrate(own, clickhouse_database))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert migrate(client, clickhouse_database) == []
    assert {name for names in results for name in names} == {name for name, _ in migrations()}
    check_tables(client, clickhouse_database)


ALERT = ("2026-01-05 10:00:00.000", "a-1", "high", "exposure", "Limit", "Over the limit", "exposure", "['call']")


def put_alert(client: Client, database: str) -> None:
    values = ", ".join(f"'{each}'" if not each.startswith("[") else each for each in ALERT)
    client.execute(f"INSERT INTO {database}.alerts VALUES ({values})")


def test_an_alert_that_is_written_twice_is_read_once(client: Client, database: str) -> None:
    put_alert(client, database)
    put_alert(client, database)
    assert client.execute(f"SELECT id, actions FROM {database}.alerts_unique") == [("a-1", ["call"])]


@pytest.mark.parametrize("crashed", ["never", "renamed", "copied"])
def test_alerts_of_a_table_that_kept_doubles_are_kept_once(client: Client, database: str, crashed: str) -> None:
    client.execute(f"DROP TABLE {database}.alerts")
    client.execute(
        f"CREATE TABLE {database}.alerts (time DateTime64(3, 'UTC'), id String, severity LowCardinality(String),"
        " category LowCardinality(String), title String, message String, source LowCardinality(String),"
        " actions Array(String)) ENGINE = MergeTree ORDER BY (time, id)"
    )
    put_alert(client, database)
    put_alert(client, database)
    if crashed != "never":
        client.execute(f"RENAME TABLE {database}.alerts TO {database}.alerts_before")
    if crashed == "copied":
        client.execute(f"CREATE TABLE {database}.alerts AS {database}.alerts_before ENGINE = ReplacingMergeTree"
                       " ORDER BY (time, id)")  # fmt: skip
        put_alert(client, database)
    for _ in range(2):
        migrate(client, database)
        assert client.execute(f"SELECT id, actions FROM {database}.alerts_unique") == [("a-1", ["call"])]
    tables = client.execute("SELECT name, engine FROM system.tables WHERE database = %(name)s", {"name": database})
    assert ("alerts", "ReplacingMergeTree") in tables
    assert "alerts_before" not in dict(tables)


def test_ttl_follows_the_setting(client: Client, database: str) -> None:
    def created() -> str:
        ((text,),) = client.execute(f"SHOW CREATE TABLE {database}.trades")
        return str(text)

    migrate(client, database, ttl_days=30)
    assert "toIntervalDay(30)" in created()
    migrate(client, database, ttl_days=7)
    assert "toIntervalDay(7)" in created()
    migrate(client, database)
    assert "(event_time) + toIntervalDay" not in created()


def test_trades_are_packed_fast_and_in_few_files_and_small_when_they_are_a_day_old(
    clickhouse_dsn: str, client: Client, database: str
) -> None:
    day_ms = 86_400_000
    now_ms = int(time.time() * 1000)
    found = []
    for age_ms in (day_ms // 2, 2 * day_ms):
        client.execute(f"TRUNCATE TABLE {database}.trades")
        client.execute(f"SYSTEM STOP MERGES {database}.trades")
        batch = trades({"symbol": "A"}, {"symbol": "B"})
        batch.rows["timestamp_ms"] = now_ms - age_ms
        for _ in range(2):
            write_trades(clickhouse_dsn, database, batch)
        parts = "SELECT DISTINCT part_type, default_compression_codec FROM system.parts WHERE active" \
                f" AND database = '{database}' AND table = 'trades'"  # fmt: skip
        (inserted,) = client.execute(parts)
        client.execute(f"SYSTEM START MERGES {database}.trades")
        client.execute(f"OPTIMIZE TABLE {database}.trades FINAL")
        (merged,) = client.execute(parts)
        found.append((inserted, merged[1]))
    assert found == [(("Compact", "LZ4"), "LZ4"), (("Compact", "LZ4"), "ZSTD(1)")]


def test_a_missing_table_names_the_command(clickhouse_dsn: str, client: Client, clickhouse_database: str) -> None:
    with pytest.raises(MissingObject, match="tapeflow migrate"):
        check_tables(client, clickhouse_database)
    with pytest.raises(MissingObject, match="tapeflow migrate"):
        write_trades(clickhouse_dsn, clickhouse_database, trades({}))


def test_a_table_of_another_shape_is_refused(clickhouse_dsn: str, client: Client, database: str) -> None:
    client.execute(f"ALTER TABLE {database}.trades MODIFY COLUMN price Float64")
    with pytest.raises(MissingObject, match=r"column price of type Float64, not Decimal\(38, 10\)"):
        check_tables(client, database)
    with pytest.raises(MissingObject, match=r"column price of type Float64, not Decimal\(38, 10\)"):
        write_trades(clickhouse_dsn, database, trades({}))
