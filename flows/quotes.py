"""The quotes flow: best bids and asks in Kafka to the newest of each symbol in Redis, by setting bars in ClickHouse.

Run it with ``tapeflow run quotes`` or ``python -m bytewax.run "flows.quotes:build()"``. It reads its own topic, apart
from trades, so neither waits for the other; the gateway shows both as one ticker
(docs/adr/0039-quotes-beside-trades.md).
"""

import time
from collections.abc import Sequence
from functools import partial

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from flows.dead_letters import write_dead_letters
from flows.latency import LatencyHistogram
from flows.lookout import look_after, servers_of
from flows.preflight import check_quotes
from flows.quotes_metrics import QuotesMetrics
from flows.quotes_reading import quote_rules, quotes_settings, quotes_source
from flows.quotes_step import QuotesStep, QuotesUpdate
from flows.reading import partition_key, worker_of
from flows.starting import one_line_errors, start_flow
from runtime.settings.whole import Settings
from runtime.stopping import StopSignal
from schemas.quotes import QuoteBar, QuoteStates
from sinks.clickhouse.quote_bars import QuoteBarsSink
from sinks.redis.quotes import QuotesSink

__all__ = ["build"]

NAME = "quotes"


def states_of(update: QuotesUpdate) -> QuoteStates | None:
    return update.states


def bars_of(update: QuotesUpdate) -> list[QuoteBar] | None:
    return update.bars or None


def measure(latency: LatencyHistogram, done: Sequence[QuoteStates]) -> None:
    """What is published again after a start would count its downtime as latency."""
    now_ms = time.time_ns() // 1_000_000
    for states in done:
        if not states.again:
            latency.observe(now_ms, states.rows["timestamp_ms"])


@one_line_errors
def build(settings: Settings | None = None, stop: StopSignal | None = None) -> Dataflow:
    """The flow; settings are read from the environment unless given. Raises TapeflowError, one line."""
    settings, stop = start_flow(settings, stop, check_quotes)
    own = quotes_settings(settings)
    metrics, latency = QuotesMetrics(NAME, worker=worker_of(own)), LatencyHistogram(NAME)
    source, rules = quotes_source(own, stop), quote_rules(own)
    shards = len(source.list_parts())
    sink = QuotesSink(
        own.redis_url,
        shards,
        publish_updates=own.publish_updates,
        stop=stop,
        on_written=partial(measure, latency),
    )

    def apply(state: bytes | None) -> QuotesStep:
        return QuotesStep(
            state, rules, own.conflation_ms, own.idle_close_ms, metrics, is_behind=lambda: sink.is_behind
        )  # fmt: skip

    flow = Dataflow(NAME)
    batches = op.input("read_quotes", flow, source)
    keyed = op.key_on("key_quotes_by_partition", batches, partition_key)
    updates = op.stateful_batch("apply_quotes", keyed, apply)
    op.output("write_quotes", op.filter_map_value("newest_quotes", updates, states_of), sink)
    if rules.intervals:
        bars = op.filter_map_value("quote_bars", updates, bars_of)
        dsn, database, rows_max = own.clickhouse_dsn, own.clickhouse_database, own.insert_rows_max
        op.output("write_quote_bars", bars, QuoteBarsSink(dsn, database, shards, rows_max=rows_max, stop=stop))
    if own.dead_letters_from != "none":
        write_dead_letters(batches, own, NAME, shards, stop)
    metrics.watch(
        look_after(NAME, source, own, stop).positions,
        servers_of(own, "redis", *(("clickhouse",) if rules.intervals else ())),
    )
    return flow
