"""The live flow: trades in Kafka to what is true now in Redis, for dashboards and the gateway.

Run it with ``tapeflow run live`` or ``python -m bytewax.run "flows.live:build()"``. Final and revised bars go out at
once and always. Tickers and open bars are conflated: the latest wins, at most once per ``conflation_ms`` and
``bars_conflation_ms``, the first change at once. While the flow catches up with the log, they go out every 5 s, or as
often as a tenth of the time allows. Deltas aren't made here but in the Redis sink, which alone knows what was
published last.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow

from connectors.kafka.options import Position
from flows.conflation import BarWindows
from flows.dead_letters import write_dead_letters
from flows.latency import LatencyHistogram
from flows.lookout import look_after, servers_of
from flows.metrics import FlowMetrics
from flows.preflight import check_redis
from flows.reading import partition_key, registry_of, rules_of, trades_source, worker_of
from flows.shard_step import ShardStep
from flows.starting import one_line_errors, start_flow
from runtime.settings.redis import RedisSettings
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.avro import BAR_SCHEMA_ID, schema_text
from schemas.columns import BAR, TICKER, BarBatch, TickerBatch, TradeBatch
from schemas.traces import LINKS_MAX, trace_id
from sinks.kafka.sink import BarsTopicSink
from sinks.redis.bounds import RedisBounds
from sinks.redis.sink import LiveUpdate, RedisSink

__all__ = ["LiveStep", "build"]

NAME = "live"
LOOK_AGAIN: Final = timedelta(milliseconds=2)
CATCHING_UP_MS: Final = 10_000
"""Age from which records that have more behind them are the past: after a start or an outage, not a moment's lag."""
CATCH_UP_CONFLATION: Final = timedelta(seconds=5)
"""Nobody can use the past update by update, and writing it costs thousands of symbols more than reading it."""

LIVE_BARS_MAX: Final = 50_000
"""Open bars in one update, where a shard has fewer symbols than that: 10 MB, and twice that as messages."""


