"""Trades and bars in a real ClickHouse: exact values, no doubles through the views, refusals in one line."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from clickhouse_driver import Client

from schemas.errors import SettingError, Unreachable, WriteFailed
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate
from sinks.clickhouse.sink import ClickHouseBarsSink, ClickHouseTradesSink
from tests.integration.gateway.rest_server import eventually
from tests.integration.sinks.clickhouse.table_writing import write_trades, written
from tests.unit.sinks.rows import START_US, bars, trades


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


def test_rows_go_out_though_no_epoch_ends(
    clickhouse_dsn: str, client: Client, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's epochs stand still while a clock that was set back is behind."""
    monkeypatch.setattr("sinks.clickhouse.sink.LOOK_S", 0.1)
    part = ClickHouseBarsSink(clickhouse_dsn, database, 1).build_part("b", "00000", None)
    part.write_batch([bars({"version": 1})])
    part.snapshot()
    part.write_batch([bars({"version": 2})])
    eventually(lambda: client.execute(f"SELECT version FROM {database}.bars_final") == [(2,)])
    part.close()


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
