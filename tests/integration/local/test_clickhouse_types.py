"""Every type the wire carries, there and back through an unmodified client, with each compression."""

import datetime as dt
import importlib.util
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from clickhouse_driver import Client

COLUMNS = {
    "id": "UInt64",
    "s": "String",
    "ls": "LowCardinality(String)",
    "lns": "LowCardinality(Nullable(String))",
    "f": "Float64",
    "f32": "Float32",
    "d": "Decimal(38, 18)",
    "d9": "Decimal(9, 2)",
    "d18": "Decimal(18, 6)",
    "t": "DateTime('UTC')",
    "t3": "DateTime64(3, 'UTC')",
    "t6": "DateTime64(6, 'UTC')",
    "day": "Date",
    "day32": "Date32",
    "i8": "Int8",
    "u16": "UInt16",
    "i128": "Int128",
    "u256": "UInt256",
    "e": "Enum8('buy' = 1, 'sell' = 2)",
    "b": "Bool",
    "u": "UUID",
    "fs": "FixedString(3)",
    "ip": "IPv4",
    "ns": "Nullable(String)",
    "nd": "Nullable(Decimal(38, 10))",
    "a": "Array(Float64)",
    "als": "Array(LowCardinality(String))",
    "aa": "Array(Array(String))",
    "an": "Array(Nullable(Int32))",
    "tu": "Tuple(Float64, String)",
    "tn": "Tuple(x Float64, `y z` String)",
    "m": "Map(String, UInt64)",
    "saf": "SimpleAggregateFunction(sum, UInt64)",
}


def row(i: int) -> tuple[Any, ...]:
    time = dt.datetime(2024, 5, 17, 12, 34, 56, tzinfo=dt.UTC) + dt.timedelta(seconds=i)
    values = {
        "id": i,
        "s": f"s{i} é\0;\n'`x" + "z" * (i % 300),
        "ls": f"sym{i % 5}",
        "lns": None if i % 3 else f"x{i % 2}",
        "f": i * 1.5,
        "f32": 0.5,
        "d": Decimal("-12345678901234567890.123456789012345678") + i,
        "d9": Decimal("1.25"),
        "d18": Decimal("123456.654321"),
        "t": time,
        "t3": time.replace(microsecond=123_000),
        "t6": time.replace(microsecond=123_456),
        "day": dt.date(2024, 1, 2),
        "day32": dt.date(1950, 1, 2),
        "i8": -5,
        "u16": 65_000,
        "i128": -(2**100) - i,
        "u256": 2**200 + i,
        "e": "buy" if i % 2 else "sell",
        "b": bool(i % 2),
        "u": uuid.UUID(int=i + 5),
        "fs": "abc",
        "ip": f"10.0.0.{i % 256}",
        "ns": None if i % 2 else f"n{i}",
        "nd": None if i % 2 else Decimal("0.0000000001") * i,
        "a": [float(i), 2.5] if i % 2 else [],
        "als": ["a", f"b{i}"] if i % 3 else [],
        "aa": [["q" * 200, "w"], []],
        "an": [1, None, 3],
        "tu": (1.5, "tt"),
        "tn": (2.5, "yz"),
        "m": {f"k{i}": i},
        "saf": i,
    }
    assert list(values) == list(COLUMNS)
    return tuple(values.values())


def comparable(name: str, value: Any) -> Any:
    if name == "ip":
        return str(value)
    if name == "tn":
        return tuple(value.values()) if isinstance(value, dict) else tuple(value)
    return value


# zstd is an optional package of the client and of the server alike.
COMPRESSIONS = [False, "lz4", "lz4hc"] + ["zstd"] * (importlib.util.find_spec("zstd") is not None)


@pytest.fixture(params=COMPRESSIONS)
def compression(request: pytest.FixtureRequest) -> str | bool:
    chosen: str | bool = request.param
    return chosen


def connect(dsn: str, database: str, compression: str | bool, **settings: object) -> Client:
    host, port = dsn.rsplit("@", 1)[1].split(":")
    return Client(host, int(port), database=database, compression=compression, settings=settings)


@pytest.fixture
def client(clickhouse_dsn: str, clickhouse_database: str, compression: str | bool) -> Iterator[Client]:
    client = connect(clickhouse_dsn, clickhouse_database, compression)
    columns = ", ".join(f"{name} {type_name}" for name, type_name in COLUMNS.items())
    client.execute(f"CREATE TABLE every ({columns}, more UInt64 MATERIALIZED id + 1) ENGINE = MergeTree ORDER BY id")
    yield client
    client.disconnect()


@pytest.mark.parametrize("columnar", [False, True], ids=["rows", "columns"])
def test_values_come_back_as_they_went(client: Client, columnar: bool) -> None:
    rows = [row(i) for i in range(1000)]
    data = [list(column) for column in zip(*rows, strict=True)] if columnar else [list(r) for r in rows]
    assert client.execute(f"INSERT INTO every ({', '.join(COLUMNS)}) VALUES", data, columnar=columnar) == 1000
    got, types = client.execute(f"SELECT {', '.join(COLUMNS)} FROM every ORDER BY id", with_column_types=True)
    assert {
        name: type_name.replace("Tuple(x Float64, `y z` String)", COLUMNS["tn"]) for name, type_name in types
    } == COLUMNS
    for wanted, came in zip(rows, got, strict=True):
        for name, a, b in zip(COLUMNS, wanted, came, strict=True):
            assert comparable(name, b) == a, name


def test_numpy_columns_of_many_string_lengths(
    client: Client, clickhouse_dsn: str, clickhouse_database: str, compression: str | bool
) -> None:
    columns = "t DateTime64(3, 'UTC'), k LowCardinality(String), q UInt64, s String"
    client.execute(f"CREATE TABLE n ({columns}) ENGINE = Memory")
    fast = connect(clickhouse_dsn, clickhouse_database, compression, use_numpy=True)
    count = 100_000
    texts = np.array(["x" * (i % 150) for i in range(count)], dtype=object)
    data = [
        np.arange(count) + 1_700_000_000_000,
        np.array([f"S{i % 300}" for i in range(count)], dtype=object),
        np.arange(count, dtype=np.uint64),
        texts,
    ]
    assert fast.execute("INSERT INTO n VALUES", data, columnar=True) == count
    fast.disconnect()
    sums = client.execute("SELECT count(), uniqExact(k), sum(q), sum(length(s)) FROM n")
    assert sums == [(count, 300, count * (count - 1) // 2, sum(i % 150 for i in range(count)))]


def test_plain_datetime_in_an_empty_answer_keeps_its_zone(client: Client) -> None:
    _, types = client.execute("SELECT t, s FROM every WHERE id = 0", with_column_types=True)
    assert types == [("t", "DateTime('UTC')"), ("s", "String")]
