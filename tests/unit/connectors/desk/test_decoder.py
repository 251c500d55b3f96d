"""A desk's values: JSON and framed Avro give the same row, and each way to be unusable has its reason."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from connectors.desk.decoder import DeskDecoder
from kernels.decimal_text import from_pair
from schemas.avro import ROUTING_SCHEMA_ID, load_schema
from schemas.rejects import Reason
from tests.unit.connectors.batches import TIMESTAMP_MS, avro_value, framed, raw_batch

GOOD: dict[str, Any] = {
    "symbol": "EUR/USD", "side": "BUY", "volume": "1.5", "routingDecision": "ABOOK", "lpSelected": "OANDA",
    "executionTimeMs": "12.3456", "spread": "0.8", "slippage": "-0.1", "eventTime": str(TIMESTAMP_MS - 5),
}  # fmt: skip
TEXTS = ("symbol", "side", "routingDecision", "lpSelected")


def decoder(**options: Any) -> DeskDecoder:
    return DeskDecoder("routing", **{"future_us": 60_000_000, "value_bytes_max": 1000, **options})


def as_json(**changes: str | None) -> bytes:
    """GOOD with ``changes``: None leaves a field out, other texts stand as they are where a number is meant."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    pairs = (
        f'"{name}":{msgspec.json.encode(value).decode() if name in TEXTS and value != "null" else value}'
        for name, value in fields.items()
    )
    return f"{{{','.join(pairs)}}}".encode()


def test_json_and_avro_give_the_same_row() -> None:
    record = {
        **GOOD, **{name: Decimal(GOOD[name]) for name in ("volume", "executionTimeMs", "spread", "slippage")},
        "eventTime": datetime.fromtimestamp((TIMESTAMP_MS - 5) / 1000, UTC),
    }  # fmt: skip
    avro = framed(ROUTING_SCHEMA_ID, avro_value(load_schema("RoutingDecision"), record))
    batch = decoder().decode(raw_batch([as_json(), avro]))
    assert (batch.rejects, batch.read, batch.next_offset, batch.partition) == ([], 2, 102, 3)
    for row in batch.rows:
        assert [batch.words[row[name]] for name in ("symbol", "lp", "decision")] == ["EUR/USD", "OANDA", "ABOOK"]
        assert from_pair(int(row["volume_hi"]), int(row["volume_lo"])) == 15 * 10**9
        assert (row["execution_us"], row["spread"], row["slippage"], row["side"]) == (12_346, 8 * 10**9, -(10**9), 0)
        assert (row["event_time_us"], row["timestamp_ms"]) == ((TIMESTAMP_MS - 5) * 1000, TIMESTAMP_MS)
    assert batch.rows["offset"].tolist() == [100, 101]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, Reason.EMPTY_VALUE),
        (b"", Reason.EMPTY_VALUE),
        (b"x" * 1001, Reason.TOO_LARGE),
        (b"nonsense", Reason.CORRUPT),
        (b'{"symbol":"\xff"}', Reason.CORRUPT),
        (b"[1]", Reason.BAD_VALUE),
        (as_json(symbol=None), Reason.MISSING_FIELD),
        (as_json(volume='"x"'), Reason.BAD_VALUE),
        (as_json(volume="-1"), Reason.SIZE_NEGATIVE),
        (as_json(volume='"NaN"'), Reason.BAD_VALUE),
        (as_json(volume="1e18"), Reason.OUT_OF_RANGE),
        (as_json(spread="1e400"), Reason.OUT_OF_RANGE),
        (as_json(spread="900000000"), Reason.OUT_OF_RANGE),
        (as_json(slippage="0.00000000001"), Reason.OUT_OF_RANGE),
        (as_json(executionTimeMs="-1"), Reason.OUT_OF_RANGE),
        (as_json(symbol="a|b"), Reason.BAD_SYMBOL),
        (as_json(lpSelected=" x"), Reason.BAD_VALUE),
        (as_json(routingDecision=""), Reason.BAD_VALUE),
        (as_json(side="LONG"), Reason.BAD_VALUE),
        (as_json(eventTime="-1"), Reason.BEFORE_1970),
        (as_json(eventTime=str(TIMESTAMP_MS + 60_001)), Reason.FUTURE_TIME),
        (as_json(eventTime='"yesterday"'), Reason.BAD_VALUE),
        (as_json(eventTime='"2026-01-01T00:00:00"'), Reason.BAD_VALUE),
        (as_json(eventTime="true"), Reason.BAD_VALUE),
        (b"\0\0", Reason.BAD_FRAME),
        (framed(99, b""), Reason.UNKNOWN_SCHEMA),
        (framed(ROUTING_SCHEMA_ID, b"\x02"), Reason.CORRUPT),
    ],
)
def test_what_cant_be_used_is_refused_with_its_bytes(value: bytes | None, reason: Reason) -> None:
    batch = decoder().decode(raw_batch([as_json(), value]))
    (reject,) = batch.rejects
    assert (reject.reason, reject.value, reject.offset, reject.key) == (reason, value, 101, b"key-1")
    assert reject.detail
    assert len(batch) == 1


def test_what_may_be_missing_or_null() -> None:
    value = as_json(side=None, lpSelected="null", eventTime="null")
    batch = decoder().decode(raw_batch([value, as_json(side="sell", eventTime='"2026-01-01T00:00:00.000001+00:00"')]))
    assert batch.rejects == []
    assert batch.rows["side"].tolist() == [2, 1]
    assert batch.words[batch.rows["lp"][0]] == ""
    assert batch.rows["event_time_us"].tolist() == [TIMESTAMP_MS * 1000, 1_767_225_600_000_001]


def test_a_record_that_was_put_back_counts_where_it_stands_now() -> None:
    batch = decoder().decode(raw_batch([as_json(), as_json()]), {(100, TIMESTAMP_MS)})
    assert [reject.reason for reject in batch.rejects] == [Reason.REQUEUED]
    assert batch.rows["offset"].tolist() == [101]
