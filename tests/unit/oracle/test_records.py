"""Records to trades in plain Python: every rule of values, every encoding, one record each."""

import io
import json
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from oracle.records import OracleReader
from oracle.truth import OracleReject, OracleTrade
from schemas.avro import TRADE_SCHEMA_ID, WriterSchema, load_schema
from schemas.rejects import Reason
from schemas.trade_words import TradeWords

D = Decimal
GOOD: dict[str, Any] = {
    "symbol": "BTC/USDT",
    "price": D("100.5000000000"),
    "size": D("2.0000000000"),
    "side": "BUY",
    "trade_id": "7",
    "event_time": 1_700_000_000_000_000,
    "exchange": "KRAKEN",
    "bid": None,
    "ask": D("101.0000000000"),
}
NOW_MS = 1_700_000_000_000


def avro(record: dict[str, Any], schema: Any = None) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema or load_schema("Trade")), record)
    return out.getvalue()


def framed(body: bytes, schema_id: int = TRADE_SCHEMA_ID) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big") + body


def plain(**more: Any) -> bytes:
    fields = {"symbol": "A", "price": 1, "size": 1, "event_time": NOW_MS, **more}
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


def from_json(value: bytes, timestamp_ms: int = -1) -> OracleTrade | OracleReject:
    return OracleReader(value_format="json").read(0, 0, timestamp_ms, value)


def from_avro(value: bytes) -> OracleTrade | OracleReject:
    """One unframed value, written with the shipped schema."""
    return OracleReader(value_format="avro", schema_of=lambda _: WriterSchema(load_schema("Trade"))).read(
        0, 0, -1, value
    )


def reason(item: OracleTrade | OracleReject) -> Reason:
    return item.reason if isinstance(item, OracleReject) else Reason.NONE


def test_the_shipped_schema_gives_every_field() -> None:
    trade = OracleReader().read(3, 9, NOW_MS, framed(avro(GOOD)))
    assert trade == OracleTrade(
        3, 9, NOW_MS, 1_700_000_000_000_000, "BTC/USDT", D("100.5"), D(2), "BUY", "7", "KRAKEN", None, D(101)
    )


def test_json_gives_the_same_trade() -> None:
    value = json.dumps({**GOOD, "price": 100.5, "size": "2", "ask": 101, "event_time": "2023-11-14T22:13:20Z"}).encode()
    assert from_json(value) == from_avro(avro(GOOD))


def test_a_record_that_was_put_back_counts_where_its_copy_stands() -> None:
    reader = OracleReader(requeued={(3, 9, NOW_MS)})
    value = framed(avro(GOOD))
    assert reader.read(3, 9, NOW_MS, value) == OracleReject(3, 9, Reason.REQUEUED)
    assert reader.read(3, 9, NOW_MS, None) == OracleReject(3, 9, Reason.REQUEUED)
    others = [reader.read(3, 10, NOW_MS, value), reader.read(2, 9, NOW_MS, value), reader.read(3, 9, NOW_MS + 1, value)]
    assert all(isinstance(each, OracleTrade) for each in others)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"symbol": ""}, Reason.BAD_SYMBOL),
        ({"symbol": "A" * 65}, Reason.BAD_SYMBOL),
        ({"symbol": "A,B"}, Reason.BAD_SYMBOL),
        ({"symbol": " A"}, Reason.BAD_SYMBOL),
        ({"symbol": "A B"}, Reason.NONE),
        ({"symbol": "币安人生USDT"}, Reason.NONE),
        ({"symbol": "A\n"}, Reason.BAD_SYMBOL),
        ({"price": 0}, Reason.PRICE_NOT_POSITIVE),
        ({"price": -1}, Reason.PRICE_NOT_POSITIVE),
        ({"size": -1}, Reason.SIZE_NEGATIVE),
        ({"size": 0}, Reason.NONE),
        ({"price": "1000000000000000000"}, Reason.OUT_OF_RANGE),
        ({"price": "999999999999999999.9999999999"}, Reason.NONE),
        ({"price": "0.00000000001"}, Reason.OUT_OF_RANGE),
        ({"price": "1.00000000000000"}, Reason.NONE),
        ({"price": "1e999999999999"}, Reason.OUT_OF_RANGE),
        ({"size": "1e-999999"}, Reason.OUT_OF_RANGE),
        ({"bid": "1e18"}, Reason.OUT_OF_RANGE),
        ({"bid": -5}, Reason.NONE),
        ({"price": "NaN"}, Reason.BAD_VALUE),
        ({"price": "1_000"}, Reason.BAD_VALUE),
        ({"price": "abc"}, Reason.BAD_VALUE),
        ({"price": True}, Reason.BAD_VALUE),
        ({"price": float("inf")}, Reason.BAD_VALUE),
        ({"price": ...}, Reason.MISSING_FIELD),
        ({"event_time": None}, Reason.MISSING_FIELD),
        ({"event_time": -1}, Reason.BEFORE_1970),
        ({"event_time": 10**11}, Reason.UNCLEAR_TIME),  # the least that counts as milliseconds
        ({"event_time": NOW_MS + 60_000}, Reason.NONE),
        ({"event_time": NOW_MS + 60_001}, Reason.FUTURE_TIME),
        ({"event_time": "1e999999"}, Reason.OUT_OF_RANGE),
        ({"event_time": "2023-13-14T22:13:20Z"}, Reason.BAD_VALUE),
        ({"trade_id": "x" * 65_535}, Reason.NONE),
        ({"trade_id": "x" * 65_536}, Reason.TOO_LARGE),
        ({"exchange": "x" * 1_000_000}, Reason.TOO_LARGE),
    ],
)
def test_each_rule_of_values_has_its_reason(change: dict[str, Any], expected: Reason) -> None:
    assert reason(from_json(plain(**change), timestamp_ms=NOW_MS)) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Reason.EMPTY_VALUE),
        (b"", Reason.EMPTY_VALUE),
        (b"\0\0\0", Reason.BAD_FRAME),
        (b"\1" + framed(b"")[1:], Reason.BAD_FRAME),
        (framed(avro(GOOD), 999), Reason.UNKNOWN_SCHEMA),
        (framed(avro(GOOD)[:-1]), Reason.CORRUPT),
        (framed(avro(GOOD) + b"\0"), Reason.CORRUPT),
        (framed(b""), Reason.CORRUPT),
    ],
)
def test_each_broken_frame_has_its_reason(value: bytes | None, expected: Reason) -> None:
    assert reason(OracleReader().read(0, 0, -1, value)) is expected


