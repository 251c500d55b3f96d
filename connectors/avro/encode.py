"""Encodes trades as Avro values of the shipped Trade schema, a batch at a time, in a compiled kernel.

``produce``, the demo and the benches use it; decoding by any Avro library gives the trades back. The bytes are those
that fastavro writes, behind Confluent framing unless asked otherwise. The field order is written into the kernel, and a
test compares it with the schema.
"""

from typing import Final

import numpy as np

from kernels.kernel import leaf_kernel
from kernels.wide import negate128
from schemas.avro import TRADE_SCHEMA_ID
from schemas.columns import Bytes, Longs, TradeRows, Whole

__all__ = ["encode_trades", "put_decimal", "put_frame", "put_long", "put_text", "split_values"]

U = np.uint64
_NUMBERS_BYTES_MAX: Final = 4 * (1 + 1 + 17)  # union branch, length, 128 bits and a sign
_REST_BYTES_MAX: Final = 5 + 3 * 3 + 1 + 10  # frame, three text lengths, side, time


def encode_trades(rows: TradeRows, text: bytes, schema_id: int | None = TRADE_SCHEMA_ID) -> tuple[bytes, Longs]:
    """(values joined, ends int64[n]) of TRADE rows; value i is ``data[ends[i-1]:ends[i]]``. schema_id None: no framing.

    text: what the rows' text fields point into.
    """
    lengths = rows["symbol_len"].astype(np.int64) + rows["trade_id_len"] + rows["exchange_len"]
    out = np.empty(int(lengths.sum()) + len(rows) * (_NUMBERS_BYTES_MAX + _REST_BYTES_MAX), np.uint8)
    ends = np.empty(len(rows), np.int64)
    used = _encode_records(rows, np.frombuffer(text, np.uint8), -1 if schema_id is None else schema_id, out, ends)
    return out[:used].tobytes(), ends


def split_values(data: bytes, ends: Longs) -> list[bytes]:
    """The values one by one, as a producer takes them."""
    bounds = ends.tolist()
    return [data[start:end] for start, end in zip([0, *bounds], bounds, strict=False)]


@leaf_kernel
def put_long(out: Bytes, at: int, value: Whole) -> int:
    zigzag = U(np.int64((value << 1) ^ (value >> 63)))
    while zigzag >= U(0x80):
        out[at] = np.uint8((zigzag & U(0x7F)) | U(0x80))
        zigzag >>= U(7)
        at += 1
    out[at] = np.uint8(zigzag)
    return at + 1


@leaf_kernel
def put_text(out: Bytes, at: int, text: Bytes, start: int, length: int) -> int:
    at = put_long(out, at, length)
    for index in range(length):
        out[at + index] = text[start + index]
    return at + length


@leaf_kernel
def put_decimal(out: Bytes, at: int, hi: int, lo: np.uint64) -> int:
    """Big-endian two's complement in (bits of the magnitude + 8) // 8 bytes, as fastavro has it."""
    magnitude_hi, magnitude_lo = U(hi), lo
    if hi < 0:
        magnitude_hi, magnitude_lo = negate128(magnitude_hi, magnitude_lo)
    bits = 0
    rest = magnitude_hi if magnitude_hi != U(0) else magnitude_lo
    while rest >= U(256):
        rest >>= U(8)
        bits += 8
    while rest != U(0):
        rest >>= U(1)
        bits += 1
    if magnitude_hi != U(0):
        bits += 64
    length = (bits + 8) >> 3
    at = put_long(out, at, length)
    for place in range(length - 1, -1, -1):
        if place >= 16:
            out[at] = np.uint8(0xFF if hi < 0 else 0)
        elif place >= 8:
            out[at] = np.uint8((U(hi) >> U(8 * (place - 8))) & U(0xFF))
        else:
            out[at] = np.uint8((lo >> U(8 * place)) & U(0xFF))
        at += 1
    return at


@leaf_kernel
def put_frame(out: Bytes, at: int, schema_id: int) -> int:
    """Confluent's frame; nothing for an id below 0."""
    if schema_id < 0:
        return at
    out[at] = 0
    for place in range(4):
        out[at + 1 + place] = np.uint8((schema_id >> (24 - 8 * place)) & 0xFF)
    return at + 5


@leaf_kernel
def _put_optional(out: Bytes, at: int, present: int, hi: int, lo: np.uint64) -> int:
    if present == 0:
        out[at] = 0
        return at + 1
    out[at] = 2
    return put_decimal(out, at + 1, hi, lo)


@leaf_kernel
def _encode_records(rows: TradeRows, text: Bytes, schema_id: int, out: Bytes, ends: Longs) -> int:
    """Writes every row into ``out``; returns the bytes used."""
    at = 0
    for index in range(len(rows)):
        row = rows[index]
        at = put_frame(out, at, schema_id)
        at = put_text(out, at, text, row["symbol_at"], row["symbol_len"])
        at = put_decimal(out, at, row["price_hi"], row["price_lo"])
        at = put_decimal(out, at, row["size_hi"], row["size_lo"])
        at = put_long(out, at, np.int64(row["side"]))
        at = put_text(out, at, text, row["trade_id_at"], row["trade_id_len"])
        at = put_long(out, at, row["event_time_us"])
        at = put_text(out, at, text, row["exchange_at"], row["exchange_len"])
        at = _put_optional(out, at, row["has_bid"], row["bid_hi"], row["bid_lo"])
        at = _put_optional(out, at, row["has_ask"], row["ask_hi"], row["ask_lo"])
        ends[index] = at
    return at
