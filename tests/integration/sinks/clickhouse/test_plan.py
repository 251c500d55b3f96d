"""The statements of ``tapeflow migrate``, for one server and for a cluster, as the real engine understands them.

The embedded engine has no Keeper and no cluster, so replication and distribution aren't tried: their words are parsed,
and where the statements are run a table that only reads stands for a Distributed one.
"""

import re

import pytest
from clickhouse_driver import Client

from sinks.clickhouse.migrations import check_tables, migrate
from sinks.clickhouse.plan import plan

ON_CLUSTER = re.compile(r" ON CLUSTER \w+")
REPLICATED = re.compile(r"ReplicatedReplacingMergeTree\('[^']+', '[^']+'(?:, )?")
DISTRIBUTED = re.compile(r"ENGINE = Distributed\(market, \w+, (\w+), cityHash64\(symbol\)\)")
SHAPES = """SELECT name, engine, sorting_key, partition_key FROM system.tables
    WHERE database = %(database)s ORDER BY name"""


@pytest.mark.parametrize("cluster", ["", "market"])
def test_the_engine_parses_each_statement(client: Client, cluster: str) -> None:
    statements = list(plan("market", cluster, 30))
    for statement in statements:
        assert client.execute("SELECT formatQuery(%(statement)s)", {"statement": statement})[0][0]
    assert all(("ON CLUSTER market" in statement) == bool(cluster) for statement in statements)
    assert not any(cluster and " = ReplacingMergeTree" in statement for statement in statements)


def test_the_plan_makes_what_migrate_makes(client: Client, clickhouse_database: str) -> None:
    name = f"{clickhouse_database}_plan"
    try:
        for statement in plan(name):
            client.execute(statement)
        check_tables(client, name)
        made = client.execute(SHAPES, {"database": name})
    finally:
        client.execute(f"DROP DATABASE IF EXISTS {name} SYNC")
    migrate(client, clickhouse_database)
    wanted = client.execute(SHAPES, {"database": clickhouse_database})
    assert made == [row for row in wanted if row[0] != "schema_migrations"]


def test_the_tables_of_a_cluster_are_made_and_fit(client: Client, clickhouse_database: str) -> None:
    for statement in plan(clickhouse_database, "market"):
        alone = REPLICATED.sub("ReplacingMergeTree(", ON_CLUSTER.sub("", statement))
        client.execute(DISTRIBUTED.sub(rf"ENGINE = Merge({clickhouse_database}, '^\1$')", alone))
    check_tables(client, clickhouse_database)
    client.execute(
        f"INSERT INTO {clickhouse_database}.trades_local (symbol, kafka_offset) VALUES", [("A", 1), ("A", 1)]
    )
    for _ in range(2):
        client.execute(f"INSERT INTO {clickhouse_database}.trades_local (symbol, kafka_offset) VALUES", [("A", 1)])
    assert client.execute(f"SELECT count() FROM {clickhouse_database}.trades_unique") == [(1,)]
