"""Turns TRADE and BAR rows into the column bytes of ClickHouse's Native format.

For sinks.clickhouse.sink, which hands the bytes to the driver's connection. The bytes are exactly those of the types
named here (``TRADE_COLUMNS``, ``BAR_COLUMNS``), which migrations create and the sink checks on the server before
writing. Rows never become Python objects: a compiled kernel copies each trade once, straight into its columns, and
builds the dictionaries of the LowCardinality columns on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.kernel import leaf_kernel
from kernels.names import Names, count_of, new_names, number_of
from schemas.columns import BarBatch, BarRows, Bytes, Ints, Longs, TradeBatch, TradeRows, Words
from schemas.contract import first_sequence
from schemas.intervals import INTERVALS

__all__ = ["BAR_COLUMNS", "TRADE_COLUMNS", "Block", "bar_block", "low_cardinality", "trade_block", "varint"]

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

_U0: Final = np.uint64(0)
_LENGTH_BYTES_MAX: Final = 3
"""Bytes of a varint of up to 65,535."""


@dataclass(frozen=True, slots=True)
class Block:
    """``data[i]`` are the Native bytes of ``columns[i]`` (name, type), ``rows`` values each."""

    rows: int
    columns: Sequence[tuple[str, str]]
    data: Sequence[bytes]


class _ChosenTrades(NamedTuple):
    """Rows at ``positions``, and what their texts point into."""

    rows: TradeRows
    positions: Longs
    text: Bytes


class _TradeColumns(NamedTuple):
    """Columns of a block, as ClickHouse has them: decimals are [n, 2] halves, the low one first; ``no_`` 1 for NULL.

    ids: String values, one after the other. symbols, exchanges: the dictionaries of the LowCardinality columns.
    """

    event_time_us: Longs
    offset: Longs
    kafka_time_ms: Longs
    price: Words
    size: Words
    bid: Words
    ask: Words
    no_bid: Bytes
    no_ask: Bytes
    side: Bytes
    ids: Bytes
    symbol: Ints
    symbols: Names
    exchange: Ints
    exchanges: Names


def _new_columns(rows: int, id_bytes: int, symbol_bytes: int, exchange_bytes: int) -> _TradeColumns:
    event_time_us, offset, kafka_time_ms = np.empty((3, rows), np.int64)
    price, size, bid, ask = np.empty((4, rows, 2), np.uint64)
    no_bid, no_ask, side = np.empty((3, rows), np.uint8)
    ids = np.empty(id_bytes + _LENGTH_BYTES_MAX * rows, np.uint8)
    symbol, exchange = np.empty((2, rows), np.int32)
    symbols, exchanges = new_names(rows, symbol_bytes), new_names(rows, exchange_bytes)
    return _TradeColumns(
        event_time_us, offset, kafka_time_ms, price, size, bid, ask, no_bid, no_ask, side,
        ids, symbol, symbols, exchange, exchanges,
    )  # fmt: skip


@leaf_kernel
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


@leaf_kernel
def _put_pair(column: Words, at: int, hi: int, lo: np.uint64) -> None:
    column[at, 0] = lo
    column[at, 1] = np.uint64(hi)


@leaf_kernel
def _split_trades(trades: _ChosenTrades, columns: _TradeColumns, first: int, ids_end: int) -> int:
    """Copy the chosen rows into columns from position ``first`` on; returns the new end of ids."""
    text = trades.text
    for index in range(len(trades.positions)):
        row = trades.rows[trades.positions[index]]
        to = first + index
        columns.event_time_us[to] = row.event_time_us
        columns.offset[to] = row.offset
        columns.kafka_time_ms[to] = max(row.timestamp_ms, 0)
        _put_pair(columns.price, to, row.price_hi, row.price_lo)
        _put_pair(columns.size, to, row.size_hi, row.size_lo)
        _put_pair(columns.bid, to, row.bid_hi if row.has_bid else 0, row.bid_lo if row.has_bid else _U0)
        _put_pair(columns.ask, to, row.ask_hi if row.has_ask else 0, row.ask_lo if row.has_ask else _U0)
        columns.no_bid[to] = 0 if row.has_bid else 1
        columns.no_ask[to] = 0 if row.has_ask else 1
        columns.side[to] = row.side
        ids_end = _put_string(columns.ids, ids_end, text, row.trade_id_at, row.trade_id_len)
        columns.symbol[to] = number_of(columns.symbols, text, row.symbol_at, row.symbol_len)
        columns.exchange[to] = number_of(columns.exchanges, text, row.exchange_at, row.exchange_len)
    return ids_end


def trade_block(parts: Sequence[tuple[TradeBatch, Longs]], source_epoch: int) -> Block:
    """One block of the ``chosen`` rows (indices int64) of each batch; ``source_epoch`` is that of schemas.contract."""
    total = sum(len(chosen) for _, chosen in parts)
    room = [_text_bytes(batch, chosen) for batch, chosen in parts]
    ids, symbols, exchanges = (sum(sizes) for sizes in zip((0, 0, 0), *room, strict=True))
    columns = _new_columns(total, ids, symbols, exchanges)
    partitions = np.empty(total, np.uint32)
    indexes = np.empty(total, np.uint32)
    first = ids_end = 0
    for batch, chosen in parts:
        trades = _ChosenTrades(batch.rows, chosen, np.frombuffer(batch.text, np.uint8))
        ids_end = _split_trades(trades, columns, first, ids_end)
        partitions[first : first + len(chosen)] = batch.partition
        indexes[first : first + len(chosen)] = batch.rows["index"][chosen]
        first += len(chosen)
    data = (
        low_cardinality(_words(columns.symbols), columns.symbol),
        columns.event_time_us.tobytes(),
        columns.price.tobytes(),
        columns.size.tobytes(),
        columns.side.tobytes(),
        columns.ids[:ids_end].tobytes(),
        low_cardinality(_words(columns.exchanges), columns.exchange),
        columns.no_bid.tobytes() + columns.bid.tobytes(),
        columns.no_ask.tobytes() + columns.ask.tobytes(),
        (columns.offset + first_sequence(source_epoch)).tobytes(),
        partitions.tobytes(),
        columns.offset.tobytes(),
        indexes.tobytes(),
        columns.kafka_time_ms.tobytes(),
    )
    return Block(total, TRADE_COLUMNS, data)


def _words(names: Names) -> list[bytes]:
    ends = names.ends[: count_of(names) + 1].tolist()
    text = names.text[: ends[-1]].tobytes()
    return [text[start:end] for start, end in pairwise(ends)]


def bar_block(batches: Sequence[BarBatch]) -> Block:
    """One block of all rows of the batches."""
    rows = np.concatenate([batch.rows for batch in batches])
    words: dict[str, int] = {}
    keys = np.concatenate([_symbol_keys(batch, words) for batch in batches])
    data = (
        low_cardinality([word.encode() for word in words], keys),
        low_cardinality([interval.name.encode() for interval in INTERVALS], rows["interval"]),
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


def _symbol_keys(batch: BarBatch, words: dict[str, int]) -> Longs:
    used, positions = np.unique(batch.rows["symbol"], return_inverse=True)
    numbers = [words.setdefault(batch.symbols[at], len(words)) for at in used.tolist()]
    keys: Longs = np.array(numbers, np.int64)[positions]
    return keys


def _decimal(rows: BarRows, name: str) -> bytes:
    """Decimal(38, 10): the 128-bit integer, little-endian, so the low limb first."""
    pair = np.empty((len(rows), 2), np.uint64)
    pair[:, 0] = rows[name + "_lo"]
    pair[:, 1] = rows[name + "_hi"].view(np.uint64)
    return pair.tobytes()


def low_cardinality(words: Sequence[bytes], keys: npt.NDArray[Any]) -> bytes:
    """LowCardinality(String): version, key width, the words, then the keys; nothing at all for no rows."""
    if not len(keys):
        return b""
    width, dtype = next(
        (code, np.dtype(kind)) for code, kind in enumerate(("u1", "u2", "u4")) if len(words) <= 1 << (8 << code)
    )
    additional_keys = 1 << 9
    head = np.array([1, additional_keys | width, len(words)], np.uint64).tobytes()
    texts = b"".join(varint(len(word)) + word for word in words)
    return head + texts + np.uint64(len(keys)).tobytes() + keys.astype(dtype).tobytes()


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)
