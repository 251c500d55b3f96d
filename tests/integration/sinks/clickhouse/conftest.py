"""A ClickHouse with a database of its own for each test: ``client`` is logged in, ``database`` has our tables."""

from collections.abc import Iterator

import pytest
from clickhouse_driver import Client

from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import migrate


@pytest.fixture
def client(clickhouse_dsn: str) -> Iterator[Client]:
    client = connect(clickhouse_dsn)
    yield client
    client.disconnect()


@pytest.fixture
def database(client: Client, clickhouse_database: str) -> str:
    migrate(client, clickhouse_database)
    return clickhouse_database