class LiveStep(ShardStep[LiveUpdate]):
    """Keeps back tickers and open bars until the time of their conflation has passed since they last went out.

    Open bars go out more rarely than tickers: each ticker brings one of every interval, and nobody watches
    a bar so closely.

    is_behind: whether updates wait for Redis; then they are kept back longer, as a later one replaces them anyway.
    While the flow catches up with the log, they go out once in CATCH_UP_CONFLATION, also for the first time, and not
    while past_rests says that they took enough of the time.
    """

    def __init__(
        self,
        *args: Any,
        conflation_ms: int,
        bars_conflation_ms: int = 0,
        is_behind: Callable[[], bool] = lambda: False,
        past_rests: Callable[[], bool] = lambda: False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._conflation = timedelta(milliseconds=conflation_ms)
        self._bars = BarWindows(timedelta(milliseconds=max(bars_conflation_ms, conflation_ms)))
        self._is_behind = is_behind
        self._past_rests = past_rests
        self._published_at: datetime | None = None
        self._changed = False
        self._catching_up = False
        self._again, self._again_below = self.resumed, 0
        self._traceparents: list[str] = []

    def publish(self, batch: TradeBatch | None, finals: BarBatch) -> Iterable[LiveUpdate]:
        if batch is not None:
            self._bars.place(batch.partition)
            self._catching_up = not batch.caught_up and self._is_past(batch)
            if self._catching_up and self._published_at is None:
                self._published_at = self.clock()
            if batch.trace is not None and len(self._traceparents) < LINKS_MAX:
                self._traceparents += batch.trace.traceparents
        if self._again or (batch is not None and len(batch) > 0):
            self._changed = True
            self._bars.touch()
        if self._again:
            first = int(batch.rows["offset"][0]) if batch is not None and len(batch) else self.shard.next_offset
            self._again_below = self.shard.rules.sequence(first)
            # What was held back at the last snapshot, and what Redis may have lost since: versions sort it out.
            self._again = False
            closed = self.whole(self.shard.publish_again())
            finals = BarBatch(self.shard.symbols.names, np.concatenate([closed.rows, finals.rows]))
        if self._changed and self._is_due():
            return self._flush(finals)
        if len(finals):
            return [LiveUpdate(self.partition, no_tickers(), no_bars(), finals)]
        return ()

    def wake_at(self) -> datetime | None:
        now = self.clock()
        due_at = self._due_at(now)
        if due_at is None or due_at > now or self._published_at is None:
            return due_at
        return now + LOOK_AGAIN

    def until_due_s(self) -> float:
        """How long until this step has something to publish; infinite while nothing waits."""
        now = self.clock()
        due_at = self._due_at(now)
        if due_at is None:
            return math.inf
        if due_at > now:
            return (due_at - now).total_seconds()
        return 0.0 if self._is_due() else LOOK_AGAIN.total_seconds()

    def on_wake(self) -> Iterable[LiveUpdate]:
        waiting = self._changed or self._bars.due(self.clock()).any()
        return self._flush(no_bars()) if waiting and self._is_due() else ()

    def on_eof(self) -> tuple[Iterable[LiveUpdate], bool]:
        out: list[LiveUpdate] = []
        while self._changed or self._bars.waiting:
            out += self._flush(no_bars(), at_end=True)
        return out, self.RETAIN

    def _due_at(self, now: datetime) -> datetime | None:
        if not self._changed:
            return self._bars.next_at(now)
        return now if self._published_at is None else self._published_at + self._span

    @property
    def _span(self) -> timedelta:
        return CATCH_UP_CONFLATION if self._catching_up else self._conflation

    def _is_past(self, batch: TradeBatch) -> bool:
        newest_ms = int(batch.rows["timestamp_ms"][-1]) if len(batch) else -1
        return 0 <= newest_ms < self.clock().timestamp() * 1000 - CATCHING_UP_MS

    def _is_due(self) -> bool:
        if self._published_at is None:
            return True
        # A clock that was set back must not hold output up for as long as it jumped.
        passed = not self._published_at <= self.clock() < self._published_at + self._span
        return passed and not self._is_behind() and not (self._catching_up and self._past_rests())

    def _flush(self, finals: BarBatch, at_end: bool = False) -> list[LiveUpdate]:
        now = self.clock()
        most = max(LIVE_BARS_MAX // max(len(self.shard.symbols), 1), 1)
        intervals = self._bars.due(now, most, ahead=at_end)
        tickers, live_bars = self.shard.take_live(intervals)
        self._published_at, self._changed = now, False
        self._bars.sent(intervals, now)
        traceparents, self._traceparents = self._traceparents, []
        again_below, self._again_below = self._again_below, 0
        made_ns = time.time_ns() if traceparents else 0
        return [LiveUpdate(self.partition, tickers, live_bars, finals, again_below, traceparents, made_ns)]


def final_bars(update: LiveUpdate) -> BarBatch | None:
    return update.final_bars if len(update.final_bars) else None


def measure(latency: LatencyHistogram, done: Sequence[LiveUpdate], now_ms: int) -> None:
    """What is published again after a start would count its downtime, and the quiet before it, as latency."""
    untraced = []
    for update in done:
        rows = update.tickers.rows
        if update.again_below:
            rows = rows[rows["sequence"] >= update.again_below]
        if update.traceparents:
            latency.observe(now_ms, rows["timestamp_ms"], trace_id(update.traceparents[0]))
        else:
            untraced.append(rows["timestamp_ms"])
    if untraced:
        latency.observe(now_ms, np.concatenate(untraced))


def bars_topic_sink(settings: Settings, shards: int, stop: StopSignal) -> BarsTopicSink:
    """Where a registry is configured, bars carry the id that it gives the Bar schema for the topic's values."""
    schema_id = BAR_SCHEMA_ID
    if settings.schema_registry_url:
        schema_id = registry_of(settings).register(f"{settings.bars_topic}-value", schema_text("Bar"))
    properties: dict[str, Any] = {**settings.kafka_properties}
    return BarsTopicSink(
        settings.kafka_bootstrap, settings.bars_topic, shards, schema_id=schema_id, properties=properties, stop=stop
    )


def bounds_of(settings: RedisSettings) -> RedisBounds:
    return RedisBounds(
        settings.stream_mb_max, settings.stream_minutes_max, settings.candles_kept, settings.candles_mb_max
    )


def no_tickers() -> TickerBatch:
    return TickerBatch((), (), np.empty(0, TICKER))


def no_bars() -> BarBatch:
    return BarBatch((), np.empty(0, BAR))


@one_line_errors
def build(settings: Settings | None = None, stop: StopSignal | None = None, end: Position | None = None) -> Dataflow:
    """The flow; settings are read from the environment unless given. Raises TapeflowError, one line."""
    settings, stop = start_flow(settings, stop, check_redis)
    metrics, rules = FlowMetrics(NAME, worker=worker_of(settings)), rules_of(settings)
    source = trades_source(settings, stop, end)
    shards = len(source.list_parts())
    steps: list[LiveStep] = []

    def apply_trades(state: bytes | None) -> LiveStep:
        step = LiveStep(
            rules, settings.idle_close_ms, metrics, state,
            conflation_ms=settings.conflation_ms, bars_conflation_ms=settings.bars_conflation_ms,
            is_behind=lambda: sink.is_behind, past_rests=lambda: sink.past_rests,
        )  # fmt: skip
        steps.append(step)
        return step

    latency = LatencyHistogram(NAME)

    def written(done: Sequence[LiveUpdate]) -> None:
        measure(latency, done, time.time_ns() // 1_000_000)

    sink = RedisSink(
        settings.redis_url,
        shards,
        bounds=bounds_of(settings),
        publish_updates=settings.publish_updates,
        stop=stop,
        on_written=written,
        on_doubled=metrics.say_doubled,
    )
    source.wait_no_longer_than(lambda: min((step.until_due_s() for step in steps), default=math.inf))
    lookout = look_after(NAME, source, settings, stop)
    metrics.watch(
        lookout.positions,
        lambda: [step.account() for step in steps if step.partition >= 0],
        servers_of(settings, "redis"),
    )
    flow = Dataflow(NAME)
    batches = op.input("read_trades", flow, source)
    keyed = op.key_on("key_by_partition", batches, partition_key)
    updates = op.stateful_batch("apply_trades", keyed, apply_trades)
    op.output("write_redis", updates, sink)
    if settings.bars_topic:
        finals = op.filter_map_value("final_bars", updates, final_bars)
        op.output("write_bars_topic", finals, bars_topic_sink(settings, shards, stop))
    if settings.dead_letters_from in (NAME, "both"):
        write_dead_letters(batches, settings, NAME, shards, stop)
    return flow
