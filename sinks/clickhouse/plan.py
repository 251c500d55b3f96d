"""The statements that make all tables and views, for one server or for the nodes of a cluster.

``tapeflow migrate --dry-run`` prints them, and ``tapeflow migrate`` runs them where the setting ``clickhouse_cluster``
names a cluster; they may run again. There all tables are replicated. A large one becomes ``NAME_local``, within its
shard, and ``NAME`` is a Distributed table over it, so that whoever writes or reads knows one name. Rows of a symbol lie
on one shard, where FINAL sees them all. The others are whole on every node. The nodes must define the macros
``{shard}`` and ``{replica}``, as ClickHouse's own examples do.
"""

import re
from collections.abc import Iterator
from typing import Final

from clickhouse_driver import Client

from schemas.names import BARS_TABLE, LATE_TRADES_TABLE, QUOTE_BARS_TABLE, TRADES_TABLE
from sinks.clickhouse.migrations import check_name, check_tables, keep_rules, migrations, run, statements

__all__ = ["migrate_cluster", "plan"]

SHARDED: Final = (TRADES_TABLE, LATE_TRADES_TABLE, BARS_TABLE, QUOTE_BARS_TABLE)
LOCAL: Final = "_local"
IN_SHARD: Final = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'"
EVERYWHERE: Final = "'/clickhouse/tables/{uuid}/all', '{shard}-{replica}'"
_MADE: Final = re.compile(r"(CREATE (?:OR REPLACE )?(?:TABLE|VIEW) (?:IF NOT EXISTS )?|ALTER TABLE )(\w+)\.(\w+)")
_LIKE: Final = re.compile(r"\bAS (\w+\.\w+)(?=\s+ENGINE)")
_ENGINE: Final = re.compile(r"ENGINE = ReplacingMergeTree(?:\((\w+)\))?")


def migrate_cluster(client: Client, database: str, cluster: str, *, ttl_days: int = 0) -> None:
    """Make what is missing on all nodes. Raises as ``sinks.clickhouse.migrations.migrate``.

    There are no tables of older shapes to bring along: before there was no cluster.
    """
    check_name(database)
    for statement in plan(database, cluster, ttl_days):
        run(client, statement, database)
    check_tables(client, database)


def plan(database: str, cluster: str = "", ttl_days: int = 0) -> Iterator[str]:
    """All statements in their order. ``cluster``: empty for one server."""
    yield f"CREATE DATABASE IF NOT EXISTS {database}" + (f" ON CLUSTER {cluster}" if cluster else "")
    for statement in _on_one(database, ttl_days):
        yield from _on_all(statement, cluster) if cluster else (statement,)


def _on_one(database: str, ttl_days: int) -> Iterator[str]:
    for _, template in migrations():
        yield from statements(template, database)
    for table in (TRADES_TABLE, LATE_TRADES_TABLE):
        yield f"ALTER TABLE {database}.{table} MODIFY TTL {keep_rules(ttl_days)}"


def _on_all(statement: str, cluster: str) -> Iterator[str]:
    """What stands for ``statement``, which makes or alters one table or view, on all nodes."""
    made = _MADE.match(statement)
    assert made is not None, f"no rule for {statement[:60]!r}"
    verb, database, name = made.groups()
    sharded = name in SHARDED
    local = name + LOCAL if sharded else name
    rest = _LIKE.sub(rf"AS \1{LOCAL}", statement[made.end() :])
    place = IN_SHARD if sharded else EVERYWHERE
    rest = _ENGINE.sub(lambda engine: f"ENGINE = Replicated{_engine(place, engine[1])}", rest)
    yield f"{verb}{database}.{local} ON CLUSTER {cluster}{rest}"
    if sharded and verb.startswith("CREATE"):
        yield (
            f"{verb}{database}.{name} ON CLUSTER {cluster} AS {database}.{local}\n"
            f"ENGINE = Distributed({cluster}, {database}, {local}, cityHash64(symbol))"
        )


def _engine(place: str, version: str | None) -> str:
    return f"ReplacingMergeTree({place}{f', {version}' if version else ''})"
