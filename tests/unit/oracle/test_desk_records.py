"""The oracle's reader of a desk by hand: what it takes from each kind, and what it refuses."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from oracle.desk import OracleDecision
from oracle.desk_exposure import OracleState
from oracle.desk_lp import OracleLpRecord
from oracle.desk_records import DeskReader
from schemas.avro import LP_SCHEMA_ID, WriterSchema, load_schema
from tests.unit.connectors.batches import TIMESTAMP_MS, avro_value, framed

TIME_US = (TIMESTAMP_MS - 5) * 1000
DECISION: dict[str, Any] = {
    "symbol": "EUR/USD", "side": "sell", "volume": 1.5, "routingDecision": "ABOOK", "lpSelected": "OANDA",
    "executionTimeMs": 12.0005, "spread": "0.8", "slippage": -0.1, "eventTime": TIMESTAMP_MS - 5,
}  # fmt: skip
FIGURES: dict[str, Any] = {
    "lpName": "OANDA", "status": "connected", "avgSpread": 0.9, "executionQuality": 1, "latencyMs": 14.2,
    "quotesPerSecond": 120, "rejectRate": 0.01, "uptime": 99.9,
}  # fmt: skip


def read(kind: str, value: bytes | dict[str, Any] | None, stamp_ms: int = TIMESTAMP_MS, **options: Any) -> Any:
    data = json.dumps(value).encode() if isinstance(value, dict) else value
    return DeskReader(kind, **options).read(3, 7, stamp_ms, data)


def test_each_kind_of_record() -> None:
    assert read("routing", DECISION) == OracleDecision(
        3, 7, TIMESTAMP_MS, TIME_US, "EUR/USD", "SELL", Decimal("1.5"), "ABOOK", "OANDA", 12_000, Decimal("0.8"),
        Decimal("-0.1"),
    )  # fmt: skip
    own_time = OracleLpRecord(
        3, 7, TIMESTAMP_MS, TIMESTAMP_MS * 1000, "OANDA", "connected", Decimal("0.9"), Decimal(1), 14_200,
        Decimal(120), Decimal("0.01"), Decimal("99.9"),
    )  # fmt: skip
    assert read("lp", FIGURES) == own_time
    state = {"symbol": "EUR/USD", "exposure": "-5", "exposureLimit": 10, "book": None}
    assert read("exposure", state) == OracleState(
        3, 7, TIMESTAMP_MS, TIMESTAMP_MS * 1000, "EUR/USD", "", "", Decimal(-5), Decimal(10)
    )
    assert read("exposure", {"symbol": "A", "exposure": 0}).limit is None


def test_a_frame_of_avro() -> None:
    names = ("avgSpread", "executionQuality", "latencyMs", "quotesPerSecond", "rejectRate", "uptime")
    numbers = {name: Decimal(str(FIGURES[name])) for name in names}
    record = {**FIGURES, **numbers, "eventTime": datetime.fromtimestamp((TIMESTAMP_MS - 5) / 1000, UTC)}
    value = framed(LP_SCHEMA_ID, avro_value(load_schema("LpMetrics"), record))
    found = read("lp", value)
    assert (found.event_time_us, found.spread, found.latency_us) == (TIME_US, Decimal("0.9"), 14_200)
    assert read("lp", value[:-1]) is None
    assert read("lp", value[:4]) is None
    assert read("lp", value, schema_of=lambda _id: None) is None
    assert read("lp", framed(1, b"\x02"), schema_of=lambda _id: WriterSchema("long")) is None
    for unit, time_us in (("timestamp-millis", 4000), ("timestamp-nanos", 0), ("date", None)):
        fields = [
            *load_schema("LpMetrics")["fields"][:-1],
            {"name": "eventTime", "type": {"type": "long", "logicalType": unit}},
        ]
        writer = WriterSchema({**load_schema("LpMetrics"), "fields": fields})
        timed = framed(1, avro_value(load_schema("LpMetrics"), record | {"eventTime": None})[:-1] + b"\x08")
        found = read("lp", timed, schema_of=lambda _id, writer=writer: writer)
        assert (found and found.event_time_us) == time_us


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("routing", {"volume": -1}), ("routing", {"volume": 1e18}), ("routing", {"volume": True}),
        ("routing", {"volume": "x"}), ("routing", {"volume": "NaN"}), ("routing", {"volume": "1e99"}),
        ("routing", {"spread": "0.00000000001"}), ("routing", {"spread": 900_000_000}), ("routing", {"side": "LONG"}),
        ("routing", {"side": 1}), ("routing", {"symbol": " A"}), ("routing", {"executionTimeMs": -1}),
        ("routing", {"routingDecision": ""}), ("routing", {"eventTime": -1}), ("routing", {"eventTime": "yesterday"}),
        ("routing", {"eventTime": "2026-01-01T00:00:00"}), ("routing", {"eventTime": TIMESTAMP_MS + 60_001}),
        ("routing", {"eventTime": True}), ("lp", {"quotesPerSecond": -1}), ("lp", {"uptime": 100.1}),
        ("lp", {"status": None}), ("exposure", {"exposureLimit": -1}),
    ],
)  # fmt: skip
def test_what_cant_be_used_is_none(kind: str, change: dict[str, Any]) -> None:
    good = {"routing": DECISION, "lp": FIGURES, "exposure": {"symbol": "A", "exposure": 1}}[kind]
    assert read(kind, good) is not None
    assert read(kind, good | change) is None


def test_values_that_are_no_record() -> None:
    for value in (None, b"", b"[1]", b"nonsense", b'{"symbol":NaN}', b"\xff"):
        assert read("routing", value) is None
    assert read("routing", DECISION, value_bytes_max=20) is None
    assert read("routing", DECISION, requeued={(3, 7, TIMESTAMP_MS)}) is None
    assert read("lp", FIGURES, stamp_ms=-1) is None
    moment = "2026-01-01T02:00:00.000001+02:00"
    assert read("routing", DECISION | {"eventTime": moment}, stamp_ms=-1).event_time_us == 1_767_225_600_000_001
