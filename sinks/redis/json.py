"""Writes TICKER and BAR rows as the JSON messages of streams and keys, in compiled kernels.

Used by sinks.redis.encode, which frames them. Every number is the exact decimal in plain notation; times are
milliseconds. An absent value is null in a snapshot and left out of a delta, and a delta holds changed fields only.
Symbols are written unescaped, because no symbol has a character that JSON would escape. Exchanges come in as finished
JSON strings.
"""

from typing import Final, NamedTuple

import numpy as np

from kernels.change import change, change_percent
from kernels.decimal_text import put_i128, put_int, put_percent, put_u256
from kernels.kernel import leaf_kernel
from schemas.columns import BarRow, Bytes, Longs, TickerRow, Whole
from schemas.intervals import INTERVALS

__all__ = [
    "Text",
    "Texts",
    "lost_a_value",
    "put_bar",
    "put_delta",
    "put_interval",
    "put_snapshot",
    "put_span",
    "put_text",
    "text_of",
]


class Text(NamedTuple):
    """``arena[start:end]``."""

    arena: Bytes
    start: int
    end: int


class Texts(NamedTuple):
    """Texts by number: the ``bounds`` (int64[n, 2]) of each in ``arena``."""

    arena: Bytes
    bounds: Longs


def _bytes(text: bytes) -> Bytes:
    return np.frombuffer(text, np.uint8).copy()


def _interval_names() -> Bytes:
    names = np.zeros((len(INTERVALS), 1 + max(len(interval.name) for interval in INTERVALS)), np.uint8)
    for index, interval in enumerate(INTERVALS):
        encoded = interval.name.encode("ascii")
        names[index, 0] = len(encoded)
        names[index, 1 : 1 + len(encoded)] = np.frombuffer(encoded, np.uint8)
    return names


_INTERVALS: Final = _interval_names()
_NULL: Final = _bytes(b"null")
_TRUE: Final = _bytes(b"true")
_FALSE: Final = _bytes(b"false")
_BAR: Final = _bytes(b'{"type":"bar","symbol":"')
_INTERVAL: Final = _bytes(b'","interval":"')
_TIME: Final = _bytes(b'","time":')
_OPEN: Final = _bytes(b',"open":')
_HIGH: Final = _bytes(b',"high":')
_LOW: Final = _bytes(b',"low":')
_CLOSE: Final = _bytes(b',"close":')
_VOLUME: Final = _bytes(b',"volume":')
_QUOTE_VOLUME: Final = _bytes(b',"quoteVolume":')
_VWAP: Final = _bytes(b',"vwap":')
_TRADE_COUNT: Final = _bytes(b',"tradeCount":')
_BUY_VOLUME: Final = _bytes(b',"buyVolume":')
_STDDEV: Final = _bytes(b',"stddev":')
_FINAL: Final = _bytes(b',"final":')
_REVISION: Final = _bytes(b',"revision":')
_SEQUENCE: Final = _bytes(b',"sequence":')
_SHARD: Final = _bytes(b',"shard":')
_SNAPSHOT: Final = _bytes(b'{"type":"snapshot","symbol":"')
_DELTA: Final = _bytes(b'{"type":"delta","symbol":"')
_QUOTE: Final = _bytes(b'"')
_PRICE: Final = _bytes(b',"price":')
_BID: Final = _bytes(b',"bid":')
_ASK: Final = _bytes(b',"ask":')
_PREVIOUS_CLOSE: Final = _bytes(b',"previousClose":')
_CHANGE: Final = _bytes(b',"change":')
_CHANGE_PERCENT: Final = _bytes(b',"changePercent":')
_TIMESTAMP: Final = _bytes(b',"timestamp":')
_EXCHANGE: Final = _bytes(b',"exchange":')
_PREVIOUS: Final = _bytes(b',"previous":')
_BRACE: Final = np.uint8(ord("}"))

_U0: Final = np.uint64(0)


@leaf_kernel
def text_of(texts: Texts, number: Whole) -> Text:
    """The text of that number."""
    return Text(texts.arena, texts.bounds[number, 0], texts.bounds[number, 1])


@leaf_kernel
def put_text(buffer: Bytes, at: int, text: Bytes) -> int:
    for index in range(len(text)):
        buffer[at + index] = text[index]
    return at + len(text)


