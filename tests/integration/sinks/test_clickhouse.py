"""Trades and bars in a real ClickHouse: exact values, no doubles through the views, and no loss when it dies."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from clickhouse_driver import Client

from schemas.columns import BarBatch, TradeBatch
from schemas.errors import MissingObject, SettingError, Unreachable, WriteFailed
from sinks.clickhouse.migrations import check_tables, migrate, migrations, statements
from sinks.clickhouse.native_block import BAR_COLUMNS
from sinks.clickhouse.sink import ClickHouseBarsSink, ClickHouseTradesSink, connect
from tests.servers.clickhouse import ClickHouseServer
from tests.unit.sinks.rows import START_US, bars, trades


@pytest.fixture
def client(clickhouse_dsn: str) -> Iterator[Client]:
    client = connect(clickhouse_dsn)
    yield client
    client.disconnect()


@pytest.fixture
def database(client: Client, clickhouse_database: str) -> str:
    migrate(client, clickhouse_database)
    return clickhouse_database


def write_trades(dsn: str, database: str, *batches: TradeBatch, late_only: bool = False, source_epoch: int = 0) -> None:
    part = ClickHouseTradesSink(dsn, database, 1, late_only=late_only, source_epoch=source_epoch).build_part(
        "write_trades", "00000", None
    )
    part.write_batch(list(batches))
    part.snapshot()
    part.close()


@pytest.mark.parametrize("options", ["", "?compression=lz4"])
def test_every_digit_of_a_trade_arrives(clickhouse_dsn: str, client: Client, database: str, options: str) -> None:
    batch = trades(
        {"symbol": "BTC/USDT", "price": "999999999999999999.9999999999", "size": "0.0000000001", "side": 1,
         "trade_id": "é" * 200, "exchange": "", "bid": "1.5", "timestamp_ms": -1},
        {"symbol": "A", "price": "0.0000000001", "size": "0", "side": 2, "ask": "3", "trade_id": "7"},
        partition=3,
        first_offset=1000,
    )  # fmt: skip
    write_trades(clickhouse_dsn + options, database, batch, source_epoch=2)
    rows = client.execute(
        "SELECT symbol, price, size, side, trade_id, exchange, bid, ask, sequence, kafka_partition, kafka_offset,"
        " toUnixTimestamp64Micro(event_time), toUnixTimestamp64Milli(kafka_time)"
        f" FROM {database}.trades_unique ORDER BY kafka_offset"
    )
    assert rows == [
        ("BTC/USDT", Decimal("999999999999999999.9999999999"), Decimal("1E-10"), "SELL", "é" * 200, "",
         Decimal("1.5"), None, (2 << 44) + 1000, 3, 1000, START_US, 0),
        ("A", Decimal("1E-10"), Decimal(0), "UNKNOWN", "7", "XNAS", None, Decimal(3), (2 << 44) + 1001, 3, 1001,
         START_US + 1, START_US // 1000),
    ]  # fmt: skip


def test_trades_written_twice_stand_once(clickhouse_dsn: str, client: Client, database: str) -> None:
    batch = trades(*[{"trade_id": str(n)} for n in range(100)])
    write_trades(clickhouse_dsn, database, batch)
    write_trades(clickhouse_dsn, database, batch)
    assert client.execute(f"SELECT count(), uniqExact(kafka_offset) FROM {database}.trades_unique") == [(100, 100)]


def test_duplicates_are_left_out_and_late_trades_stand_apart(
    clickhouse_dsn: str, client: Client, database: str
) -> None:
    batch = trades({"outcome": 0}, {"outcome": 1}, {"outcome": 2})
    write_trades(clickhouse_dsn, database, batch)
    write_trades(clickhouse_dsn, database, batch, late_only=True)
    for table, offsets in (("trades", [0, 2]), ("late_trades", [2])):
        rows = client.execute(f"SELECT kafka_offset FROM {database}.{table} ORDER BY kafka_offset")
        assert [offset for (offset,) in rows] == offsets


def test_many_symbols_and_batches_in_one_insert(clickhouse_dsn: str, client: Client, database: str) -> None:
    batches = [
        trades(*[{"symbol": f"S{(n + 100 * part) % 700}", "exchange": f"X{n % 3}"} for n in range(500)], partition=part)
        for part in range(4)
    ]
    write_trades(clickhouse_dsn, database, *batches)
    found = client.execute(
        f"SELECT kafka_partition, kafka_offset, symbol, exchange FROM {database}.trades ORDER BY 1, 2"
    )
    assert found == [(part, n, f"S{(n + 100 * part) % 700}", f"X{n % 3}") for part in range(4) for n in range(500)]


def test_one_insert_may_hold_more_months_than_the_server_would_split(
    clickhouse_dsn: str, client: Client, database: str
) -> None:
    # A refusal would be code 252, which is waited for: a stop that is set makes an error of the wait.
    stop = threading.Event()
    stop.set()
    step_us = 31 * 24 * 3600 * 10**6
    batch = trades(*[{"event_time_us": n * step_us, "outcome": 2} for n in range(150)])
    for late_only, table in ((False, "trades"), (True, "late_trades")):
        sink = ClickHouseTradesSink(clickhouse_dsn, database, 1, late_only=late_only, stop=stop)
        part = sink.build_part("t", "00000", None)
        part.write_batch([batch])
        part.snapshot()
        part.close()
        months = client.execute(f"SELECT uniqExact(toYYYYMM(event_time)) FROM {database}.{table}")
        assert months == [(150,)]
    part = ClickHouseBarsSink(clickhouse_dsn, database, 1, stop=stop).build_part("b", "00000", None)
    part.write_batch([bars(*[{"start_us": n * 366 * 24 * 3600 * 10**6} for n in range(150)])])
    part.snapshot()
    part.close()
    assert client.execute(f"SELECT uniqExact(toYear(start)) FROM {database}.bars") == [(150,)]


def written(dsn: str, database: str, *batches: BarBatch) -> None:
    part = ClickHouseBarsSink(dsn, database, 1).build_part("write_bars", "00000", None)
    for batch in batches:
        part.write_batch([batch])
        part.snapshot()
    part.close()


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("order", [(0, 3, 12), (12, 3, 0), (3, 0, 12)])
def test_of_equal_versions_the_lower_partitions_bar_stays(
    clickhouse_dsn: str, client: Client, database: str, order: tuple[int, ...], merged: bool
) -> None:
    batches = [
        replace(bars({"version": 7, "close": partition}), partition=partition) for partition in (*order, order[0])
    ]
    written(clickhouse_dsn, database, *batches)
    if merged:
        client.execute(f"OPTIMIZE TABLE {database}.bars FINAL")
    assert client.execute(f"SELECT close, kafka_partition FROM {database}.bars_final") == [(Decimal(0), 0)]
    written(clickhouse_dsn, database, replace(bars({"version": 8, "close": 5}), partition=30))
    assert client.execute(f"SELECT close, kafka_partition FROM {database}.bars_final") == [(Decimal(5), 30)]


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


def test_bars_keep_their_newest_version(clickhouse_dsn: str, client: Client, database: str) -> None:
    part = ClickHouseBarsSink(clickhouse_dsn, database, 1).build_part("write_bars", "00000", None)
    part.write_batch([bars({"version": 9, "close": 9, "revision": 2}, {"symbol": "B", "interval": "1W", "vwap": None})])
    part.snapshot()
    part.write_batch([bars({"symbol": "Z", "version": 1}, {"version": 3, "close": 3})])
    part.snapshot()
    part.close()
    rows = client.execute(
        "SELECT symbol, interval, close, quote_volume, vwap, revision, version"
        f" FROM {database}.bars_final ORDER BY symbol"
    )
    assert rows == [
        ("AAPL", "1m", Decimal(9), Decimal("2.25"), Decimal("1.5"), 2, 9),
        ("B", "1W", Decimal("1.5"), Decimal("2.25"), None, 0, 0),
        ("Z", "1m", Decimal("1.5"), Decimal("2.25"), Decimal("1.5"), 0, 1),
    ]


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
    assert "TTL" not in created()


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


def test_a_refused_insert_is_raised_by_snapshot(clickhouse_dsn: str, client: Client, database: str) -> None:
    client.execute(f"ALTER TABLE {database}.trades ADD CONSTRAINT no_b CHECK symbol != 'B'")
    with pytest.raises(WriteFailed, match="ClickHouse refused INSERT on"):
        write_trades(clickhouse_dsn, database, trades({"symbol": "B"}))


def test_answers_have_their_own_time(clickhouse_dsn: str) -> None:
    client = connect(f"{clickhouse_dsn}{'&' if '?' in clickhouse_dsn else '?'}send_receive_timeout=33")
    assert client.connection.socket.gettimeout() == client.connection.send_receive_timeout == 33
    client.disconnect()


def test_wrong_settings_are_one_line(client: Client) -> None:
    with pytest.raises(Unreachable, match=r"ClickHouse does not answer \(127.0.0.1:1\)"):
        connect("clickhouse://user:secret@127.0.0.1:1")
    with pytest.raises(SettingError, match="bad ClickHouse DSN"):
        connect("http://127.0.0.1:8123")
    with pytest.raises(SettingError, match="bad database name"):
        migrate(client, "no;such")


class Feed:
    """Writes batches of 2,000 trades and 20 bars with rising offsets until told to end."""

    def __init__(self, dsn: str, stop: threading.Event | None = None) -> None:
        self.trades = ClickHouseTradesSink(dsn, "market", 1, rows_max=4000, stop=stop).build_part("t", "00000", None)
        self.bars = ClickHouseBarsSink(dsn, "market", 1, stop=stop).build_part("b", "00000", None)
        self.batches = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        fields = [{"symbol": f"S{n % 7}", "event_time_us": START_US + n} for n in range(2000)]
        while not self._end.is_set():
            first = self.batches * 2000
            self.trades.write_batch([trades(*fields, first_offset=first)])
            self.bars.write_batch([bars(*[{"symbol": f"S{n}", "version": first + n} for n in range(20)])])
            if self.batches % 3 == 0:
                self.trades.snapshot()
                self.bars.snapshot()
            self.batches += 1

    def reach(self, batches: int, deadline_s: float = 60) -> None:
        waited = threading.Event()
        for _ in range(int(deadline_s / 0.02)):
            if self.batches >= batches:
                return
            waited.wait(0.02)
        raise AssertionError(f"no more than {self.batches} of {batches} batches within {deadline_s} s")

    def end(self) -> None:
        self._end.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        self.trades.snapshot()
        self.trades.close()
        self.bars.snapshot()
        self.bars.close()


def test_clickhouse_killed_during_inserts_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path) as server:
        with connect(server.dsn) as client:
            migrate(client, "market")
        feed = Feed(server.dsn)
        for _ in range(3):
            feed.reach(feed.batches + 6)
            server.restart(crash=True)
        feed.reach(feed.batches + 3)
        feed.end()
        total = feed.batches * 2000
        with connect(server.dsn) as client:
            ((count, distinct, last),) = client.execute(
                "SELECT count(), uniqExact(kafka_offset), max(kafka_offset) FROM market.trades_unique"
            )
            versions = client.execute("SELECT symbol, version FROM market.bars_final")
        assert (count, distinct, last) == (total, total, total - 1)
        first = (feed.batches - 1) * 2000
        assert sorted(versions) == sorted((f"S{n}", first + n) for n in range(20))


def test_a_stop_while_clickhouse_is_down_ends_the_write(tmp_path: Path) -> None:
    stop = threading.Event()
    with ClickHouseServer(tmp_path) as server:
        with connect(server.dsn) as client:
            migrate(client, "market")
        part = ClickHouseTradesSink(server.dsn, "market", 1, stop=stop).build_part("t", "00000", None)
        part.write_batch([trades({})])
        part.snapshot()
        server.kill()
        part.write_batch([trades({})])
        stop.set()
        with pytest.raises(Unreachable, match="stopped while the server was down"):
            part.snapshot()
        part.close()


def test_a_stalled_clickhouse_is_waited_for(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path) as server:
        with connect(server.dsn) as client:
            migrate(client, "market")
        feed = Feed(server.dsn + "?send_receive_timeout=1&sync_request_timeout=1&connect_timeout=1")
        feed.reach(6)
        server.pause()
        threading.Event().wait(4)
        server.resume()
        feed.reach(feed.batches + 6)
        feed.end()
        with connect(server.dsn) as client:
            ((count, distinct),) = client.execute("SELECT count(), uniqExact(kafka_offset) FROM market.trades_unique")
        assert (count, distinct) == (feed.batches * 2000,) * 2
