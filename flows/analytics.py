"""The analytics flow: a dealing desk's topics to figures, in ClickHouse as history and in Redis for the channels.

Run it with ``tapeflow run analytics`` or ``python -m bytewax.run "flows.analytics:build()"``. Each topic that the
settings name is a branch of its own: read, decode, refuse, keep per partition, write. Every message stands once in its
channel and every figure once in ClickHouse, in its newest version, whatever was written twice on the way.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream

from connectors.kafka.source import PartitionPosition
from core.analytics.exposure import ExposureDesk
from core.analytics.exposure_state import restore_exposure, snapshot_exposure
from core.analytics.feed import FeedDesk, restore_feed, snapshot_feed
from core.analytics.lp import LpDesk
from core.analytics.lp_state import restore_lp, snapshot_lp
from core.analytics.routing import RoutingDesk
from core.analytics.routing_state import restore_routing, snapshot_routing
from core.analytics.rules import DeskRules
from flows.analytics_metrics import DeskMetrics
from flows.analytics_reading import desk_rules, desk_settings, desk_source, desk_topics, feed_rules
from flows.analytics_step import DeskStep, DeskUpdate
from flows.dead_letters import write_dead_letters
from flows.lookout import look_after, servers_of
from flows.preflight import check_desk
from flows.reading import partition_key, trades_source, worker_of
from flows.starting import one_line_errors, start_flow
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.desk import DeskAlert, DeskBatch, DeskEntry, DeskKind
from sinks.clickhouse.desk_sink import DecisionsSink, FiguresSink
from sinks.desk_alerts import DeskAlertSink
from sinks.redis.channels import ChannelSink

__all__ = ["build"]

NAME = "analytics"
Positions = Callable[[], list[PartitionPosition]]


def records(update: DeskUpdate) -> DeskBatch | None:
    return update.batch if isinstance(update.batch, DeskBatch) and len(update.batch) else None


def figures(update: DeskUpdate) -> list[Any] | None:
    return update.output.rows or None


def messages(update: DeskUpdate) -> list[DeskEntry] | None:
    return update.output.entries or None


def alerts(update: DeskUpdate) -> list[DeskAlert] | None:
    return update.output.alerts or None


class Kind(NamedTuple):
    """What makes a desk of a kind, what keeps it and brings it back, and how long it waits for the clock."""

    desk: Callable[[DeskRules], Any]
    keep: Callable[[Any], bytes]
    restore: Callable[[bytes, DeskRules], Any]
    idle_close_ms: Callable[[Settings], int]


def idle_close_ms(settings: Settings) -> int:
    return settings.idle_close_ms


def conflation_ms(settings: Settings) -> int:
    """Totals that were held back go out soon: there is nothing that a later record could add to them."""
    return settings.conflation_ms


KINDS: Final[dict[DeskKind, Kind]] = {
    "routing": Kind(RoutingDesk, snapshot_routing, restore_routing, idle_close_ms),
    "lp": Kind(LpDesk, snapshot_lp, restore_lp, idle_close_ms),
    "exposure": Kind(ExposureDesk, snapshot_exposure, restore_exposure, conflation_ms),
}


def read_desk(
    flow: Dataflow, kind: DeskKind, settings: Settings, stop: StopSignal, metrics: DeskMetrics
) -> tuple[Stream[Any], int, Positions]:
    """The updates of one kind, how many partitions its topic has, and how far they are read.

    ``settings``: those of desk_settings.
    """
    source = desk_source(settings, kind, stop)
    shards = len(source.list_parts())
    rules, own = desk_rules(settings), KINDS[kind]

    def apply(state: bytes | None) -> DeskStep:
        desk = own.desk(rules) if state is None else own.restore(state, rules)
        return DeskStep(desk, own.keep, own.idle_close_ms(settings), metrics)

    batches = op.input(f"read_{kind}", flow, source)
    keyed = op.key_on(f"key_{kind}_by_partition", batches, partition_key)
    updates = op.stateful_batch(f"apply_{kind}", keyed, apply)
    if settings.dead_letters_from != "none":
        write_dead_letters(batches, settings, NAME, shards, stop, kind)
    return updates, shards, look_after(NAME, source, settings, stop).positions


def write_desk(updates: Stream[Any], kind: DeskKind, shards: int, settings: Settings, stop: StopSignal) -> None:
    """Messages to the channel, figures to ClickHouse, alerts to both, and decisions one by one."""
    dsn, database, rows_max = settings.clickhouse_dsn, settings.clickhouse_database, settings.insert_rows_max
    sent = op.filter_map_value(f"{kind}_messages", updates, messages)
    channels = ChannelSink(settings.redis_url, settings.kafka_topic, shards, stop=stop)
    op.output(f"write_{kind}_channel", sent, channels)
    rows = op.filter_map_value(f"{kind}_figures", updates, figures)
    op.output(f"write_{kind}_1m", rows, FiguresSink(kind, dsn, database, shards, rows_max=rows_max, stop=stop))
    if kind == "routing":
        decisions = op.filter_map_value("routing_records", updates, records)
        epoch = settings.source_epoch
        sink = DecisionsSink(dsn, database, shards, source_epoch=epoch, rows_max=rows_max, stop=stop)
        op.output("write_routing_decisions", decisions, sink)
    write_alerts(updates, kind, shards, settings, stop)


def write_alerts(updates: Stream[Any], kind: str, shards: int, settings: Settings, stop: StopSignal) -> None:
    found = op.filter_map_value(f"{kind}_alerts", updates, alerts)
    sink = DeskAlertSink(settings.clickhouse_dsn, settings.clickhouse_database, settings.redis_url, shards, stop=stop)
    op.output(f"write_{kind}_alerts", found, sink)


def watch_trades(flow: Dataflow, settings: Settings, stop: StopSignal, metrics: DeskMetrics) -> Positions:
    """Alerts about the trades that bars are made of; how far they are read. Other flows keep what is refused."""
    source, rules = trades_source(settings, stop), feed_rules(settings)
    shards = len(source.list_parts())

    def apply(state: bytes | None) -> DeskStep:
        desk = FeedDesk(rules) if state is None else restore_feed(state, rules)
        return DeskStep(desk, snapshot_feed, settings.idle_close_ms, metrics)

    batches = op.input("read_trades", flow, source)
    keyed = op.key_on("key_trades_by_partition", batches, partition_key)
    updates = op.stateful_batch("watch_trades", keyed, apply)
    write_alerts(updates, "trades", shards, settings, stop)
    return look_after(NAME, source, settings, stop).positions


@one_line_errors
def build(settings: Settings | None = None, stop: StopSignal | None = None) -> Dataflow:
    """The flow; settings are read from the environment unless given. Raises TapeflowError, one line."""
    settings, stop = start_flow(settings, stop, check_desk)
    metrics = DeskMetrics(NAME, worker=worker_of(settings))
    flow, positions = Dataflow(NAME), []
    for kind, topic in desk_topics(settings).items():
        own = desk_settings(settings, topic)
        updates, shards, place = read_desk(flow, kind, own, stop, metrics)
        write_desk(updates, kind, shards, own, stop)
        positions.append(place)
    if settings.trade_alerts:
        positions.append(watch_trades(flow, settings, stop, metrics))
    metrics.watch(lambda: every(positions), servers_of(settings, "redis", "clickhouse"))
    return flow


def every(places: Iterable[Positions]) -> list[PartitionPosition]:
    return [position for each in places for position in each()]
