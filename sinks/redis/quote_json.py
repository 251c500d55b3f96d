"""Writes QUOTE_STATE rows as the JSON messages of quotes, in a compiled kernel.

Used by sinks.redis.quotes, which frames them. Every number is the exact decimal in plain notation; times are
milliseconds. The mid price is half the sum of bid and ask, rounded half-even at the tenth decimal place. A crossed
quote, whose bid is above its ask, has neither mid nor spread: both are null.
"""

from typing import Final

import numpy as np

from kernels.decimal_text import put_i128, put_int
from kernels.kernel import leaf_kernel
from kernels.wide import Pair, increment128, subtract128
from schemas.columns import Bytes, Longs, Whole
from schemas.quotes import QuoteRow, QuoteRows
from sinks.redis.json import Texts, put_span, put_text, text_of

__all__ = ["quote_messages"]

_MESSAGE_BYTES: Final = 600
"""Most that a message takes beside its symbol and exchange: 6 numbers of 41 digits, names, times."""
_ONE: Final = np.uint64(1)
_SHIFT63: Final = np.uint64(63)
_BRACE: Final = np.uint8(ord("}"))


def _bytes(text: bytes) -> Bytes:
    return np.frombuffer(text, np.uint8).copy()


_HEAD: Final = _bytes(b'{"type":"quote","symbol":"')
_BID: Final = _bytes(b'","bid":')
_ASK: Final = _bytes(b',"ask":')
_BID_SIZE: Final = _bytes(b',"bidSize":')
_ASK_SIZE: Final = _bytes(b',"askSize":')
_MID: Final = _bytes(b',"mid":')
_SPREAD: Final = _bytes(b',"spread":')
_NEITHER: Final = _bytes(b',"mid":null,"spread":null')
_TIMESTAMP: Final = _bytes(b',"quoteTimestamp":')
_SEQUENCE: Final = _bytes(b',"quoteSequence":')
_EXCHANGE: Final = _bytes(b',"exchange":')


@leaf_kernel
def middle(a_hi: np.uint64, a_lo: np.uint64, b_hi: np.uint64, b_lo: np.uint64) -> Pair:
    """Half of a + b, to the even one of two; both are below 2**94."""
    lo = a_lo + b_lo
    hi = a_hi + b_hi + (_ONE if lo < a_lo else np.uint64(0))
    is_tie = lo & _ONE
    lo = (hi << _SHIFT63) | (lo >> _ONE)
    hi >>= _ONE
    if is_tie and lo & _ONE:
        return increment128(hi, lo)
    return hi, lo


@leaf_kernel
def _put_number(buffer: Bytes, at: int, key: Bytes, hi: Whole, lo: np.uint64) -> int:
    return put_i128(buffer, put_text(buffer, at, key), hi, lo)


@leaf_kernel
def _put_quote(buffer: Bytes, at: int, row: QuoteRow) -> int:
    at = _put_number(buffer, at, _BID, row.bid_hi, row.bid_lo)
    at = _put_number(buffer, at, _ASK, row.ask_hi, row.ask_lo)
    at = _put_number(buffer, at, _BID_SIZE, row.bid_size_hi, row.bid_size_lo)
    at = _put_number(buffer, at, _ASK_SIZE, row.ask_size_hi, row.ask_size_lo)
    if row.crossed:
        at = put_text(buffer, at, _NEITHER)
    else:
        bid_hi, ask_hi = np.uint64(row.bid_hi), np.uint64(row.ask_hi)
        hi, lo = middle(bid_hi, row.bid_lo, ask_hi, row.ask_lo)
        at = _put_number(buffer, at, _MID, np.int64(hi), lo)
        hi, lo = subtract128(ask_hi, row.ask_lo, bid_hi, row.bid_lo)
        at = _put_number(buffer, at, _SPREAD, np.int64(hi), lo)
    at = put_int(buffer, put_text(buffer, at, _TIMESTAMP), row.event_time_us // 1000)
    return put_int(buffer, put_text(buffer, at, _SEQUENCE), row.sequence)


@leaf_kernel
def _put_messages(rows: QuoteRows, symbols: Texts, exchanges: Texts, buffer: Bytes, ends: Longs) -> None:
    at = 0
    for index in range(len(rows)):
        row = rows[index]
        at = put_span(buffer, put_text(buffer, at, _HEAD), text_of(symbols, row.symbol))
        at = _put_quote(buffer, at, row)
        at = put_span(buffer, put_text(buffer, at, _EXCHANGE), text_of(exchanges, row.exchange))
        buffer[at] = _BRACE
        at += 1
        ends[index] = at


def quote_messages(rows: QuoteRows, symbols: Texts, exchanges: Texts) -> list[bytes]:
    """One JSON message for each row. ``symbols`` and ``exchanges`` by the rows' numbers; exchanges as JSON strings."""
    texts = sum(
        int((bounds[:, 1] - bounds[:, 0]).sum())
        for bounds in (symbols.bounds[rows["symbol"]], exchanges.bounds[rows["exchange"]])
    )
    buffer, ends = np.empty(len(rows) * _MESSAGE_BYTES + texts, np.uint8), np.empty(len(rows), np.int64)
    _put_messages(rows, symbols, exchanges, buffer, ends)
    data, bounds = buffer[: int(ends.max(initial=0))].tobytes(), ends.tolist()
    return [data[start:end] for start, end in zip([0, *bounds], bounds, strict=False)]
