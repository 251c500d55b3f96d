"""What clients do with a ClickHouse server, over the embedded one: statements, settings, streaming, errors."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException


@pytest.fixture
def client(clickhouse_dsn: str, clickhouse_database: str) -> Iterator[Client]:
    client = Client.from_url(f"{clickhouse_dsn}/{clickhouse_database}")
    columns = "id UInt64, s String, d UInt32 DEFAULT 7, al UInt64 ALIAS id + 2"
    client.execute(f"CREATE TABLE t ({columns}) ENGINE = MergeTree ORDER BY id")
    yield client
    client.disconnect()


def error_code(client: Client, *arguments: Any, **options: Any) -> int:
    with pytest.raises(ServerException) as refused:
        client.execute(*arguments, **options)
    return int(refused.value.code)


@pytest.mark.parametrize(
    ("statement", "data"),
    [
        ("INSERT INTO t (id, s) VALUES", [(1, "x")]),
        ("INSERT INTO t VALUES", [(1, "x", 7)]),
        ("insert into `t` (`s`,  id) format Native", [("x", 1)]),
        ("INSERT INTO t (id, s) SETTINGS max_insert_threads = 1 VALUES", [{"id": 1, "s": "x"}]),
        ("-- why\n/* and */ INSERT INTO t (id, s) VALUES", [(1, "x")]),
        ("INSERT INTO t (id, s) VALUES (1, 'x')", None),
        ("INSERT INTO t (id, s) SELECT 1, 'x'", None),
    ],
)
def test_insert_in_every_form(client: Client, statement: str, data: list[Any] | None) -> None:
    client.execute(statement, data)
    assert client.execute("SELECT id, s, d, al FROM t") == [(1, "x", 7, 3)]


def test_insert_of_nothing_and_of_several_blocks(client: Client) -> None:
    client.execute("INSERT INTO t (id) VALUES", [])
    client.execute("INSERT INTO t (id) VALUES", ((i,) for i in range(1000)), settings={"insert_block_size": 100})
    assert client.execute("SELECT count(), sum(id) FROM t") == [(1000, 499_500)]


def test_parameters_are_escaped(client: Client) -> None:
    values = {"a": 1, "b": "o'k\\", "c": [1, 2], "d": dt.datetime(2024, 1, 1, tzinfo=dt.UTC)}
    assert client.execute("SELECT %(a)s, %(b)s, %(c)s, %(d)s", values) == [(1, "o'k\\", [1, 2], "2024-01-01 00:00:00")]


def test_large_answer_streams_with_its_header_first(client: Client) -> None:
    rows = client.execute_iter("SELECT number, toString(number) s FROM numbers(200000)", with_column_types=True)
    assert next(rows) == [("number", "UInt64"), ("s", "String")]
    assert sum(row[0] for row in rows) == 199_999 * 100_000


def test_endless_query_is_cancelled(client: Client) -> None:
    client.execute_with_progress("SELECT number FROM system.numbers")
    client.cancel()
    assert client.execute("SELECT 1") == [(1,)]


def test_blocks_of_a_stream_are_whole(client: Client) -> None:
    # The server passes each chunk of the engine on as one block; a chunk that held two or a half would break this.
    wide = "SELECT number, toString(number), [number, 1], ('a', number), toLowCardinality(toString(number % 7))"
    for size in (1, 1000, 65_536):
        rows = client.execute(f"{wide} FROM numbers(70000)", settings={"max_block_size": size} if size > 1 else None)
        assert len(rows) == 70_000
        assert rows[69_999][0] == 69_999


@pytest.mark.parametrize(
    ("code", "statement", "data"),
    [
        (60, "SELECT * FROM nope", None),
        (62, "SELEC 1", None),
        (47, "SELECT zz FROM t", None),
        (395, "SELECT throwIf(1)", None),
        (395, "SELECT throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000", None),
        (60, "INSERT INTO nope VALUES", [(1,)]),
        (16, "INSERT INTO t (zz) VALUES", [(1,)]),
        (57, "CREATE TABLE t (a Int8) ENGINE = Memory", None),
        (50, "INSERT INTO dynamic VALUES", [(1,)]),
    ],
)
def test_errors_carry_clickhouse_codes(client: Client, code: int, statement: str, data: list[Any] | None) -> None:
    client.execute("CREATE TABLE dynamic (v Dynamic) ENGINE = Memory")
    assert error_code(client, statement, data) == code
    assert client.execute("SELECT 1") == [(1,)]


def test_unknown_user_and_database_are_refused(clickhouse_dsn: str) -> None:
    host, port = clickhouse_dsn.rsplit("@", 1)[1].split(":")
    assert error_code(Client(host, port, user="x", password="y"), "SELECT 1") == 516
    assert error_code(Client(host, port, database="nodb"), "SELECT 1") == 81


def test_settings_hold_for_one_query(client: Client) -> None:
    ask = "SELECT getSetting('max_block_size')"
    assert client.execute(ask, settings={"max_block_size": 1234}) == [(1234,)]
    assert client.execute(ask) != [(1234,)]
    token = "it's\\x"
    assert client.execute(
        "SELECT getSetting('insert_deduplication_token')", settings={"insert_deduplication_token": token}
    ) == [(token,)]
    assert client.execute("SELECT 1", settings={"no_such_setting": 1}) == [(1,)]


def test_important_unknown_setting_is_an_error(clickhouse_dsn: str) -> None:
    strict = Client.from_url(f"{clickhouse_dsn}?settings_is_important=1")
    assert error_code(strict, "SELECT 1", settings={"no_such_setting": 1}) == 115


def test_set_and_use_stick_to_their_connection(client: Client, clickhouse_dsn: str, clickhouse_database: str) -> None:
    other = Client.from_url(clickhouse_dsn)
    other.execute(f"USE {clickhouse_database}")
    other.execute("SET max_threads = 1")
    assert other.execute("SELECT currentDatabase(), getSetting('max_threads')") == [(clickhouse_database, 1)]
    other.disconnect()
    assert client.execute("SELECT getSetting('max_threads')") != [(1,)]


def test_async_insert_is_done_when_it_is_answered(client: Client) -> None:
    client.execute("INSERT INTO t (id) VALUES", [(5,)], settings={"async_insert": 1, "wait_for_async_insert": 0})
    assert client.execute("SELECT count() FROM t") == [(1,)]


def test_clients_insert_side_by_side(client: Client, clickhouse_dsn: str, clickhouse_database: str) -> None:
    def insert(worker: int) -> None:
        own = Client.from_url(f"{clickhouse_dsn}/{clickhouse_database}")
        for turn in range(5):
            own.execute("INSERT INTO t (id) VALUES", [((worker * 5 + turn) * 100 + i,) for i in range(100)])
        own.disconnect()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(insert, range(6)))
    assert client.execute("SELECT count(), uniqExact(id) FROM t") == [(3000, 3000)]
