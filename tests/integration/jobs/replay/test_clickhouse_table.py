"""A table that a replay may write to keeps bars as ours does; any other is refused before anything is read."""

import pytest
from clickhouse_driver import Client

from jobs.replay.clickhouse_table import check_bar_table, stored_bars
from schemas.errors import MissingObject, SettingError
from sinks.clickhouse.migrations import migrate
from tests.integration.sinks.clickhouse.table_writing import written
from tests.unit.sinks.rows import START_US, bars


@pytest.fixture
def table(clickhouse_dsn: str, clickhouse_database: str) -> str:
    with Client.from_url(clickhouse_dsn) as client:
        migrate(client, clickhouse_database)
        for name, engine in (("likewise", "ReplacingMergeTree(rank)"), ("heap", "MergeTree")):
            client.execute(
                f"CREATE TABLE {clickhouse_database}.{name} AS {clickhouse_database}.bars ENGINE = {engine}"
                " ORDER BY (symbol, interval, start)"
            )
        client.execute(
            f"CREATE TABLE {clickhouse_database}.other_order AS {clickhouse_database}.bars"
            " ENGINE = ReplacingMergeTree(rank) ORDER BY (symbol, start)"
        )
        client.execute(
            f"CREATE TABLE {clickhouse_database}.narrow (symbol String) ENGINE = ReplacingMergeTree ORDER BY symbol"
        )
    return clickhouse_database


def test_tables_of_our_shape_are_taken(clickhouse_dsn: str, table: str) -> None:
    with Client.from_url(clickhouse_dsn) as client:
        check_bar_table(client, f"{table}.bars")
        check_bar_table(client, f"{table}.likewise")


@pytest.mark.parametrize(
    ("name", "words"),
    [("heap", "its engine is MergeTree"), ("other_order", "it is ordered by"), ("narrow", "column")],
)
def test_others_say_what_is_wrong(clickhouse_dsn: str, table: str, name: str, words: str) -> None:
    with Client.from_url(clickhouse_dsn) as client:
        with pytest.raises(SettingError, match=words):
            check_bar_table(client, f"{table}.{name}")
        with pytest.raises(MissingObject, match=f"no table {table}.none"):
            check_bar_table(client, f"{table}.none")


def test_the_newest_version_of_each_bar_is_compared(clickhouse_dsn: str, table: str) -> None:
    written(clickhouse_dsn, table, bars({"version": 2, "close": 2}, {"symbol": "B"}), bars({"version": 5, "close": 5}))
    with Client.from_url(clickhouse_dsn) as client:
        found = stored_bars(client, f"{table}.bars", ["AAPL"], ["1m"], START_US, START_US)
        assert list(found) == [("AAPL", "1m", START_US)]
        assert 5 in found["AAPL", "1m", START_US].values
        assert stored_bars(client, f"{table}.bars", ["AAPL"], ["1m"], START_US + 1, START_US + 2) == {}