def test_without_a_kafka_timestamp_no_time_is_in_the_future() -> None:
    assert reason(from_json(plain(event_time=NOW_MS * 2))) is Reason.NONE


@pytest.mark.parametrize(
    ("time", "unit", "expected_us"),
    [
        (5, "s", 5_000_000),
        (5, "ms", 5_000),
        (5_999, "ns", 5),
        (1_700_000_000, "auto", 1_700_000_000_000_000),
        (1_700_000_000_123, "auto", 1_700_000_000_123_000),
        (1_700_000_000_123_456, "auto", 1_700_000_000_123_456),
        (1_700_000_000_123_456_789, "auto", 1_700_000_000_123_456),
        ("1700000000.25", "auto", 1_700_000_000_250_000),
        ("2023-11-14T23:13:20.5+01:00", "auto", 1_700_000_000_500_000),
        ("2023-11-14 22:13:20", "auto", 1_700_000_000_000_000),
    ],
)
def test_units_of_time(time: Any, unit: str, expected_us: int) -> None:
    trade = OracleReader(value_format="json", time_unit=unit).read(0, 0, -1, plain(event_time=time))
    assert isinstance(trade, OracleTrade)
    assert trade.event_time_us == expected_us


def test_other_names_and_types_are_mapped() -> None:
    schema = {
        "type": "record",
        "name": "Tick",
        "fields": [
            {"name": "sym", "type": ["null", "string"]},
            {"name": "data", "type": {"type": "record", "name": "Data", "fields": [
                {"name": "p", "type": "double"},
                {"name": "q", "type": "float"},
                {"name": "id", "type": "long"},
            ]}},
            {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        ],
    }  # fmt: skip
    record = {"sym": "A", "data": {"p": 0.1, "q": 0.1, "id": 12}, "ts": 1_000}
    field_map = {"symbol": "sym", "price": "data.p", "size": "data.q", "trade_id": "data.id", "event_time": "ts"}
    reader = OracleReader(value_format="avro", schema_of=lambda _: WriterSchema(schema), field_map=field_map)
    trade = reader.read(0, 0, -1, avro(record, schema))
    assert trade == OracleTrade(0, 0, -1, 1_000_000, "A", D("0.1"), D("0.1"), "UNKNOWN", "12")


def test_sides_of_a_venue_that_names_the_maker_are_turned() -> None:
    def read(words: TradeWords, **more: Any) -> tuple[str, Decimal]:
        trade = OracleReader(value_format="json", words=words).read(0, 0, -1, plain(**more))
        assert isinstance(trade, OracleTrade)
        return trade.side, trade.size

    maker = TradeWords(side_of="maker")
    assert [read(maker, side=word)[0] for word in ("BUY", "sell", "?")] == ["SELL", "BUY", "UNKNOWN"]
    for words, sides in (
        (TradeWords(signed_size=True), ["BUY", "SELL"]),
        (TradeWords(signed_size=True, side_of="maker"), ["SELL", "BUY"]),
    ):
        assert [read(words, size=size) for size in (2, -2)] == [(side, 2) for side in sides]


def test_years_go_up_to_2299() -> None:
    last_us = 10_413_792_000_000_000 - 1
    assert reason(from_json(plain(event_time=last_us))) is Reason.NONE
    assert reason(from_json(plain(event_time=last_us + 1))) is Reason.OUT_OF_RANGE


def test_an_id_is_a_number_only_where_nothing_but_zeros_is_behind_its_point() -> None:
    found = [from_json(plain(trade_id=text)) for text in ("7", "7.0", "7.", " 7\t", "7.5", "7.05", "x")]
    assert [trade.id_number for trade in found if isinstance(trade, OracleTrade)] == [7, 7, 7, 7, None, None, None]
