"""Final bars are read back exactly, through the view that all readers use."""

from decimal import Decimal

from clickhouse_driver import Client

from jobs.clickhouse_bars import read_bars
from oracle.comparison import FIELDS
from sinks.clickhouse.migrations import migrate
from tests.integration.sinks.clickhouse.table_writing import written
from tests.unit.sinks.rows import MINUTE_US, START_US, bars


def test_bars_by_symbol_interval_and_time(clickhouse_dsn: str, clickhouse_database: str) -> None:
    with Client.from_url(clickhouse_dsn) as client:
        migrate(client, clickhouse_database)
        written(
            clickhouse_dsn,
            clickhouse_database,
            bars(
                {"close": "0.0000000001", "version": 3},
                {"start_us": START_US + MINUTE_US},
                {"symbol": "B", "interval": "1h"},
            ),
            bars({"version": 2}),
        )
        everything = read_bars(client, clickhouse_database)
        assert sorted(everything) == [
            ("AAPL", "1m", START_US), ("AAPL", "1m", START_US + MINUTE_US), ("B", "1h", START_US),
        ]  # fmt: skip
        bar = everything["AAPL", "1m", START_US]
        assert bar.values[FIELDS.index("close")] == Decimal("0.0000000001")
        assert bar.partition is None
        assert list(read_bars(client, clickhouse_database, symbols=["B"])) == [("B", "1h", START_US)]
        assert list(read_bars(client, clickhouse_database, intervals=["1h"])) == [("B", "1h", START_US)]
        later = read_bars(client, clickhouse_database, from_us=START_US + 1, to_us=START_US + MINUTE_US)
        assert list(later) == [("AAPL", "1m", START_US + MINUTE_US)]
