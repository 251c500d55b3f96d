"""``tapeflow migrate``: the tables and views that the flows write to and readers read.

It may run any number of times, and says what it did.
"""

import typer

from tapeflow.commands.entry import enter

__all__ = ["migrate"]


def migrate() -> int:
    """Create or update the tables in ClickHouse; safe to run again.

    Example: TAPEFLOW_CLICKHOUSE_DSN=clickhouse://user:password@host:9000 tapeflow migrate
    """
    from sinks.clickhouse.migrations import migrate as apply_migrations
    from sinks.clickhouse.sink import connect

    settings = enter()
    client = connect(settings.clickhouse_dsn)
    try:
        applied = apply_migrations(client, settings.clickhouse_database, ttl_days=settings.clickhouse_ttl_days)
    finally:
        client.disconnect()
    done = f"applied {', '.join(applied)}" if applied else "nothing to do"
    typer.echo(f"{settings.clickhouse_database}: {done}")
    return 0
