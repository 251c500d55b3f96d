"""Writes bars of quotes to ClickHouse: their column bytes in the Native format, and the Bytewax sink.

Items are (shard key, bars). ``snapshot`` returns when all that was handed over is inserted; an outage is waited for. A
repeated row has the same key and version, so that the view shows each once, in its newest version. Types and order are
those of the migration, which the insert checks against the server.
"""

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.names import QUOTE_BARS_TABLE
from schemas.quotes import QuoteBar
from sinks.clickhouse.desk_block import COUNTS, DECIMAL, LOW, TIME, longs, maps, wides, words
from sinks.clickhouse.native_block import Block
from sinks.clickhouse.sink import Buffer, ClickHouseSink, Inserter

__all__ = ["QUOTE_BAR_COLUMNS", "QuoteBarsSink", "quote_bar_block"]

QUOTE_BAR_COLUMNS: Final = (
    ("symbol", LOW),
    ("interval", LOW),
    ("start", TIME),
    ("kafka_partition", "UInt32"),
    *((name, DECIMAL) for name in QuoteBar.SIDES),
    ("count", "UInt64"),
    ("crossed", "UInt64"),
    ("spread_us", "Int64"),
    ("crossed_us", "Int64"),
    ("spread_sum", "Decimal(76, 10)"),
    ("spread", COUNTS),
    ("version", "UInt64"),
)


def quote_bar_block(batches: Sequence[Sequence[QuoteBar]]) -> Block:
    """One block of all bars."""
    bars = [bar for batch in batches for bar in batch]
    data = (
        words(bar.symbol for bar in bars),
        words(bar.interval for bar in bars),
        longs(bar.start_us for bar in bars),
        np.array([bar.partition for bar in bars], np.uint32).tobytes(),
        *(wides(getattr(bar, name) for bar in bars) for name in QuoteBar.SIDES),
        *(longs(getattr(bar, name) for bar in bars) for name in ("count", "crossed", "spread_us", "crossed_us")),
        b"".join(bar.spread_sum.to_bytes(32, "little") for bar in bars),
        maps(bar.spread for bar in bars),
        longs(bar.version for bar in bars),
    )
    return Block(len(bars), QUOTE_BAR_COLUMNS, data)


class QuoteBarsSink(ClickHouseSink[Sequence[QuoteBar]]):
    """Bars of quotes, into ``quote_bars``."""

    def __init__(
        self, dsn: str, database: str, shards: int, *, rows_max: int = 200_000, stop: threading.Event | None = None
    ) -> None:
        inserters = [Inserter(dsn, database, QUOTE_BARS_TABLE, stop)]
        super().__init__(shards, Buffer(inserters, quote_bar_block, len, rows_max))
