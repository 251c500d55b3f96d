"""Turns a desk's decisions and their figures into the column bytes of ClickHouse's Native format.

For sinks.clickhouse.desk_sink; types and order are those of the migrations, which the insert checks against the server.
A desk has thousands of rows a second, not millions: what isn't a column already is put together value by value.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from schemas.columns import Longs
from schemas.contract import first_sequence
from schemas.desk import SCOPES, DeskBatch, ExposureRow, LpRow, RoutingRow
from sinks.clickhouse.native_block import Block, low_cardinality

__all__ = [
    "COUNTS",
    "DECIMAL",
    "DECISION_COLUMNS",
    "EXPOSURE_COLUMNS",
    "LOW",
    "LP_COLUMNS",
    "ROUTING_COLUMNS",
    "TIME",
    "decision_block",
    "exposure_block",
    "longs",
    "lp_block",
    "maps",
    "routing_block",
    "wides",
    "words",
]

DECIMAL: Final = "Decimal(38, 10)"
TIME: Final = "DateTime64(6, 'UTC')"
LOW: Final = "LowCardinality(String)"
COUNTS: Final = "Map(Int16, UInt64)"

DECISION_COLUMNS: Final = (
    ("symbol", LOW),
    ("event_time", TIME),
    ("side", "Enum8('BUY' = 0, 'SELL' = 1, 'UNKNOWN' = 2)"),
    ("volume", DECIMAL),
    ("routing_decision", LOW),
    ("lp_selected", LOW),
    ("execution_us", "Int64"),
    ("spread", DECIMAL),
    ("slippage", DECIMAL),
    ("sequence", "UInt64"),
    ("kafka_partition", "UInt32"),
    ("kafka_offset", "UInt64"),
    ("kafka_time", "DateTime64(3, 'UTC')"),
)
ROUTING_COLUMNS: Final = (
    ("start", TIME),
    ("symbol", LOW),
    ("lp_selected", LOW),
    ("routing_decision", LOW),
    ("kafka_partition", "UInt32"),
    ("count", "UInt64"),
    ("volume", DECIMAL),
    ("spread_sum", DECIMAL),
    ("slippage_sum", DECIMAL),
    ("execution_us_sum", "Int128"),
    ("execution_us_max", "Int64"),
    ("favourable", "UInt64"),
    ("adverse", "UInt64"),
    ("execution", COUNTS),
    ("spread", COUNTS),
    ("slippage", COUNTS),
    ("version", "UInt64"),
)
LP_COLUMNS: Final = (
    ("start", TIME),
    ("lp_name", LOW),
    ("kafka_partition", "UInt32"),
    ("samples", "UInt64"),
    ("spread_sum", DECIMAL),
    ("quality_sum", DECIMAL),
    ("latency_us_sum", "Int128"),
    ("latency_us_max", "Int64"),
    ("quotes_sum", DECIMAL),
    ("rejects_sum", "Decimal(38, 20)"),
    ("up_us", "Int64"),
    ("status_changes", "UInt64"),
    ("status", LOW),
    ("latency", COUNTS),
    ("spread", COUNTS),
    ("version", "UInt64"),
)
EXPOSURE_COLUMNS: Final = (
    ("start", TIME),
    ("scope", "Enum8('total' = 0, 'symbol' = 1, 'lp' = 2, 'book' = 3)"),
    ("name", LOW),
    ("kafka_partition", "UInt32"),
    ("net", DECIMAL),
    ("gross", DECIMAL),
    ("peak", DECIMAL),
    ("exposure_limit", DECIMAL),
    ("warning_us", "Int64"),
    ("critical_us", "Int64"),
    ("version", "UInt64"),
)


def decision_block(batches: Sequence[DeskBatch], source_epoch: int) -> Block:
    """One block of all rows of the batches, of kind routing."""
    rows = np.concatenate([batch.rows for batch in batches])
    sizes = [len(batch) for batch in batches]
    partitions = np.repeat(np.array([batch.partition for batch in batches], np.uint32), sizes)
    data = (
        _batch_words(batches, "symbol"),
        rows["event_time_us"].tobytes(),
        rows["side"].tobytes(),
        _pairs(rows["volume_hi"], rows["volume_lo"]),
        _batch_words(batches, "decision"),
        _batch_words(batches, "lp"),
        rows["execution_us"].tobytes(),
        *(_pairs(rows[name] >> 63, rows[name].view(np.uint64)) for name in ("spread", "slippage")),
        (rows["offset"] + first_sequence(source_epoch)).tobytes(),
        partitions.tobytes(),
        rows["offset"].tobytes(),
        np.maximum(rows["timestamp_ms"], 0).tobytes(),
    )
    return Block(len(rows), DECISION_COLUMNS, data)


def routing_block(batches: Sequence[Sequence[RoutingRow]]) -> Block:
    """One block of all rows."""
    rows = [row for batch in batches for row in batch]
    figures = [row.figures for row in rows]
    data = (
        longs(row.start_us for row in rows),
        words(row.symbol for row in rows),
        words(row.lp for row in rows),
        words(row.decision for row in rows),
        np.array([row.partition for row in rows], np.uint32).tobytes(),
        longs(each.count for each in figures),
        *(wides(getattr(each, name) for each in figures)
          for name in ("volume", "spread_sum", "slippage_sum", "execution_us_sum")),
        *(longs(getattr(each, name) for each in figures) for name in ("execution_us_max", "favourable", "adverse")),
        *(maps(getattr(each, name) for each in figures) for name in ("execution", "spread", "slippage")),
        longs(each.version for each in figures),
    )  # fmt: skip
    return Block(len(rows), ROUTING_COLUMNS, data)


def lp_block(batches: Sequence[Sequence[LpRow]]) -> Block:
    """One block of all rows."""
    rows = [row for batch in batches for row in batch]
    figures = [row.figures for row in rows]
    data = (
        longs(row.start_us for row in rows),
        words(row.lp for row in rows),
        np.array([row.partition for row in rows], np.uint32).tobytes(),
        longs(each.samples for each in figures),
        *(wides(getattr(each, name) for each in figures) for name in ("spread_sum", "quality_sum", "latency_us_sum")),
        longs(each.latency_us_max for each in figures),
        *(wides(getattr(each, name) for each in figures) for name in ("quotes_sum", "rejects_sum")),
        *(longs(getattr(each, name) for each in figures) for name in ("up_us", "changes")),
        words(each.status for each in figures),
        *(maps(getattr(each, name) for each in figures) for name in ("latency", "spread")),
        longs(each.version for each in figures),
    )
    return Block(len(rows), LP_COLUMNS, data)


def exposure_block(batches: Sequence[Sequence[ExposureRow]]) -> Block:
    """One block of all rows."""
    rows = [row for batch in batches for row in batch]
    data = (
        longs(row.start_us for row in rows),
        bytes(SCOPES.index(row.scope) for row in rows),
        words(row.name for row in rows),
        np.array([row.partition for row in rows], np.uint32).tobytes(),
        *(wides(getattr(row, name) for row in rows) for name in ("net", "gross", "peak", "limit")),
        *(longs(getattr(row, name) for row in rows) for name in ("warning_us", "critical_us", "version")),
    )
    return Block(len(rows), EXPOSURE_COLUMNS, data)


def longs(values: Iterable[int]) -> bytes:
    return np.fromiter(values, np.int64).tobytes()


def wides(values: Iterable[int]) -> bytes:
    """Int128, or Decimal(38, …) as its whole number."""
    return b"".join(value.to_bytes(16, "little", signed=True) for value in values)


def words(values: Iterable[str]) -> bytes:
    """LowCardinality(String)."""
    numbers: dict[str, int] = {}
    keys = [numbers.setdefault(word, len(numbers)) for word in values]
    return low_cardinality([word.encode() for word in numbers], np.array(keys, np.int64))


def maps(values: Iterable[Mapping[int, int]]) -> bytes:
    """Map(Int16, UInt64): where each row ends, then all keys, then all values."""
    sorted_maps = [sorted(each.items()) for each in values]
    ends = np.cumsum([len(each) for each in sorted_maps], dtype=np.uint64)
    pairs = [pair for each in sorted_maps for pair in each]
    keys = np.array([key for key, _ in pairs], np.int16)
    counts = np.array([count for _, count in pairs], np.uint64)
    return ends.tobytes() + keys.tobytes() + counts.tobytes()


def _batch_words(batches: Sequence[DeskBatch], name: str) -> bytes:
    return words(batch.words[number] for batch in batches for number in batch.rows[name].tolist())


def _pairs(hi: Longs, lo: Any) -> bytes:
    """Decimal(38, 10): the 128-bit integer, little-endian, so the low half first."""
    pair = np.empty((len(hi), 2), np.uint64)
    pair[:, 0] = lo
    pair[:, 1] = hi.astype(np.int64).view(np.uint64)
    return pair.tobytes()
