"""Encodes quotes as Avro values of the shipped Quote schema, a batch at a time, in a compiled kernel.

``produce`` and the benches use it; decoding by any Avro library gives the quotes back. The field order is written into
the kernel, and a test compares it with the schema.
"""

from typing import Final

import numpy as np

from connectors.avro.encode import put_decimal, put_frame, put_long, put_text, split_values
from kernels.kernel import leaf_kernel
from schemas.avro import QUOTE_SCHEMA_ID
from schemas.columns import Bytes, Longs
from schemas.quotes import QuoteBatch, QuoteRows

__all__ = ["encode_quotes"]

_NUMBERS_BYTES_MAX: Final = 4 * (1 + 17)  # length, 128 bits and a sign
_REST_BYTES_MAX: Final = 5 + 2 * 3 + 10  # frame, two text lengths, time


def encode_quotes(batch: QuoteBatch, schema_id: int | None = QUOTE_SCHEMA_ID) -> list[bytes]:
    """The values one by one; schema_id None: no framing."""
    rows = batch.rows
    lengths = rows["symbol_len"].astype(np.int64) + rows["exchange_len"]
    out = np.empty(int(lengths.sum()) + len(rows) * (_NUMBERS_BYTES_MAX + _REST_BYTES_MAX), np.uint8)
    ends = np.empty(len(rows), np.int64)
    used = _encode(rows, np.frombuffer(batch.text, np.uint8), -1 if schema_id is None else schema_id, out, ends)
    return split_values(out[:used].tobytes(), ends)


@leaf_kernel
def _encode(rows: QuoteRows, text: Bytes, schema_id: int, out: Bytes, ends: Longs) -> int:
    """Writes every row into ``out``; returns the bytes used."""
    at = 0
    for index in range(len(rows)):
        row = rows[index]
        at = put_frame(out, at, schema_id)
        at = put_text(out, at, text, row["symbol_at"], row["symbol_len"])
        at = put_decimal(out, at, row["bid_hi"], row["bid_lo"])
        at = put_decimal(out, at, row["ask_hi"], row["ask_lo"])
        at = put_decimal(out, at, row["bid_size_hi"], row["bid_size_lo"])
        at = put_decimal(out, at, row["ask_size_hi"], row["ask_size_lo"])
        at = put_long(out, at, row["event_time_us"])
        at = put_text(out, at, text, row["exchange_at"], row["exchange_len"])
        ends[index] = at
    return at
