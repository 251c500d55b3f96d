"""Frames the JSON messages of tickers and bars, with their keys and guards, as one msgpack array per kind.

From sinks.redis.state (rows whose symbol is a number of its tables) to the script in sinks.redis.scripts, as bytes. The
layouts stand at ``pack_bars`` and ``pack_tickers``, and the script reads just these. Kernels write msgpack themselves,
because handing thousands of separate arguments to the Redis client costs more than computing all the bars.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from kernels.kernel import leaf_kernel
from schemas.columns import BarRows, Bytes, Mask, TickerRows, Whole
from schemas.names import RedisKeys
from sinks.redis.json import (
    Text,
    Texts,
    lost_a_value,
    put_bar,
    put_delta,
    put_interval,
    put_snapshot,
    put_span,
    put_text,
    text_of,
)

__all__ = ["KeyParts", "TextTable", "pack_bars", "pack_tickers"]

_BAR_FIELDS: Final = 3
"""Beside its keys."""
_TICKER_FIELDS: Final = 9
_MESSAGE_BYTES: Final = 1000
"""Most that a bar, or a snapshot without its exchange, takes beside its symbol: 11 numbers of 41 digits, one of 79,
names, keys."""
_SYMBOLS_IN_MESSAGE: Final = 3
"""How often a bar or a ticker's message may name its symbol: two keys and the message."""

_BYTE: Final = np.uint64(255)
_U8: Final = np.uint64(8)


class TextTable:
    """Short texts by number, as the kernels read them: one arena and the bounds of each text in it."""

    def __init__(self) -> None:
        self.arena = np.empty(4096, np.uint8)
        self.bounds = np.zeros((256, 2), np.int64)
        self._count = 0
        self._used = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: bytes) -> int:
        """Append ``text``; returns its number."""
        number, at, end = self._count, self._used, self._used + len(text)
        if end > len(self.arena):
            self.arena = np.concatenate([self.arena, np.empty(max(len(self.arena), len(text)), np.uint8)])
        if number == len(self.bounds):
            self.bounds = np.concatenate([self.bounds, np.zeros_like(self.bounds)])
        self.arena[at:end] = np.frombuffer(text, np.uint8)
        self.bounds[number] = at, end
        self._count, self._used = number + 1, end
        return number

    @property
    def texts(self) -> Texts:
        """For kernels, until the next one is added."""
        return Texts(self.arena, self.bounds)

    def text(self, number: int) -> bytes:
        start, end = self.bounds[number]
        return self.arena[start:end].tobytes()


class Around(NamedTuple):
    """What stands before and after a symbol in a Redis key; an interval's name may follow."""

    before: Bytes
    after: Bytes


@dataclass(frozen=True)
class KeyParts:
    """Redis keys of symbols, taken apart from schemas.names.RedisKeys."""

    price: Around
    symbol: Around
    candle: Around
    candles: Around

    @classmethod
    def of(cls, keys: RedisKeys) -> "KeyParts":
        def parts(key: str) -> Around:
            before, after = key.split("\0")
            return Around(_bytes(before.encode()), _bytes(after.encode()))

        # The interval's name ends a candle's key; the kernel adds it.
        return cls(
            parts(keys.price("\0")),
            parts(keys.symbol("\0")),
            parts(keys.candle("\0", "")),
            parts(keys.candles("\0", "")),
        )


class _Changes(NamedTuple):
    """Tickers of a shard, and the rows published before, valid where ``known``."""

    rows: TickerRows
    old: TickerRows
    known: Mask


class _TickerTexts(NamedTuple):
    """Symbols and exchanges by the numbers that rows have; exchanges as JSON strings, and as they are."""

    symbols: Texts
    quoted: Texts
    raw: Texts


def _bytes(text: bytes) -> Bytes:
    return np.frombuffer(text, np.uint8).copy()


@leaf_kernel
def _pack_int(buffer: Bytes, at: int, value: Whole) -> int:
    """msgpack int64."""
    buffer[at] = np.uint8(0xD3)
    bits = np.uint64(np.int64(value))
    for index in range(8):
        buffer[at + 8 - index] = np.uint8(bits & _BYTE)
        bits >>= _U8
    return at + 9


@leaf_kernel
def _close_text(buffer: Bytes, head: int, end: int) -> int:
    """Fill in the msgpack str32 head at ``head`` of a text that was written at ``head + 5``."""
    buffer[head] = np.uint8(0xDB)
    size = end - head - 5
    buffer[head + 1] = np.uint8((size >> 24) & 255)
    buffer[head + 2] = np.uint8((size >> 16) & 255)
    buffer[head + 3] = np.uint8((size >> 8) & 255)
    buffer[head + 4] = np.uint8(size & 255)
    return end


