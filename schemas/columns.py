"""The tables that travel between steps: records, trades, bars, tickers, as NumPy structured arrays.

Connectors make RawBatch and TradeBatch, core makes BarBatch and TickerBatch, sinks write them. Prices and sizes are
exact integers in units of 10**-10, 128 bits wide. They are stored as a pair (``_hi`` int64, ``_lo`` uint64) whose value
is ``hi * 2**64 + lo`` (two's complement). Sums of price * size are in units of 10**-20, 256 bits wide, stored as four
uint64 limbs, the lowest first. A trade is one wide row and not an entry in many arrays: a compiled kernel then touches
one cache line per trade, and a gather or a filter is one copy (docs/adr/0002-compiled-kernels.md).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from schemas.intervals import INTERVALS
from schemas.rejects import Reject
from schemas.traces import BatchTrace

__all__ = [
    "APPLIED",
    "BAR",
    "BUY",
    "DUPLICATE",
    "ID_DIGITS",
    "LATE",
    "LENGTHS_US",
    "LONG_ID",
    "NO_ID",
    "NO_TIMESTAMP",
    "ORIGINS_US",
    "PLACE",
    "SELL",
    "TICKER",
    "TICKER_STATE",
    "TRADE",
    "UNKNOWN",
    "BarBatch",
    "BarRow",
    "BarRows",
    "Bytes",
    "Ints",
    "Keys",
    "Longs",
    "Mask",
    "PlaceRows",
    "RawBatch",
    "Rows",
    "TickerBatch",
    "TickerRow",
    "TickerRows",
    "TradeBatch",
    "TradeRow",
    "TradeRows",
    "Whole",
    "Words",
]

Rows = npt.NDArray[Any]
"""Rows of any table: for what treats all tables alike."""
TradeRows = npt.NDArray[Any]
"""TRADE[n]: trades as decoders make them."""
BarRows = npt.NDArray[Any]
"""BAR[n]: bars as they are published."""
TickerRows = npt.NDArray[Any]
"""TICKER[n]: the newest state of symbols."""
PlaceRows = npt.NDArray[Any]
"""PLACE[n]: records, named by where they stand."""
TradeRow: TypeAlias = Any
BarRow: TypeAlias = Any
TickerRow: TypeAlias = Any
"""One row of these, as kernels have it: its columns are attributes, and those of the table."""
Whole: TypeAlias = int | np.int64
"""A whole number of 64 bits: Python's outside of kernels, often NumPy's inside."""
Bytes = npt.NDArray[np.uint8]
"""Text, or a buffer that a kernel writes."""
Longs = npt.NDArray[np.int64]
"""Offsets, positions, counts, times."""
Ints = npt.NDArray[np.int32]
"""Numbers of names, or of slots in a table."""
Words = npt.NDArray[np.uint64]
"""Halves and limbs of wide numbers; sets of bits."""
Mask = npt.NDArray[np.bool_]
"""Which entries of another array are meant."""

LENGTHS_US: Final[Longs] = np.array([interval.length_us for interval in INTERVALS], np.int64)
"""Lengths by BAR.interval; ORIGINS_US: a start of each, from which the others are whole lengths away."""
ORIGINS_US: Final[Longs] = np.array([interval.origin_us for interval in INTERVALS], np.int64)
BUY: Final = 0
SELL: Final = 1
UNKNOWN: Final = 2
APPLIED: Final = 0
DUPLICATE: Final = 1
LATE: Final = 2
"""Outcomes of a trade; one that some intervals took and others refused is late."""
NO_ID: Final = -1
"""``trade_id_number`` of a trade whose id isn't a whole number."""
ID_DIGITS: Final = 18
"""Digits of ``trade_id_number``; as many more stand in ``trade_id_upper``."""
LONG_ID: Final = -1
"""``trade_id_upper`` of a whole number that has more digits than both hold: its text says it (core.bars.long_ids)."""
NO_TIMESTAMP: Final = -1

TRADE: Final = np.dtype(
    [
        ("offset", "i8"),
        ("timestamp_ms", "i8"),
        ("event_time_us", "i8"),
        ("price_hi", "i8"),
        ("price_lo", "u8"),
        ("size_hi", "i8"),
        ("size_lo", "u8"),
        ("bid_hi", "i8"),
        ("bid_lo", "u8"),
        ("ask_hi", "i8"),
        ("ask_lo", "u8"),
        ("trade_id_upper", "i8"),
        ("trade_id_number", "i8"),
        ("index", "u4"),
        ("symbol_at", "u4"),
        ("trade_id_at", "u4"),
        ("exchange_at", "u4"),
        ("symbol_len", "u2"),
        ("trade_id_len", "u2"),
        ("exchange_len", "u2"),
        ("side", "u1"),
        ("has_bid", "u1"),
        ("has_ask", "u1"),
        ("reason", "u1"),
        ("outcome", "u1"),
        ("side_word", "u1"),
        ("rounded", "u1"),
        ("_pad", "u1"),
        ("_rest", "u2"),
    ]
)
"""One trade. Text fields are ``[at, at + len)`` of TradeBatch.text. ``reason`` is a schemas.rejects.Reason (0 = good);
An id that is a whole number is ``trade_id_upper * 10**18 + trade_id_number``, else the number is NO_ID.
``outcome`` is filled by core: APPLIED, DUPLICATE or LATE. ``index``: its place among the trades
of one record. ``side_word``: the decoder's number of a word of a side that nobody knows, 0 for none; ``rounded``: 1
where a price or size lost decimal places."""

