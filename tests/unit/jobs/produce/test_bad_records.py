"""Every bad record is refused for the reason that it says, by the same decoder as in the flows."""

from itertools import islice

import numpy as np
import pytest

from connectors.avro.decoder import AvroDecoder
from connectors.avro.encode import encode_trades, split_values
from core.bars.validation import validate
from jobs.produce.bad_records import BadRecord, bad_records
from schemas.columns import RawBatch, TradeBatch

NOW_US = 1_760_000_000_000_000
KINDS = 9


def encode(batch: TradeBatch) -> list[bytes]:
    return split_values(*encode_trades(batch.rows, batch.text))


@pytest.mark.parametrize(
    "bad", list(islice(bad_records(encode, lambda: NOW_US), KINDS)), ids=lambda bad: bad.reason.label
)
def test_reason_is_the_one_that_flows_give(bad: BadRecord) -> None:
    raw = RawBatch("t", 0, bad.value, np.array([len(bad.value)]), np.array([5]), np.array([NOW_US // 1000]), [b"k"])
    decoder = AvroDecoder()
    rows, text = decoder.decode_rows(raw)
    validate(rows, text, 60_000_000)
    found = decoder.finish(raw, rows, text)
    assert [reject.reason for reject in found.rejects] == [bad.reason]
    assert found.rejects[0].value == bad.value


def test_reasons_take_turns() -> None:
    reasons = [bad.reason for bad in islice(bad_records(encode, lambda: NOW_US), 2 * KINDS)]
    assert len(set(reasons)) == KINDS
    assert reasons[:KINDS] == reasons[KINDS:]