@leaf_kernel
def _pack_count(buffer: Bytes, count: int) -> int:
    """msgpack array32 head of ``count`` elements."""
    at = _close_text(buffer, 0, 5 + count)
    buffer[0] = np.uint8(0xDD)
    return at - count


@leaf_kernel
def _pack_key(buffer: Bytes, at: int, key: Around, symbol: Text, interval: int) -> int:
    """A Redis key; ``interval`` below 0 for none."""
    end = put_span(buffer, put_text(buffer, at + 5, key.before), symbol)
    end = put_text(buffer, end, key.after)
    if interval >= 0:
        end = put_interval(buffer, end, interval)
    return _close_text(buffer, at, end)


@leaf_kernel
def _pack_bars(buffer: Bytes, rows: BarRows, symbols: Texts, keys: tuple[Around, ...], shard: int) -> int:
    at = _pack_count(buffer, len(rows) * (_BAR_FIELDS + len(keys)))
    for index in range(len(rows)):
        row = rows[index]
        symbol = text_of(symbols, row.symbol)
        for key in keys:
            at = _pack_key(buffer, at, key, symbol, row.interval)
        at = _pack_int(buffer, at, row.start_us // 1000)
        at = _pack_int(buffer, at, row.version)
        at = _close_text(buffer, at, put_bar(buffer, at + 5, row, symbol, shard))
    return at


@leaf_kernel
def _pack_tickers(
    buffer: Bytes, changes: _Changes, texts: _TickerTexts, price_key: Around, symbol_key: Around, shard: int
) -> int:
    at = _pack_count(buffer, len(changes.rows) * _TICKER_FIELDS)
    for index in range(len(changes.rows)):
        row, old = changes.rows[index], changes.old[index]
        symbol, exchange = text_of(texts.symbols, row.symbol), text_of(texts.quoted, row.exchange)
        at = _pack_key(buffer, at, price_key, symbol, -1)
        at = _pack_key(buffer, at, symbol_key, symbol, -1)
        at = _pack_int(buffer, at, row.sequence)
        delta = changes.known[index] and not lost_a_value(row, old)
        at = _pack_int(buffer, at, old.sequence if delta else -1)
        at = _close_text(buffer, at, put_snapshot(buffer, at + 5, row, symbol, exchange, shard))
        last = at + 5
        if delta:
            last = put_delta(buffer, last, row, old, symbol, exchange)
        at = _close_text(buffer, at, last)
        at = _close_text(buffer, at, put_span(buffer, at + 5, text_of(texts.raw, row.exchange)))
        at = _pack_int(buffer, at, row.first_seen_us // 1000)
        at = _pack_int(buffer, at, row.event_time_us // 1000)
    return at


def _message_bytes(rows: BarRows | TickerRows, symbols: TextTable) -> int:
    """Most that one message of ``rows`` takes, apart from exchanges."""
    bounds = symbols.bounds[rows["symbol"]]
    return _MESSAGE_BYTES + _SYMBOLS_IN_MESSAGE * int((bounds[:, 1] - bounds[:, 0]).max(initial=0))


def pack_bars(rows: BarRows, symbols: TextTable, keys: KeyParts, *, final: bool, shard: int = 0) -> bytes:
    """BAR[n] (``symbol`` is a number of ``symbols``) of a shard as a msgpack array.

    A live bar is 4 elements: candle key, start ms, sequence, JSON. A final bar is 5:
    candles key, candle key, then the same.
    """
    buffer = np.empty(len(rows) * _message_bytes(rows, symbols) + 256, np.uint8)
    used = _pack_bars(buffer, rows, symbols.texts, (keys.candles, keys.candle) if final else (keys.candle,), shard)
    return buffer[:used].tobytes()


def pack_tickers(
    rows: TickerRows,
    old: TickerRows,
    known: Mask,
    symbols: TextTable,
    exchanges: tuple[TextTable, TextTable],
    keys: KeyParts,
    *,
    shard: int = 0,
) -> bytes:
    """TICKER[n] of a shard, the rows published before (TICKER[n], valid where bool[n] ``known``), as a msgpack array.

    Nine elements each: price key, symbol key, sequence, sequence that the delta applies to (-1: no delta), snapshot,
    delta, exchange, first seen ms, last seen ms. ``exchanges``: as JSON strings, quotes included, and as they are.
    """
    quoted, raw = exchanges
    texts = quoted.bounds[rows["exchange"]]
    longest = 3 * int((texts[:, 1] - texts[:, 0]).sum())
    buffer = np.empty(len(rows) * 2 * _message_bytes(rows, symbols) + longest + 256, np.uint8)
    changes, by_number = _Changes(rows, old, known), _TickerTexts(symbols.texts, quoted.texts, raw.texts)
    used = _pack_tickers(buffer, changes, by_number, keys.price, keys.symbol, shard)
    return buffer[:used].tobytes()
