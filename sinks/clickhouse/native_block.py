"""Turns TRADE and BAR rows into the column bytes of ClickHouse's Native format.

For sinks.clickhouse.sink, which hands the bytes to the driver's connection. The bytes are exactly those of the types
named here (``TRADE_COLUMNS``, ``BAR_COLUMNS``), which migrations create and the sink checks on the server before
writing. Rows never become Python objects: a compiled kernel copies each trade once, straight into its columns, and
builds the dictionaries of the LowCardinality columns on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kernels.kernel import kernel
from schemas.columns import BarBatch, BarRows, Bytes, Longs, Rows, TradeBatch, TradeRows
from schemas.contract import first_sequence
from schemas.intervals import INTERVALS

__all__ = ["BAR_COLUMNS", "TRADE_COLUMNS", "Block", "bar_block", "trade_block"]

_DECIMAL: Final = "Decimal(38, 10)"
_TIME: Final = "DateTime64(6, 'UTC')"
_LOW: Final = "LowCardinality(String)"

TRADE_COLUMNS: Final = (
    ("symbol", _LOW),
    ("event_time", _TIME),
    ("price", _DECIMAL),
    ("size", _DECIMAL),
    ("side", "Enum8('BUY' = 0, 'SELL' = 1, 'UNKNOWN' = 2)"),
    ("trade_id", "String"),
    ("exchange", _LOW),
    ("bid", f"Nullable({_DECIMAL})"),
    ("ask", f"Nullable({_DECIMAL})"),
    ("sequence", "UInt64"),
    ("kafka_partition", "UInt32"),
    ("kafka_offset", "UInt64"),
    ("kafka_index", "UInt32"),
    ("kafka_time", "DateTime64(3, 'UTC')"),
)
BAR_COLUMNS: Final = (
    ("symbol", _LOW),
    ("interval", _LOW),
    ("start", _TIME),
    ("open", _DECIMAL),
    ("high", _DECIMAL),
    ("low", _DECIMAL),
    ("close", _DECIMAL),
    ("volume", _DECIMAL),
    ("buy_volume", _DECIMAL),
    ("quote_volume", "Decimal(76, 20)"),
    ("vwap", f"Nullable({_DECIMAL})"),
    ("stddev", _DECIMAL),
    ("trade_count", "UInt64"),
    ("revision", "UInt32"),
    ("version", "UInt64"),
    ("kafka_partition", "Int32"),
)

_U1: Final = np.uint64(1)
_FNV_START: Final = np.uint64(0xCBF29CE484222325)
_FNV_PRIME: Final = np.uint64(0x100000001B3)
_U32: Final = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Block:
    """``data[i]`` are the Native bytes of ``columns[i]`` (name, type), ``rows`` values each."""

    rows: int
    columns: Sequence[tuple[str, str]]
    data: Sequence[bytes]


class _Words:
    """The dictionary of one LowCardinality column: a hash table that can hold as many words as there are rows."""

    def __init__(self, rows: int, text_bytes: int) -> None:
        self.keys = np.empty(rows, np.uint32)
        self.slots = np.zeros(1 << max(4, (2 * rows - 1).bit_length()), np.uint32)
        self.ends = np.zeros(rows + 1, np.int64)
        self.arena = np.empty(text_bytes, np.uint8)
        self.count = 0

    def native(self, rows: int) -> bytes:
        ends = self.ends[: self.count + 1].tolist()
        arena = self.arena[: ends[-1]].tobytes()
        words = [arena[start:end] for start, end in pairwise(ends)]
        return _low_cardinality(words, self.keys[:rows])


@kernel
def _word(text: Bytes, at: int, size: int, slots: Rows, ends: Longs, arena: Bytes, count: int) -> int:
    """Number of the word ``text[at:at+size]``; it is new (and was added) when the result equals ``count``."""
    state = _FNV_START
    for index in range(at, at + size):
        state = (state ^ np.uint64(text[index])) * _FNV_PRIME
    mask = np.uint64(len(slots) - 1)
    slot = (state ^ (state >> _U32)) & mask
    while True:
        number = np.int64(slots[slot]) - 1
        if number < 0:
            start = ends[count]
            for index in range(size):
                arena[start + index] = text[at + index]
            ends[count + 1] = start + size
            slots[slot] = np.uint32(count + 1)
            return count
        start = ends[number]
        if ends[number + 1] - start == size:
            same = True
            for index in range(size):
                if arena[start + index] != text[at + index]:
                    same = False
                    break
            if same:
                return int(number)
        slot = (slot + _U1) & mask


@kernel
def _put_string(buffer: Bytes, at: int, text: Bytes, start: int, size: int) -> int:
    """A String value: its length as varint, then its bytes."""
    rest = size
    while rest > 127:
        buffer[at] = np.uint8(rest & 127 | 128)
        rest >>= 7
        at += 1
    buffer[at] = np.uint8(rest)
    at += 1
    for index in range(size):
        buffer[at + index] = text[start + index]
    return at + size


@kernel
def _split_trades(
    rows: TradeRows,
    chosen: Longs,
    text: Bytes,
    first: int,
    long_columns: Longs,
    decimals: Rows,
    bytes_columns: Bytes,
    ids: Bytes,
    ids_at: int,
    symbol_keys: Rows,
    symbol_slots: Rows,
    symbol_ends: Longs,
    symbol_arena: Bytes,
    symbols: int,
    exchange_keys: Rows,
    exchange_slots: Rows,
    exchange_ends: Longs,
    exchange_arena: Bytes,
    exchanges: int,
) -> tuple[int, int, int]:
    """Copy the chosen rows into columns from position ``first`` on; returns (end of ids, symbols, exchanges)."""
    for index in range(len(chosen)):
        row = rows[chosen[index]]
        to = first + index
        long_columns[0, to] = row.event_time_us
        long_columns[1, to] = row.offset
        long_columns[2, to] = max(row.timestamp_ms, 0)
        decimals[0, to, 0] = row.price_lo
        decimals[0, to, 1] = np.uint64(row.price_hi)
        decimals[1, to, 0] = row.size_lo
        decimals[1, to, 1] = np.uint64(row.size_hi)
        decimals[2, to, 0] = row.bid_lo if row.has_bid else np.uint64(0)
        decimals[2, to, 1] = np.uint64(row.bid_hi) if row.has_bid else np.uint64(0)
        decimals[3, to, 0] = row.ask_lo if row.has_ask else np.uint64(0)
        decimals[3, to, 1] = np.uint64(row.ask_hi) if row.has_ask else np.uint64(0)
        bytes_columns[0, to] = row.side
        bytes_columns[1, to] = 0 if row.has_bid else 1
        bytes_columns[2, to] = 0 if row.has_ask else 1
        ids_at = _put_string(ids, ids_at, text, row.trade_id_at, row.trade_id_len)
        number = _word(text, row.symbol_at, row.symbol_len, symbol_slots, symbol_ends, symbol_arena, symbols)
        symbols += 1 if number == symbols else 0
        symbol_keys[to] = number
        number = _word(
            text, row.exchange_at, row.exchange_len, exchange_slots, exchange_ends, exchange_arena, exchanges
        )
        exchanges += 1 if number == exchanges else 0
        exchange_keys[to] = number
    return ids_at, symbols, exchanges


def trade_block(parts: Sequence[tuple[TradeBatch, Longs]], source_epoch: int) -> Block:
    """One block of the ``chosen`` rows (indices int64) of each batch; ``source_epoch`` is that of schemas.contract."""
    total = sum(len(chosen) for _, chosen in parts)
    room = [_text_bytes(batch, chosen) for batch, chosen in parts]
    longs = np.empty((3, total), np.int64)
    decimals = np.empty((4, total, 2), np.uint64)
    small = np.empty((3, total), np.uint8)
    ids = np.empty(sum(sizes[0] for sizes in room) + 3 * total, np.uint8)
    symbols = _Words(total, sum(sizes[1] for sizes in room))
    exchanges = _Words(total, sum(sizes[2] for sizes in room))
    partitions = np.empty(total, np.uint32)
    indexes = np.empty(total, np.uint32)
    first = ids_end = 0
    for batch, chosen in parts:
        ids_end, symbols.count, exchanges.count = _split_trades(
            batch.rows, chosen, np.frombuffer(batch.text, np.uint8), first, longs, decimals, small, ids, ids_end,
            symbols.keys, symbols.slots, symbols.ends, symbols.arena, symbols.count,
            exchanges.keys, exchanges.slots, exchanges.ends, exchanges.arena, exchanges.count,
        )  # fmt: skip
        partitions[first : first + len(chosen)] = batch.partition
        indexes[first : first + len(chosen)] = batch.rows["index"][chosen]
        first += len(chosen)
    data = (
        symbols.native(total),
        longs[0].tobytes(),
        decimals[0].tobytes(),
        decimals[1].tobytes(),
        small[0].tobytes(),
        ids[:ids_end].tobytes(),
        exchanges.native(total),
        small[1].tobytes() + decimals[2].tobytes(),
        small[2].tobytes() + decimals[3].tobytes(),
        (longs[1] + first_sequence(source_epoch)).tobytes(),
        partitions.tobytes(),
        longs[1].tobytes(),
        indexes.tobytes(),
        longs[2].tobytes(),
    )
    return Block(total, TRADE_COLUMNS, data)


def bar_block(batches: Sequence[BarBatch]) -> Block:
    """One block of all rows of the batches."""
    rows = np.concatenate([batch.rows for batch in batches])
    words: dict[str, int] = {}
    keys = np.concatenate([_symbol_keys(batch, words) for batch in batches])
    data = (
        _low_cardinality([word.encode() for word in words], keys),
        _low_cardinality([interval.name.encode() for interval in INTERVALS], rows["interval"]),
        rows["start_us"].tobytes(),
        *(_decimal(rows, name) for name in ("open", "high", "low", "close", "volume", "buy_volume")),
        rows["quote_volume"].tobytes(),
        (rows["has_vwap"] == 0).tobytes() + _decimal(rows, "vwap"),
        _decimal(rows, "stddev"),
        rows["trade_count"].tobytes(),
        rows["revision"].tobytes(),
        rows["version"].tobytes(),
        np.repeat(np.array([batch.partition for batch in batches], np.int32), list(map(len, batches))).tobytes(),
    )
    return Block(len(rows), BAR_COLUMNS, data)


def _text_bytes(batch: TradeBatch, chosen: Longs) -> tuple[int, int, int]:
    rows = batch.rows
    sizes = [int(rows[name][chosen].sum(dtype=np.int64)) for name in ("trade_id_len", "symbol_len", "exchange_len")]
    return sizes[0], sizes[1], sizes[2]


def _symbol_keys(batch: BarBatch, words: dict[str, int]) -> Rows:
    used, positions = np.unique(batch.rows["symbol"], return_inverse=True)
    numbers = [words.setdefault(batch.symbols[at], len(words)) for at in used.tolist()]
    keys: Rows = np.array(numbers, np.int64)[positions]
    return keys


def _decimal(rows: BarRows, name: str) -> bytes:
    """Decimal(38, 10): the 128-bit integer, little-endian, so the low limb first."""
    pair = np.empty((len(rows), 2), np.uint64)
    pair[:, 0] = rows[name + "_lo"]
    pair[:, 1] = rows[name + "_hi"].view(np.uint64)
    return pair.tobytes()


def _low_cardinality(words: Sequence[bytes], keys: npt.NDArray[Any]) -> bytes:
    """LowCardinality(String): version, key width, the words, then the keys; nothing at all for no rows."""
    if not len(keys):
        return b""
    width, dtype = next(
        (code, np.dtype(kind)) for code, kind in enumerate(("u1", "u2", "u4")) if len(words) <= 1 << (8 << code)
    )
    additional_keys = 1 << 9
    head = np.array([1, additional_keys | width, len(words)], np.uint64).tobytes()
    texts = b"".join(_varint(len(word)) + word for word in words)
    return head + texts + np.uint64(len(keys)).tobytes() + keys.astype(dtype).tobytes()


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
