"""Splitting: every record once, good ones without a copy, bad ones with origin, bytes and words."""

import numpy as np
import pytest

from connectors.values.rejecting import reject_bad
from kernels.decimal_text import to_pair
from kernels.symbols import SYMBOL_RULE
from schemas.columns import TRADE, TradeRows
from schemas.rejects import Reason, Reject
from tests.unit.connectors.batches import TIMESTAMP_MS, raw_batch


def rows_of(count: int) -> TradeRows:
    rows: TradeRows = np.zeros(count, TRADE)
    rows["offset"], rows["timestamp_ms"] = np.arange(100, 100 + count), TIMESTAMP_MS
    return rows


def test_nothing_refused_is_nothing_copied() -> None:
    raw, rows = raw_batch([b"a", b"b"]), rows_of(2)
    batch = reject_bad(raw, rows, raw.data, lambda *_: "never asked")
    assert batch.rows is rows
    assert batch.text is raw.data
    assert (batch.rejects, batch.read, batch.next_offset) == ([], 2, 102)


def test_a_refused_record_keeps_its_origin() -> None:
    raw, rows = raw_batch([b"a", b"bc", None]), rows_of(3)
    rows["reason"] = [0, Reason.CORRUPT, Reason.EMPTY_VALUE]
    batch = reject_bad(raw, rows, raw.data, lambda _, index, row, text: f"record {index}: {row['offset']} of {text!r}")
    assert batch.rows["offset"].tolist() == [100]
    assert batch.rejects == [
        Reject(Reason.CORRUPT, "record 1: 101 of b'abc'", "trades", 3, 101, TIMESTAMP_MS, b"key-1", b"bc"),
        Reject(Reason.EMPTY_VALUE, "the value is null", "trades", 3, 102, TIMESTAMP_MS, b"key-2", None),
    ]
    assert batch.read == 3


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.BAD_SYMBOL, r"symbol 'a b\\xff' isn't " + SYMBOL_RULE),
        (Reason.PRICE_NOT_POSITIVE, "price is -1.5"),
        (Reason.SIZE_NEGATIVE, "size is -0.0000000001"),
        (Reason.BEFORE_1970, "event time is 1800000000005000 us, before 1970"),
        (Reason.FUTURE_TIME, "event time is 5 ms ahead of the record's timestamp"),
        (Reason.BAD_VALUE, "the decoder's words"),
    ],
)
def test_rules_of_values_are_put_into_words_here(reason: Reason, words: str) -> None:
    raw, rows = raw_batch([b"a b\xff"]), rows_of(1)
    rows["symbol_len"], rows["reason"], rows["event_time_us"] = 4, reason, TIMESTAMP_MS * 1000 + 5000
    rows["price_hi"], rows["price_lo"] = to_pair(-15 * 10**9)
    rows["size_hi"], rows["size_lo"] = to_pair(-1)
    batch = reject_bad(raw, rows, raw.data, lambda *_: "the decoder's words")
    assert batch.rejects[0].detail == words
