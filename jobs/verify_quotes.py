"""Recomputes bars of quotes from their topic with the oracle, and compares those in ClickHouse with them.

``tapeflow verify --kind quotes`` calls it, and so does the killer. Records come from the plain reader, so neither
Bytewax nor the compiled kernels take part. A bar is made of its own quotes alone, so a topic that lost its first
records decides all later bars: those that records which are gone may have been in are left out and counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from connectors.kafka.options import Position
from connectors.kafka.range import OffsetRange, ranges_between, read_records
from flows.quotes_reading import quotes_settings
from flows.reading import read_options
from jobs.clickhouse_bars import read_quote_bars
from jobs.verify import oracle_reader, requeued_records
from oracle.quote_rows import QUOTE_BAR_FIELDS, quote_bar_rows, quote_of
from oracle.quotes import OracleQuote
from oracle.rows import Key, RowComparison, compare_rows
from oracle.truth import OracleReject
from runtime.settings.whole import Settings
from schemas.contract import first_sequence
from schemas.errors import SettingError
from schemas.rejects import Reason
from sinks.clickhouse.connection import connect

__all__ = ["QuotesTopic", "compare_quote_bars", "read_quotes", "verify_quotes"]

PROGRESS_RECORDS: Final = 1_000
TABLE: Final = "quote_bars"
Progress = Callable[[int, int], None]
"""(records done, records in all)."""


@dataclass(slots=True)
class QuotesTopic:
    """What a topic holds: quotes of each partition in offset order, and what was refused, by partition and offset."""

    ranges: Mapping[int, OffsetRange]
    quotes: dict[int, list[OracleQuote]] = field(default_factory=dict)
    refused: dict[tuple[int, int], Reason] = field(default_factory=dict)


def verify_quotes(settings: Settings, progress: Progress = lambda _done, _total: None) -> RowComparison:
    """Over all quotes that the topic holds. Raises SettingError where no bars are made, and what the servers raise."""
    if not settings.quote_intervals:
        raise SettingError("no bars of quotes are made", where="TAPEFLOW_QUOTE_INTERVALS", mend="name some: 1m,1h")
    return compare_quote_bars(settings, read_quotes(settings, progress))


def read_quotes(settings: Settings, progress: Progress = lambda _done, _total: None) -> QuotesTopic:
    """From the first record to the last."""
    own = quotes_settings(settings)
    options, reader = read_options(own), oracle_reader(own, requeued_records(own))
    ranges = ranges_between(options, Position("earliest"), Position("latest"))
    found = QuotesTopic(ranges, {partition: [] for partition in ranges})
    total = sum(end - start for start, end in ranges.values())
    for done, record in enumerate(read_records(options, ranges)):
        read = quote_of(reader.read(record.partition, record.offset, record.timestamp_ms, record.value))
        if isinstance(read, OracleReject):
            found.refused[record.partition, record.offset] = read.reason
        else:
            found.quotes[record.partition].append(read)
        if done % PROGRESS_RECORDS == 0:
            progress(done, total)
    progress(total, total)
    return found


def compare_quote_bars(settings: Settings, topic: QuotesTopic) -> RowComparison:
    """Bars of the intervals that the settings name."""
    client = connect(settings.clickhouse_dsn)
    try:
        stored = read_quote_bars(client, settings.clickhouse_database, settings.quote_intervals, QUOTE_BAR_FIELDS)
    finally:
        client.disconnect()
    found, first = RowComparison(), first_sequence(settings.source_epoch)
    for partition, (start, end) in topic.ranges.items():
        quotes, out_of_order_us = topic.quotes[partition], settings.out_of_order_ms * 1000
        expected = quote_bar_rows(quotes, settings.quote_intervals, out_of_order_us, first)
        # Quotes from before the first that is there may be in bars that began before this.
        edge_us = quotes[0].event_time_us + out_of_order_us if start and quotes else -1
        there = {key: row for key, row in stored.items() if key[3] == partition and row[1] >= first + start}
        cut = [key for key in expected.keys() | there.keys() if _start_us(key) <= edge_us]
        for key in cut:
            expected.pop(key, None)
            there.pop(key, None)
        found.open += len(cut)
        last = first + end - 1
        found.add(compare_rows(TABLE, QUOTE_BAR_FIELDS, expected, there, partial(_same, last)))
    return found


def _start_us(key: Key) -> int:
    assert isinstance(key[2], int)
    return key[2]


def _same(last: int, _key: Key) -> int:
    return last
