"""The history flow: trades in Kafka to every valid trade and every final bar in ClickHouse, for analysts.

Run it with ``tapeflow run history`` or ``python -m bytewax.run "flows.history:build()"``. Each valid trade stands in
ClickHouse once and each final bar in its latest version, whatever was written twice on the way. Refused records go to
the dead-letter topic, late trades also to a table of their own, and that a symbol stands in two partitions is kept as
an alert. Trades are written after the stateful step, because only there it is known which are duplicates or late.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple
from zlib import crc32

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow

from connectors.kafka.options import Position
from flows.dead_letters import write_dead_letters
from flows.homes_step import Home, HomesStep
from flows.lookout import look_after, servers_of
from flows.metrics import FlowMetrics
from flows.preflight import check_clickhouse
from flows.quality import QualityMetrics
from flows.reading import partition_key, rules_of, trades_source, worker_of
from flows.shard_step import ShardStep
from flows.starting import one_line_errors, start_flow
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.columns import LATE, BarBatch, TradeBatch
from schemas.contract import SEQUENCE_BITS
from schemas.shards import shard_key
from sinks.clickhouse.alerts import AlertsSink
from sinks.clickhouse.sink import ClickHouseBarsSink, ClickHouseTradesSink

__all__ = ["HistoryStep", "HistoryUpdate", "build"]

NAME = "history"


class HistoryUpdate(NamedTuple):
    """trades: what was applied or late, None when only the clock spoke. finals: bars that closed or were revised.
    homes: symbols that this partition has trades of, each once in a run."""

    trades: TradeBatch | None
    finals: BarBatch
    homes: Sequence[Home] = ()


class HistoryStep(ShardStep[HistoryUpdate]):
    """Nothing is held back: the sinks gather batches."""

    def __init__(self, *args: Any, quality: QualityMetrics | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._quality = quality
        self._told = 0
        self._kept = len(self.shard.symbols)

    def publish(self, batch: TradeBatch | None, finals: BarBatch) -> Iterable[HistoryUpdate]:
        if batch is not None and self._quality is not None:
            self._quality.observe(batch, self.shard)
        if batch is not None and batch.trace is not None:
            finals = replace(finals, traceparents=batch.trace.traceparents)
        homes = self._new_homes(batch) if batch is not None else ()
        return [HistoryUpdate(batch, finals, homes)] if batch is not None or len(finals) else ()

    def _new_homes(self, batch: TradeBatch) -> list[Home]:
        """Symbols of the shard that weren't told in this run: of its state, and those that came with the batch."""
        names, shard = self.shard.symbols.names, self.shard
        if len(names) == self._told:
            return []
        states = shard.per_symbol[: self._kept] if self._told == 0 else shard.per_symbol[:0]
        homes = [
            Home(name, self.partition, int(state["first_seen_us"]), int(state["sequence"]) >> SEQUENCE_BITS)
            for name, state in zip(names, states, strict=False)
            if state["sequence"] >= 0
        ]
        numbers, firsts = np.unique(shard.arrived, return_index=True)
        for number, at in zip(numbers.tolist(), firsts.tolist(), strict=True):
            if number >= max(self._told, self._kept):
                first_us = int(batch.rows["event_time_us"][at])
                homes.append(Home(names[number], self.partition, first_us, shard.rules.source_epoch))
        self._told = len(names)
        return homes


def final_bars(update: HistoryUpdate) -> BarBatch | None:
    return update.finals if len(update.finals) else None


def trades(update: HistoryUpdate) -> TradeBatch | None:
    return update.trades if update.trades is not None and len(update.trades) else None


def homes_by_symbol(shards: int, item: tuple[str, HistoryUpdate]) -> Iterable[tuple[str, list[Home]]]:
    """By a hash of the symbol, spread over the workers as partitions are."""
    found: dict[int, list[Home]] = {}
    for home in item[1].homes:
        found.setdefault(crc32(home.symbol.encode()) % shards, []).append(home)
    return [(shard_key(bucket), homes) for bucket, homes in found.items()]


def late_trades(update: HistoryUpdate) -> TradeBatch | None:
    batch = trades(update)
    return batch if batch is not None and (batch.rows["outcome"] == LATE).any() else None


@one_line_errors
def build(settings: Settings | None = None, stop: StopSignal | None = None, end: Position | None = None) -> Dataflow:
    """The flow; settings are read from the environment unless given. Raises TapeflowError, one line."""
    settings, stop = start_flow(settings, stop, check_clickhouse)
    metrics, rules = FlowMetrics(NAME, worker=worker_of(settings)), rules_of(settings)
    source = trades_source(settings, stop, end)
    shards = len(source.list_parts())
    steps: list[HistoryStep] = []
    detail = settings.quality_metrics
    quality = None if detail == "off" else QualityMetrics(NAME, detail)

    def apply_trades(state: bytes | None) -> HistoryStep:
        steps.append(HistoryStep(rules, settings.idle_close_ms, metrics, state, quality=quality))
        return steps[-1]

    lookout = look_after(NAME, source, settings, stop)
    metrics.watch(
        lookout.positions,
        lambda: [step.account() for step in steps if step.partition >= 0],
        servers_of(settings, "clickhouse"),
    )
    dsn, database, rows_max = settings.clickhouse_dsn, settings.clickhouse_database, settings.insert_rows_max
    flow = Dataflow(NAME)
    batches = op.input("read_trades", flow, source)
    keyed = op.key_on("key_by_partition", batches, partition_key)
    updates = op.stateful_batch("apply_trades", keyed, apply_trades)
    finals = op.filter_map_value("final_bars", updates, final_bars)
    op.output("write_bars", finals, ClickHouseBarsSink(dsn, database, shards, rows_max=rows_max, stop=stop))
    if settings.write_trades:
        kept = op.filter_map_value("trades", updates, trades)
        op.output(
            "write_trades",
            kept,
            ClickHouseTradesSink(
                dsn, database, shards, source_epoch=settings.source_epoch, rows_max=rows_max, stop=stop
            ),
        )
    late = op.filter_map_value("late_trades", updates, late_trades)
    op.output(
        "write_late_trades",
        late,
        ClickHouseTradesSink(
            dsn, database, shards, late_only=True, source_epoch=settings.source_epoch, rows_max=rows_max, stop=stop
        ),
    )
    homes = op.flat_map("homes_by_symbol", updates, partial(homes_by_symbol, shards))
    alerts = op.stateful_batch("find_two_partitions", homes, HomesStep)
    op.output("write_alerts", alerts, AlertsSink(dsn, database, shards, stop=stop))
    if settings.dead_letters_from in (NAME, "both"):
        write_dead_letters(batches, settings, NAME, shards, stop)
    return flow
