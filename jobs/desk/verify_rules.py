"""Recomputes what users' rules fired, from the trades and the armed log, and compares ClickHouse with it.

``tapeflow verify --kind alerts`` calls it. What trades that are gone, or records that were compacted away, would decide
is left out and counted.
"""

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between
from flows.reading import read_options
from jobs.desk.clickhouse_rows import read_firings
from jobs.desk.topic import Progress
from jobs.price_alerts import Ticks, compare_firings, read_armings
from jobs.verify import recompute_ranges, requeued_records
from oracle.rows import RowComparison
from runtime.settings.whole import Settings
from sinks.clickhouse.connection import connect

__all__ = ["verify_rules"]


def verify_rules(settings: Settings, progress: Progress = lambda _done, _total: None) -> RowComparison:
    """Over all trades that the topic holds. Raises what the servers' connections raise."""
    options = read_options(settings)
    armings = read_armings(settings)
    ranges = ranges_between(options, Position("earliest"), Position("latest"))
    ticks = Ticks(armings.symbols, settings.source_epoch, ranges, settings.out_of_order_ms * 1000)
    requeued = requeued_records(settings)
    recompute_ranges(options, ranges, settings, progress, requeued=requeued, on_applied=ticks.take)
    client = connect(settings.clickhouse_dsn)
    try:
        stored = read_firings(client, settings.clickhouse_database)
    finally:
        client.disconnect()
    return compare_firings(armings, ticks, stored, (), is_whole=False)