@leaf_kernel
def put_span(buffer: Bytes, at: int, text: Text) -> int:
    for index in range(text.start, text.end):
        buffer[at] = text.arena[index]
        at += 1
    return at


@leaf_kernel
def put_interval(buffer: Bytes, at: int, interval: int) -> int:
    for index in range(_INTERVALS[interval, 0]):
        buffer[at] = _INTERVALS[interval, 1 + index]
        at += 1
    return at


@leaf_kernel
def _signed(bits: np.uint64) -> np.int64:
    return np.int64(bits)


@leaf_kernel
def _put_number(buffer: Bytes, at: int, key: Bytes, hi: Whole, lo: np.uint64) -> int:
    return put_i128(buffer, put_text(buffer, at, key), hi, lo)


@leaf_kernel
def _put_optional(buffer: Bytes, at: int, key: Bytes, present: int, hi: Whole, lo: np.uint64) -> int:
    at = put_text(buffer, at, key)
    return put_i128(buffer, at, hi, lo) if present else put_text(buffer, at, _NULL)


@leaf_kernel
def put_bar(buffer: Bytes, at: int, row: BarRow, symbol: Text, shard: int) -> int:
    """JSON of one BAR row. ``shard``: the partition whose trades made it."""
    at = put_span(buffer, put_text(buffer, at, _BAR), symbol)
    at = put_interval(buffer, put_text(buffer, at, _INTERVAL), row.interval)
    at = put_int(buffer, put_text(buffer, at, _TIME), row.start_us // 1000)
    at = _put_number(buffer, at, _OPEN, row.open_hi, row.open_lo)
    at = _put_number(buffer, at, _HIGH, row.high_hi, row.high_lo)
    at = _put_number(buffer, at, _LOW, row.low_hi, row.low_lo)
    at = _put_number(buffer, at, _CLOSE, row.close_hi, row.close_lo)
    at = _put_number(buffer, at, _VOLUME, row.volume_hi, row.volume_lo)
    at = put_u256(buffer, put_text(buffer, at, _QUOTE_VOLUME), row.quote_volume)
    at = _put_optional(buffer, at, _VWAP, row.has_vwap, row.vwap_hi, row.vwap_lo)
    at = put_int(buffer, put_text(buffer, at, _TRADE_COUNT), row.trade_count)
    at = _put_number(buffer, at, _BUY_VOLUME, row.buy_volume_hi, row.buy_volume_lo)
    at = _put_number(buffer, at, _STDDEV, row.stddev_hi, row.stddev_lo)
    at = put_text(buffer, at, _FINAL)
    at = put_text(buffer, at, _TRUE) if row.final else put_text(buffer, at, _FALSE)
    at = put_int(buffer, put_text(buffer, at, _REVISION), row.revision)
    at = put_int(buffer, put_text(buffer, at, _SHARD), shard)
    at = put_int(buffer, put_text(buffer, at, _SEQUENCE), row.version)
    buffer[at] = _BRACE
    return at + 1


@leaf_kernel
def put_snapshot(buffer: Bytes, at: int, row: TickerRow, symbol: Text, exchange: Text, shard: int) -> int:
    """JSON snapshot of one TICKER row; ``exchange`` has its quotes."""
    at = put_span(buffer, put_text(buffer, at, _SNAPSHOT), symbol)
    at = put_text(buffer, at, _QUOTE)
    at = _put_number(buffer, at, _PRICE, row.price_hi, row.price_lo)
    at = _put_optional(buffer, at, _BID, row.has_bid, row.bid_hi, row.bid_lo)
    at = _put_optional(buffer, at, _ASK, row.has_ask, row.ask_hi, row.ask_lo)
    at = _put_number(buffer, at, _VOLUME, row.volume_hi, row.volume_lo)
    at = _put_number(buffer, at, _OPEN, row.open_hi, row.open_lo)
    at = _put_number(buffer, at, _HIGH, row.high_hi, row.high_lo)
    at = _put_number(buffer, at, _LOW, row.low_hi, row.low_lo)
    known = row.has_previous_close
    at = _put_optional(buffer, at, _PREVIOUS_CLOSE, known, row.previous_close_hi, row.previous_close_lo)
    hi, lo, percent_hi, percent_lo = _U0, _U0, _U0, _U0
    if known:
        hi, lo = change(row)
        percent_hi, percent_lo = change_percent(row)
    at = _put_optional(buffer, at, _CHANGE, known, _signed(hi), lo)
    at = put_text(buffer, at, _CHANGE_PERCENT)
    at = put_percent(buffer, at, _signed(percent_hi), percent_lo) if known else put_text(buffer, at, _NULL)
    at = put_int(buffer, put_text(buffer, at, _TIMESTAMP), row.event_time_us // 1000)
    at = put_int(buffer, put_text(buffer, at, _SEQUENCE), row.sequence)
    at = put_int(buffer, put_text(buffer, at, _SHARD), shard)
    at = put_span(buffer, put_text(buffer, at, _EXCHANGE), exchange)
    buffer[at] = _BRACE
    return at + 1


@leaf_kernel
def _put_changed(
    buffer: Bytes, at: int, key: Bytes, was: int, w_hi: Whole, w_lo: np.uint64, hi: Whole, lo: np.uint64
) -> int:
    if was and w_hi == hi and w_lo == lo:
        return at
    return _put_number(buffer, at, key, hi, lo)


@leaf_kernel
def _put_changes(buffer: Bytes, at: int, row: TickerRow, old: TickerRow) -> int:
    """The decimals of ``row`` that differ from ``old``, in the snapshot's order."""
    at = _put_changed(buffer, at, _PRICE, 1, old.price_hi, old.price_lo, row.price_hi, row.price_lo)
    if row.has_bid:
        at = _put_changed(buffer, at, _BID, old.has_bid, old.bid_hi, old.bid_lo, row.bid_hi, row.bid_lo)
    if row.has_ask:
        at = _put_changed(buffer, at, _ASK, old.has_ask, old.ask_hi, old.ask_lo, row.ask_hi, row.ask_lo)
    at = _put_changed(buffer, at, _VOLUME, 1, old.volume_hi, old.volume_lo, row.volume_hi, row.volume_lo)
    at = _put_changed(buffer, at, _OPEN, 1, old.open_hi, old.open_lo, row.open_hi, row.open_lo)
    at = _put_changed(buffer, at, _HIGH, 1, old.high_hi, old.high_lo, row.high_hi, row.high_lo)
    at = _put_changed(buffer, at, _LOW, 1, old.low_hi, old.low_lo, row.low_hi, row.low_lo)
    if not row.has_previous_close:
        return at
    was = old.has_previous_close
    close_hi, close_lo = row.previous_close_hi, row.previous_close_lo
    at = _put_changed(
        buffer, at, _PREVIOUS_CLOSE, was, old.previous_close_hi, old.previous_close_lo, close_hi, close_lo
    )
    hi, lo = change(row)
    old_hi, old_lo = change(old)
    at = _put_changed(buffer, at, _CHANGE, was, _signed(old_hi), old_lo, _signed(hi), lo)
    same_close = was and close_hi == old.previous_close_hi and close_lo == old.previous_close_lo
    if not (same_close and hi == old_hi and lo == old_lo):
        hi, lo = change_percent(row)
        if was:
            old_hi, old_lo = change_percent(old)
        if not (was and hi == old_hi and lo == old_lo):
            at = put_percent(buffer, put_text(buffer, at, _CHANGE_PERCENT), _signed(hi), lo)
    return at


@leaf_kernel
def put_delta(buffer: Bytes, at: int, row: TickerRow, old: TickerRow, symbol: Text, exchange: Text) -> int:
    """JSON delta from ``old`` to ``row`` (TICKER rows of one symbol); ``exchange`` is that of ``row``."""
    at = put_span(buffer, put_text(buffer, at, _DELTA), symbol)
    at = _put_changes(buffer, put_text(buffer, at, _QUOTE), row, old)
    if row.exchange != old.exchange:
        at = put_span(buffer, put_text(buffer, at, _EXCHANGE), exchange)
    at = put_int(buffer, put_text(buffer, at, _TIMESTAMP), row.event_time_us // 1000)
    at = put_int(buffer, put_text(buffer, at, _SEQUENCE), row.sequence)
    at = put_int(buffer, put_text(buffer, at, _PREVIOUS), old.sequence)
    buffer[at] = _BRACE
    return at + 1


@leaf_kernel
def lost_a_value(row: TickerRow, old: TickerRow) -> bool:
    """Whether a value went from present to absent: a delta can't say that, a snapshot can."""
    return bool(
        (old.has_bid and not row.has_bid)
        or (old.has_ask and not row.has_ask)
        or (old.has_previous_close and not row.has_previous_close)
    )
