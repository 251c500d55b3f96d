"""The analytics flow: a dealing desk's topics to figures, in ClickHouse as history and in Redis for the channels.

Run it with ``tapeflow run analytics`` or ``python -m bytewax.run "flows.analytics:build()"``. Each topic that the
settings name is a branch of its own: read, decode, refuse, keep per partition, write. Every message stands once in its
channel and every figure once in ClickHouse, in its newest version, whatever was written twice on the way.
"""

from collections.abc import Callable, Iterable
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream

from connectors.kafka.source import PartitionPosition
from core.analytics.routing import RoutingDesk
from core.analytics.routing_state import restore_routing, snapshot_routing
from flows.analytics_metrics import DeskMetrics
from flows.analytics_reading import desk_rules, desk_settings, desk_source, desk_topics
from flows.analytics_step import DeskStep, DeskUpdate
from flows.dead_letters import write_dead_letters
from flows.lookout import look_after, servers_of
from flows.preflight import check_desk
from flows.reading import partition_key, worker_of
from flows.starting import one_line_errors, start_flow
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.desk import DeskBatch, DeskEntry, DeskKind
from sinks.clickhouse.desk_sink import DecisionsSink, RoutingFiguresSink
from sinks.redis.channels import ChannelSink

__all__ = ["build"]

NAME = "analytics"
Positions = Callable[[], list[PartitionPosition]]


def records(update: DeskUpdate) -> DeskBatch | None:
    return update.batch if update.batch is not None and len(update.batch) else None


def figures(update: DeskUpdate) -> list[Any] | None:
    return update.output.rows or None


def messages(update: DeskUpdate) -> list[DeskEntry] | None:
    return update.output.entries or None


def read_desk(
    flow: Dataflow, kind: DeskKind, settings: Settings, stop: StopSignal, metrics: DeskMetrics
) -> tuple[Stream[Any], int, Positions]:
    """The updates of one kind, how many partitions its topic has, and how far they are read.

    ``settings``: those of desk_settings.
    """
    source = desk_source(settings, kind, stop)
    shards = len(source.list_parts())
    rules = desk_rules(settings)

    def apply(state: bytes | None) -> DeskStep:
        desk = RoutingDesk(rules) if state is None else restore_routing(state, rules)
        return DeskStep(desk, snapshot_routing, settings.idle_close_ms, metrics)

    batches = op.input(f"read_{kind}", flow, source)
    keyed = op.key_on(f"key_{kind}_by_partition", batches, partition_key)
    updates = op.stateful_batch(f"apply_{kind}", keyed, apply)
    if settings.dead_letters_from != "none":
        write_dead_letters(batches, settings, NAME, shards, stop, kind)
    sent = op.filter_map_value(f"{kind}_messages", updates, messages)
    channels = ChannelSink(settings.redis_url, settings.kafka_topic, shards, stop=stop)
    op.output(f"write_{kind}_channel", sent, channels)
    return updates, shards, look_after(NAME, source, settings, stop).positions


def write_routing(updates: Stream[Any], shards: int, settings: Settings, stop: StopSignal) -> None:
    """Decisions and their figures to ClickHouse."""
    dsn, database, rows_max = settings.clickhouse_dsn, settings.clickhouse_database, settings.insert_rows_max
    decisions = op.filter_map_value("routing_records", updates, records)
    op.output(
        "write_routing_decisions",
        decisions,
        DecisionsSink(dsn, database, shards, source_epoch=settings.source_epoch, rows_max=rows_max, stop=stop),
    )
    rows = op.filter_map_value("routing_figures", updates, figures)
    op.output("write_routing_1m", rows, RoutingFiguresSink(dsn, database, shards, rows_max=rows_max, stop=stop))


@one_line_errors
def build(settings: Settings | None = None, stop: StopSignal | None = None) -> Dataflow:
    """The flow; settings are read from the environment unless given. Raises TapeflowError, one line."""
    settings, stop = start_flow(settings, stop, check_desk)
    metrics = DeskMetrics(NAME, worker=worker_of(settings))
    writers = {"routing": write_routing}
    flow, positions = Dataflow(NAME), []
    for kind, topic in desk_topics(settings).items():
        own = desk_settings(settings, topic)
        updates, shards, place = read_desk(flow, kind, own, stop, metrics)
        writers[kind](updates, shards, own, stop)
        positions.append(place)
    metrics.watch(lambda: every(positions), servers_of(settings, "redis", "clickhouse"))
    return flow


def every(places: Iterable[Positions]) -> list[PartitionPosition]:
    return [position for each in places for position in each()]
