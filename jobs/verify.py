"""Recomputes a range of the trades topic with the oracle and compares the bars in ClickHouse with it.

``tapeflow verify`` calls it; records come from the plain reader, so neither Bytewax nor the compiled kernels take part.
What the range can't decide is left out and counted. The left edge of a range in mid-topic is found by looking back:
bars that start no later than the newest trade before it (and the out-of-order bound) may hold trades that weren't read.
The right edge needs no guess, as a bar's version says whether later records changed it. Where bars differ and trades
came too late, the range is read twice, as a replay may have folded those in.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.kafka.ends import TopicEnds
from connectors.kafka.options import KafkaReadOptions
from connectors.kafka.questions import TopicQuestions
from connectors.kafka.range import OffsetRange, read_records
from flows.reading import markers_of, read_options, registry_of, rules_of, words_of
from jobs.clickhouse_bars import read_bars
from jobs.topic_range import asked_ranges, hidden_words
from oracle.comparison import Comparison, Edge, compare_bars
from oracle.records import OracleReader
from oracle.truth import INTERVAL_US, Oracle, OracleResult, OracleRules, OracleTrade
from runtime.settings.whole import Settings
from schemas.avro import WriterSchema, shipped_schema
from schemas.errors import InputError
from schemas.names import BAR_VIEW, BARS_TABLE
from sinks.clickhouse.connection import connect
from sinks.clickhouse.migrations import check_tables

__all__ = ["Asked", "oracle_reader", "oracle_rules", "recompute_ranges", "requeued_records", "verify_bars"]

LOOK_BACK_RECORDS: Final = 20_000
PROGRESS_RECORDS: Final = 1_000
FOR_EVER_US: Final = 2**62
Progress = Callable[[int, int], None]
"""(records done, records in all)."""
Requeued = Collection[tuple[int, int, int]]
"""(partition, offset, Kafka's time in ms) of records that were put back on the topic as others."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to verify: a range of the topic, and which of its bars (no symbols: all)."""

    start: str = "earliest"
    end: str = "latest"
    symbols: tuple[str, ...] = ()
    intervals: tuple[str, ...] = tuple(INTERVAL_US)


def oracle_rules(settings: Settings) -> OracleRules:
    rules = rules_of(settings)
    return OracleRules(
        rules.out_of_order_us,
        rules.lateness_us,
        rules.dedupe,
        rules.source_epoch,
        rules.dedupe_window,
        rules.dedupe_span_us,
        previous_close=rules.previous_close,
        exceptions=rules.exceptions,
    )


def requeued_records(settings: Settings) -> Requeued:
    """What the markers say was put back until now. Asks the brokers."""
    return {
        (marker.partition, marker.offset, marker.timestamp_ms)
        for marker in markers_of(settings).values()
        if marker.topic == settings.kafka_topic
    }


def oracle_reader(settings: Settings, requeued: Requeued = ()) -> OracleReader:
    """The oracle's own decoder, told what the flows are told."""
    schema_of: Callable[[int], WriterSchema | None] = shipped_schema
    if settings.schema_registry_url:
        schema_of = registry_of(settings)
    return OracleReader(
        value_format=settings.value_format,
        schema_of=schema_of,
        field_map=settings.field_map,
        time_unit=settings.time_unit,
        future_us=settings.future_ms * 1000,
        value_bytes_max=settings.value_bytes_max,
        requeued=requeued,
        words=words_of(settings),
    )


def recompute_ranges(
    options: KafkaReadOptions,
    ranges: Mapping[int, OffsetRange],
    settings: Settings,
    progress: Progress,
    *,
    requeued: Requeued = (),
    fold_late: bool = False,
    on_applied: Callable[[OracleTrade], None] = lambda _trade: None,
) -> OracleResult:
    """What the oracle makes of the records of ``ranges``; with ``fold_late``, no trade is too late for it. One
    partition at a time, as its trades stay in memory. on_applied: called with each trade that is applied, in order."""
    whole, rules = OracleResult({}, {}, {}, {}, {}, {}), oracle_rules(settings)
    if fold_late:
        rules = rules._replace(fold_late=True)
    total, done = sum(end - start for start, end in ranges.values()), 0
    for partition, span in ranges.items():
        reader, oracle = oracle_reader(settings, requeued), Oracle(rules)
        for record in read_records(options, {partition: span}):
            for item in reader.read_all(record.partition, record.offset, record.timestamp_ms, record.value):
                if oracle.take(item) == "applied" and isinstance(item, OracleTrade):
                    on_applied(item)
            done += 1
            if done % PROGRESS_RECORDS == 0:
                progress(done, total)
        part = oracle.result()
        for name in ("bars", "tickers", "counts", "rejects", "watermark_us", "unjudged"):
            getattr(whole, name).update(getattr(part, name))
    progress(done, total)
    return whole


def verify_bars(settings: Settings, asked: Asked, progress: Progress = lambda _done, _total: None) -> Comparison:
    """Compare every bar that the range decides. Raises what the servers' connections raise, and InputError for an
    empty range or for symbols that it doesn't hold."""
    client = connect(settings.clickhouse_dsn)
    try:
        check_tables(client, settings.clickhouse_database, (BARS_TABLE, BAR_VIEW))
        options = read_options(settings)
        ranges = asked_ranges(options, asked.start, asked.end)
        requeued = requeued_records(settings)
        result = recompute_ranges(options, ranges, settings, progress, requeued=requeued)
        edges = edges_of(options, ranges, settings)
        bars = [bar for bar in result.sorted_bars(asked.intervals) if not asked.symbols or bar.symbol in asked.symbols]
        if not bars and asked.symbols:
            raise InputError(
                f"topic {settings.kafka_topic} holds no valid trade of {', '.join(asked.symbols)} in that range",
                where="--symbols",
                mend="name symbols as the trades spell them",
            )
        starts = [bar.start_us for bar in bars]
        stored = read_bars(
            client,
            settings.clickhouse_database,
            symbols=asked.symbols,
            intervals=asked.intervals,
            from_us=min(starts, default=None),
            to_us=max(starts, default=None),
        )
        unread = _unread(options, ranges, settings)
        found = compare_bars(bars, stored, edges, unread=unread)
        late = {each: span for each, span in ranges.items() if result.counts.get(each, {}).get("late")}
        if late and (found.differing or found.elsewhere):
            again = recompute_ranges(options, late, settings, progress, requeued=requeued, fold_late=True)
            repaired = {(bar.symbol, bar.interval, bar.start_us): bar for bar in again.bars.values()}
            found = compare_bars(bars, stored, edges, repaired=repaired, unread=unread)
        found.hidden = hidden_words(TopicEnds(options).ask(ranges))
        return found
    finally:
        client.disconnect()


def edges_of(options: KafkaReadOptions, ranges: Mapping[int, OffsetRange], settings: Settings) -> dict[int, Edge]:
    """The edges of each partition's range that holds records."""
    rules = rules_of(settings)
    with TopicQuestions(options) as questions:
        lows = {partition: low for partition, (low, _) in questions.watermarks(list(ranges)).items()}
    edges, is_anew = {}, settings.source_epoch > 0
    for partition, (start, end) in ranges.items():
        if start < end:
            is_cut = start > 0 or is_anew
            left_us = _left_us(options, partition, (start, end), lows[partition], settings) if is_cut else None
            edges[partition] = Edge(left_us, rules.sequence(start), rules.sequence(end - 1))
    return edges


def _left_us(options: KafkaReadOptions, partition: int, span: OffsetRange, low: int, settings: Settings) -> int | None:
    """Newest event time before the range, plus the out-of-order bound; where what was before is gone, what the first
    trade that is left says of it. What was put back is looked at too: it bounds what was sent before as well as any."""
    (start, end), future_us = span, max(settings.out_of_order_ms, settings.future_ms) * 1000
    back = max(low, start - LOOK_BACK_RECORDS)
    edges_us = [
        trade.event_time_us + settings.out_of_order_ms * 1000
        for trade in _trades(options, partition, (back, start), settings)
    ]
    # Under a raised epoch the topic was made anew, and what came before its first record is gone as well.
    if (back > 0 or settings.source_epoch > 0) and (back == low or not edges_us):
        # Kafka's time too: the first trade may itself be late, and what is gone was sent before it.
        first = next(_trades(options, partition, (back, end), settings), None)
        edges_us.append(max(first.event_time_us, first.timestamp_ms * 1000) + future_us if first else FOR_EVER_US)
    return max(edges_us, default=None)


def _trades(options: KafkaReadOptions, partition: int, span: OffsetRange, settings: Settings) -> Iterator[OracleTrade]:
    reader = oracle_reader(settings)
    for record in read_records(options, {partition: span}):
        for trade in reader.read_all(partition, record.offset, record.timestamp_ms, record.value):
            if isinstance(trade, OracleTrade):
                yield trade


def _unread(options: KafkaReadOptions, ranges: Mapping[int, OffsetRange], settings: Settings) -> list[range] | None:
    """Sequences of records that aren't in ``ranges``; None where some partition isn't read from its first one on."""
    if any(start > 0 for start, _ in ranges.values()):
        return None
    sequence = rules_of(settings).sequence
    with TopicQuestions(options) as questions:
        highs = {partition: high for partition, (_, high) in questions.watermarks(list(ranges)).items()}
    behind = [range(sequence(end), sequence(highs[partition])) for partition, (_, end) in ranges.items()]
    return [range(sequence(0)), *behind]
