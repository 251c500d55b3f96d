"""``tapeflow migrate``: the tables and views that the flows write to and readers read.

It may run any number of times, and says what it did. With ``--dry-run`` it prints the statements and asks no server.
"""

from typing import Annotated

import typer

from tapeflow.commands.entry import enter

__all__ = ["migrate"]


def migrate(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the statements for new tables; ask no server.")
    ] = False,
) -> int:
    """Create or update the tables in ClickHouse; safe to run again.

    With TAPEFLOW_CLICKHOUSE_CLUSTER they are replicated over all of its nodes, and the large ones distributed.

    Example: TAPEFLOW_CLICKHOUSE_DSN=clickhouse://user:password@host:9000 tapeflow migrate
    """
    from sinks.clickhouse.connection import connect
    from sinks.clickhouse.migrations import migrate as apply_migrations
    from sinks.clickhouse.plan import migrate_cluster, plan

    settings = enter()
    database, ttl_days = settings.clickhouse_database, settings.clickhouse_ttl_days
    cluster = settings.clickhouse_cluster
    if dry_run:
        for statement in plan(database, cluster, ttl_days):
            typer.echo(f"{statement};\n")
        return 0
    client = connect(settings.clickhouse_dsn)
    try:
        if cluster:
            migrate_cluster(client, database, cluster, ttl_days=ttl_days)
            done = f"all tables are on cluster {cluster}"
        else:
            applied = apply_migrations(client, database, ttl_days=ttl_days)
            done = f"applied {', '.join(applied)}" if applied else "nothing to do"
    finally:
        client.disconnect()
    typer.echo(f"{database}: {done}")
    return 0
