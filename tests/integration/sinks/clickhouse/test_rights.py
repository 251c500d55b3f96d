"""Rights in ClickHouse are asked for by using them on nothing."""

from clickhouse_driver import Client

from schemas.names import QUOTE_BARS_TABLE
from sinks.clickhouse.rights import INSERTED, SERVED, lacking_for_gateway, lacking_rights


def test_who_may_do_all_lacks_nothing_and_nothing_is_written(client: Client, database: str) -> None:
    assert list(lacking_rights(client, database)) == list(lacking_for_gateway(client, database)) == []
    for table in (*INSERTED, *SERVED):
        assert client.execute(f"SELECT count() FROM {database}.{table}") == [(0,)]


def test_who_may_only_read_lacks_each_insert(clickhouse_dsn: str, database: str) -> None:
    with Client.from_url(f"{clickhouse_dsn}?readonly=1") as reader:
        assert list(lacking_rights(reader, database)) == [f"INSERT ON {database}.{table}" for table in INSERTED]
        assert f"INSERT ON {database}.{QUOTE_BARS_TABLE}" in list(
            lacking_rights(reader, database, {QUOTE_BARS_TABLE: "symbol"})
        )
        assert list(lacking_for_gateway(reader, database)) == [f"INSERT ON {database}.{table}" for table in SERVED]


def test_a_table_that_is_not_there_is_no_lack_of_a_right(client: Client, clickhouse_database: str) -> None:
    assert list(lacking_rights(client, clickhouse_database)) == []
    assert list(lacking_for_gateway(client, clickhouse_database)) == []