PLACE: Final = np.dtype([("offset", "i8"), ("timestamp_ms", "i8")])
"""One record of a partition, named so that the one at its offset in a topic created anew is another."""

BAR: Final = np.dtype(
    [
        ("start_us", "i8"),
        ("from_us", "i8"),
        ("open_hi", "i8"),
        ("open_lo", "u8"),
        ("high_hi", "i8"),
        ("high_lo", "u8"),
        ("low_hi", "i8"),
        ("low_lo", "u8"),
        ("close_hi", "i8"),
        ("close_lo", "u8"),
        ("volume_hi", "i8"),
        ("volume_lo", "u8"),
        ("buy_volume_hi", "i8"),
        ("buy_volume_lo", "u8"),
        ("vwap_hi", "i8"),
        ("vwap_lo", "u8"),
        ("stddev_hi", "i8"),
        ("stddev_lo", "u8"),
        ("quote_volume", "u8", (4,)),
        ("trade_count", "i8"),
        ("version", "i8"),
        ("revision", "i4"),
        ("symbol", "i4"),
        ("interval", "u1"),
        ("final", "u1"),
        ("has_vwap", "u1"),
        ("_pad", "u1", (5,)),
    ]
)
"""One bar. ``symbol`` indexes BarBatch.symbols, ``interval`` schemas.intervals.INTERVALS. quote_volume is at scale 20,
every other decimal at scale 10. ``version`` is the sequence of the last trade applied. ``has_vwap`` 0: no volume.
``from_us``: since when trades decide it, its start or the time of the close before it that it opened at."""

TICKER_STATE: Final[tuple[tuple[str, str], ...]] = (
    ("sequence", "i8"),
    ("event_time_us", "i8"),
    ("timestamp_ms", "i8"),
    ("first_seen_us", "i8"),
    ("price_hi", "i8"),
    ("price_lo", "u8"),
    ("bid_hi", "i8"),
    ("bid_lo", "u8"),
    ("ask_hi", "i8"),
    ("ask_lo", "u8"),
    ("open_hi", "i8"),
    ("open_lo", "u8"),
    ("high_hi", "i8"),
    ("high_lo", "u8"),
    ("low_hi", "i8"),
    ("low_lo", "u8"),
    ("volume_hi", "i8"),
    ("volume_lo", "u8"),
    ("previous_close_hi", "i8"),
    ("previous_close_lo", "u8"),
)
"""The first columns of a ticker, and of what a shard keeps for it (core.bars.shard_kernel.SYMBOL_STATE)."""
TICKER: Final = np.dtype(
    [
        *TICKER_STATE,
        ("symbol", "i4"),
        ("exchange", "i4"),
        ("has_bid", "u1"),
        ("has_ask", "u1"),
        ("has_previous_close", "u1"),
        ("_pad", "u1", (5,)),
    ]
)
"""One symbol's ticker: the last price by (event_time, trade id, offset), the current UTC day's open, high, low and
volume, the previous traded day's close. ``symbol`` and ``exchange`` index TickerBatch.symbols and .exchanges.
``timestamp_ms`` is the Kafka timestamp of the record with that ``sequence`` (latency is measured from it)."""


class Keys(Protocol):
    """Record keys, read one by one for the few records that are refused, or all of them in order."""

    def __getitem__(self, index: int) -> bytes | None: ...

    def __iter__(self) -> Iterator[bytes | None]: ...


@dataclass(slots=True)
class RawBatch:
    """Undecoded records of one partition, in offset order.

    data: the values joined; record i is ``data[ends[i-1]:ends[i]]``. ends, offsets, timestamps_ms: int64[n].
    nulls: positions of records whose value is null (tombstones), empty in data. trace: where traces are on.
    """

    topic: str
    partition: int
    data: bytes
    ends: Longs
    offsets: Longs
    timestamps_ms: Longs
    keys: Keys
    nulls: Sequence[int] = ()
    trace: BatchTrace | None = None

    def __len__(self) -> int:
        return len(self.ends)

    def value(self, index: int) -> bytes:
        start = int(self.ends[index - 1]) if index else 0
        return self.data[start : int(self.ends[index])]


@dataclass(slots=True)
class TradeBatch:
    """Decoded trades of one partition, in offset order, and what was refused.

    rows: TRADE[n], only good ones after validation. text: the bytes that text fields point into.
    read: records read, so that read == len(rows) + len(rejects). next_offset: one past the last offset read.
    caught_up: nothing was left to read in the partition when the batch was cut.
    unknown_sides: words of sides that nobody knows, with how many of the trades have them. rounded: trades with a
    number that was rounded.
    """

    topic: str
    partition: int
    rows: TradeRows
    text: bytes
    read: int
    next_offset: int
    caught_up: bool = False
    rejects: list[Reject] = field(default_factory=list)
    unknown_sides: dict[str, int] = field(default_factory=dict)
    rounded: int = 0
    trace: BatchTrace | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(slots=True)
class BarBatch:
    """BAR rows and the symbols that they index. ``partition``: whose trades made them; -1 where it doesn't matter.

    traceparents: of the batches that closed them, as far as those are recorded.
    """

    symbols: Sequence[str]
    rows: BarRows
    partition: int = -1
    traceparents: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(slots=True)
class TickerBatch:
    """TICKER rows, the symbols and exchanges that they index."""

    symbols: Sequence[str]
    exchanges: Sequence[str]
    rows: TickerRows

    def __len__(self) -> int:
        return len(self.rows)
