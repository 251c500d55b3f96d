"""AvroDecoder: framing, mixed schemas, each refusal with its words, and what an outage of the registry means."""

from decimal import Decimal
from typing import Any

import fastavro
import pytest

from connectors.avro.decoder import AvroDecoder
from schemas.avro import TRADE_SCHEMA_ID, WriterSchema, load_schema
from schemas.columns import BUY, NO_ID, SELL, UNKNOWN
from schemas.errors import SettingError, Unreachable
from schemas.rejects import Reason
from tests.unit.connectors.batches import avro_value, framed, raw_batch, reasons_of, record_of, trades_of

TRADE = load_schema("Trade")
GOOD = {
    "symbol": "BTC/USDT",
    "price": Decimal("105433.6"),
    "size": Decimal("0.00027625"),
    "side": "SELL",
    "trade_id": "10218208",
    "event_time": 1_762_795_433_971_744,
    "exchange": "KRAKEN",
    "bid": None,
    "ask": Decimal("105434.0000000001"),
}
SECOND = 1_700_000_000


def good_value(**changes: Any) -> bytes:
    return framed(TRADE_SCHEMA_ID, avro_value(TRADE, GOOD | changes))


def decode_one(schema: Any, record: dict[str, Any], **options: Any):
    usual = {"symbol": "X", "price": 1.5, "size": 2.0, "event_time": SECOND * 1000}
    known = {field["name"] for field in schema["fields"]}
    value = {name: each for name, each in (usual | record).items() if name in known}
    decoder = AvroDecoder("none", schema=WriterSchema(schema), **options)
    return decoder.decode(raw_batch([avro_value(schema, value)]))


def only_trade(schema: Any, record: dict[str, Any], **options: Any) -> dict[str, Any]:
    batch = decode_one(schema, record, **options)
    assert not batch.rejects, batch.rejects
    return trades_of(batch)[0]


def test_a_trade_is_read_whole_and_its_text_is_not_copied() -> None:
    raw = raw_batch([good_value()])
    batch = AvroDecoder().decode(raw)
    assert trades_of(batch) == [
        {
            "symbol": b"BTC/USDT",
            "trade_id": b"10218208",
            "exchange": b"KRAKEN",
            "price": 1054336000000000,
            "size": 2762500,
            "bid": None,
            "ask": 1054340000000001,
            "event_time": 1_762_795_433_971_744,
            "side": SELL,
            "trade_id_number": 10218208,
        }
    ]
    assert batch.text is raw.data
    assert (batch.read, batch.next_offset, batch.topic, batch.partition) == (1, 101, "trades", 3)


def test_each_bad_record_is_refused_alone_with_its_key_value_and_reason() -> None:
    values = [
        good_value(),
        None,
        b"",
        b"{}",
        b"\0\0\0",
        framed(77, b"whatever"),
        good_value()[:-1],
        good_value() + b"!",
        good_value(),
    ]
    raw = raw_batch(values)
    batch = AvroDecoder().decode(raw)
    assert [int(row["offset"]) for row in batch.rows] == [100, 108]
    assert [(reject.reason, reject.detail) for reject in batch.rejects] == [
        (Reason.EMPTY_VALUE, "the value is null"),
        (Reason.EMPTY_VALUE, "the value is empty"),
        (Reason.BAD_FRAME, "2 bytes are too few for Confluent framing"),
        (Reason.BAD_FRAME, "3 bytes are too few for Confluent framing"),
        (Reason.UNKNOWN_SCHEMA, "there is no Avro schema with id 77"),
        (Reason.CORRUPT, "ask (byte 53 of 60) runs past the end of the record"),
        (Reason.CORRUPT, "1 of 62 bytes are left after the last field"),
    ]
    assert [reject.value for reject in batch.rejects] == values[1:-1]
    assert [reject.key for reject in batch.rejects] == [b"key-%d" % index for index in range(1, 8)]
    assert batch.read == len(batch.rows) + len(batch.rejects)


def test_an_empty_batch_is_nothing_read() -> None:
    batch = AvroDecoder().decode(raw_batch([]))
    assert (len(batch), batch.read, batch.next_offset) == (0, 0, -1)


def test_writer_schemas_may_change_in_mid_batch() -> None:
    newer = record_of(venue="string", price="string")
    schemas = {5: WriterSchema(TRADE), 6: WriterSchema(newer)}
    asked: list[int] = []

    def resolver(schema_id: int) -> WriterSchema | None:
        asked.append(schema_id)
        return schemas.get(schema_id)

    decoder = AvroDecoder(resolver=resolver)
    old = framed(5, avro_value(TRADE, GOOD))
    new = framed(6, avro_value(newer, {"symbol": "Y", "price": "7", "size": 1.0, "event_time": SECOND, "venue": "v"}))
    raw = raw_batch([old, new, old, new])
    assert [trade["symbol"] for trade in trades_of(decoder.decode(raw))] == [b"BTC/USDT", b"Y"] * 2
    decoder.decode(raw)
    assert asked == [5, 6]


def test_an_id_that_does_not_exist_is_asked_for_once_a_minute() -> None:
    now = [0.0]
    asked: list[int] = []
    decoder = AvroDecoder(resolver=asked.append, clock=lambda: now[0])
    raw = raw_batch([framed(9, b"x"), framed(9, b"y")])
    for moment in (0.0, 59.0, 60.0):
        now[0] = moment
        assert reasons_of(decoder.decode(raw)) == [Reason.UNKNOWN_SCHEMA] * 2
    assert asked == [9, 9]


def test_an_outage_of_the_registry_refuses_nothing() -> None:
    down = [True]

    def resolver(schema_id: int) -> WriterSchema | None:
        if down[0]:
            raise Unreachable("down")
        return WriterSchema(TRADE)

    decoder, raw = AvroDecoder(resolver=resolver), raw_batch([good_value()])
    with pytest.raises(Unreachable):
        decoder.decode(raw)
    down[0] = False
    assert len(decoder.decode(raw)) == 1


@pytest.mark.parametrize(
    "schema",
    ["nonsense", {"type": "record"}, 5, {"type": "record", "name": "A", "fields": [{"name": "a", "type": "B"}]}],
)
def test_a_schema_that_is_none_counts_as_unknown(schema: Any) -> None:
    batch = AvroDecoder(resolver=lambda _: WriterSchema(schema)).decode(raw_batch([framed(1, b"abc")]))
    assert reasons_of(batch) == [Reason.UNKNOWN_SCHEMA]


def test_a_value_over_the_limit_is_too_large() -> None:
    batch = AvroDecoder(value_bytes_max=20).decode(raw_batch([good_value()]))
    assert reasons_of(batch) == [Reason.TOO_LARGE]
    assert batch.rejects[0].detail == f"{len(good_value())} bytes, more than 20"


@pytest.mark.parametrize("field", ["trade_id", "exchange", "symbol"])
def test_a_text_over_64_kib_is_too_large(field: str) -> None:
    batch = AvroDecoder().decode(raw_batch([good_value(**{field: "x" * 65_536}), good_value(**{field: "x" * 65_535})]))
    assert reasons_of(batch) == [Reason.TOO_LARGE]
    assert batch.rejects[0].detail == f"{field} is a text of more than 65535 bytes"
    assert len(batch) == 1


@pytest.mark.parametrize("missing", ["symbol", "price", "size", "event_time"])
def test_a_schema_without_a_required_field(missing: str) -> None:
    batch = decode_one(record_of(**{missing: None}), {})
    assert [(reject.reason, reject.detail) for reject in batch.rejects] == [
        (Reason.MISSING_FIELD, f"missing: {missing}")
    ]


def test_a_null_price_is_missing_and_a_null_exchange_is_empty() -> None:
    schema = record_of(price=["null", "double"], exchange=["string", "null"])
    batch = decode_one(schema, {"price": None, "exchange": None})
    assert reasons_of(batch) == [Reason.MISSING_FIELD]
    assert only_trade(schema, {"exchange": None})["exchange"] == b""


def test_optional_fields_have_the_defaults_of_the_contract() -> None:
    trade = only_trade(record_of(), {})
    assert (trade["side"], trade["trade_id"], trade["trade_id_number"], trade["exchange"]) == (UNKNOWN, b"", NO_ID, b"")
    assert (trade["bid"], trade["ask"]) == (None, None)


@pytest.mark.parametrize(
    ("symbol", "side"),
    [("BUY", BUY), ("buy", BUY), ("B", BUY), ("Sell", SELL), ("s", SELL), ("UNKNOWN", UNKNOWN), ("CROSS", UNKNOWN)],
)
def test_sides_by_name_whether_enum_or_string(symbol: str, side: int) -> None:
    enum = {"type": "enum", "name": "E", "symbols": ["OTHER", symbol]}
    assert only_trade(record_of(side=enum), {"side": symbol})["side"] == side
    assert only_trade(record_of(side="string"), {"side": symbol})["side"] == side


@pytest.mark.parametrize(
    ("kind", "value", "text", "number"),
    [
        ("long", 548321769, b"548321769", 548321769),
        ("int", -5, b"-5", NO_ID),
        ("long", 10**18, b"1000000000000000000", 10**18),
        ("long", -(2**63), b"-9223372036854775808", NO_ID),
        ("string", "000123", b"000123", 123),
        ("string", "9" * 19, b"9" * 19, 10**19 - 1),
        ("string", " 010.0", b" 010.0", 10),
        ("string", "1" * 60, b"1" * 60, int("1" * 60)),
        ("string", "\u0661\u0662", "\u0661\u0662".encode(), NO_ID),
        ("double", 10.0, b"10", 10),
        ("float", -3.0, b"-3", NO_ID),
        ("double", 2.0**60, b"1152921504606846976", 2**60),
        ({"type": "fixed", "name": "F", "size": 3}, b"a-1", b"a-1", NO_ID),
        ({"type": "enum", "name": "E", "symbols": ["AA", "BBB"]}, "BBB", b"BBB", NO_ID),
    ],
)
def test_trade_ids_of_any_type_become_text(kind: Any, value: Any, text: bytes, number: int) -> None:
    trade = only_trade(record_of(trade_id=["null", kind]), {"trade_id": value})
    assert (trade["trade_id"], trade["trade_id_number"]) == (text, number)


@pytest.mark.parametrize(
    ("kind", "unit", "value", "micros"),
    [
        ({"type": "long", "logicalType": "timestamp-millis"}, "s", 1_700_000_000_123, 1_700_000_000_123_000),
        ({"type": "long", "logicalType": "timestamp-nanos"}, "auto", 1_700_000_000_123_456_999, 1_700_000_000_123_456),
        ("long", "auto", 1_700_000_000, 1_700_000_000_000_000),
        ("long", "auto", 1_700_000_000_123, 1_700_000_000_123_000),
        ("long", "auto", 1_700_000_000_123_456, 1_700_000_000_123_456),
        ("long", "auto", 1_700_000_000_123_456_789, 1_700_000_000_123_456),
        ("long", "ms", 5, 5_000),
        ("long", "s", 2**62, 2**63 - 1),
        ("long", "ns", -1, -1),
        ("int", "s", 1_700_000_000, 1_700_000_000_000_000),
        ({"type": "int", "logicalType": "date"}, "auto", 19_675, 1_699_920_000_000_000),
        ("double", "auto", 1_700_000_000.123456, 1_700_000_000_123_456),
        ("string", "auto", "2023-11-14T22:13:20.5Z", 1_700_000_000_500_000),
        ("string", "us", "1700000000000001", 1_700_000_000_000_001),
    ],
)
def test_event_times_in_any_unit(kind: Any, unit: str, value: Any, micros: int) -> None:
    schema = record_of(event_time=kind)
    if isinstance(kind, dict) and isinstance(value, int):
        schema = record_of(event_time=kind["type"])  # fastavro would want a datetime
        body = avro_value(schema, {"symbol": "X", "price": 1.0, "size": 1.0, "event_time": value})
        decoder = AvroDecoder("none", schema=WriterSchema(record_of(event_time=kind)), time_unit=unit)
        assert trades_of(decoder.decode(raw_batch([body])))[0]["event_time"] == micros
    else:
        assert only_trade(schema, {"event_time": value}, time_unit=unit)["event_time"] == micros


@pytest.mark.parametrize(
    ("kind", "value", "units"),
    [
        ("double", 0.1, 10**9),
        ("double", 105433.6, 1054336 * 10**9),
        ("double", 123456789.1234567, 1234567891234567 * 10**3),
        ("double", 1e17, 10**27),
        ("double", -2.5, -25 * 10**9),
        ("float", 105433.6, 1054336 * 10**9),
        ("float", 16777217.0, 16777216 * 10**10),
        ("string", " 1.5e3 ", 1500 * 10**10),
        ("long", 10**18 - 1, (10**18 - 1) * 10**10),
        ("int", -7, -7 * 10**10),
        ("bytes", b"0.0000000001", 1),
    ],
)
def test_prices_of_any_type(kind: str, value: Any, units: int) -> None:
    assert only_trade(record_of(price=kind), {"price": value})["price"] == units


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("double", float("nan"), Reason.BAD_VALUE),
        ("double", float("-inf"), Reason.BAD_VALUE),
        ("double", 0.1 + 0.2, Reason.OUT_OF_RANGE),
        ("double", 1e18, Reason.OUT_OF_RANGE),
        ("double", 123456.12345678912, Reason.OUT_OF_RANGE),
        ("float", 1e-20, Reason.OUT_OF_RANGE),
        ("string", "1,5", Reason.BAD_VALUE),
        ("string", "", Reason.BAD_VALUE),
        ("string", "NaN", Reason.BAD_VALUE),
        ("string", "0.00000000001", Reason.OUT_OF_RANGE),
        ("long", 10**18, Reason.OUT_OF_RANGE),
        ("boolean", True, Reason.BAD_VALUE),
        ({"type": "array", "items": "double"}, [1.0], Reason.BAD_VALUE),
    ],
)
def test_prices_that_are_none(kind: Any, value: Any, reason: Reason) -> None:
    assert reasons_of(decode_one(record_of(price=kind), {"price": value})) == [reason]


def test_a_corrupt_record_is_corrupt_whatever_else_is_wrong_with_it() -> None:
    schema = record_of(price="string")
    body = avro_value(schema, {"symbol": "X", "price": "nonsense", "size": 1.0, "event_time": SECOND})
    batch = AvroDecoder("none", schema=WriterSchema(schema)).decode(raw_batch([body, body[:-1]]))
    assert reasons_of(batch) == [Reason.BAD_VALUE, Reason.CORRUPT]


def test_fields_by_other_names_and_inside_other_records() -> None:
    inner = {"type": "record", "name": "In", "fields": [{"name": "p", "type": "double"}, {"name": "q", "type": "long"}]}
    schema = record_of(price=None, size=None, data=["null", inner])
    field_map = {"price": "data.p", "size": "data.q"}
    trade = only_trade(schema, {"data": {"p": 2.5, "q": 3}}, field_map=field_map)
    assert (trade["price"], trade["size"]) == (25 * 10**9, 3 * 10**10)
    batch = decode_one(schema, {"data": None}, field_map=field_map)
    assert batch.rejects[0].detail == "missing: price (data.p), size (data.q)"


def test_a_field_map_with_a_name_that_is_not_ours() -> None:
    with pytest.raises(SettingError, match="no such field: prize"):
        AvroDecoder(field_map={"prize": "p"})


def test_types_inside_skipped_fields_may_recurse_and_refer() -> None:
    node = {
        "type": "record",
        "name": "Node",
        "namespace": "a.b",
        "fields": [
            {"name": "next", "type": ["null", "Node"]},
            {"name": "all", "type": {"type": "map", "values": {"type": "array", "items": "Node"}}},
        ],
    }
    schema = record_of(tree=node, again="a.b.Node", nothing={"type": "array", "items": "null"})
    leaf = {"next": None, "all": {}}
    tree = {"next": {"next": leaf, "all": {"k": [leaf, leaf], "l": []}}, "all": {"m": [leaf]}}
    trade = only_trade(schema, {"tree": tree, "again": leaf, "nothing": [None] * 5})
    assert trade["symbol"] == b"X"


def test_a_value_nested_too_deep_and_one_of_endless_nothing_are_corrupt() -> None:
    node = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
    schema = record_of(nothing={"type": "array", "items": "null"}, tree=node)
    start = avro_value(record_of(), {"symbol": "X", "price": 1.0, "size": 1.0, "event_time": SECOND})
    endless = start + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" * 3
    deep = start + b"\0" + b"\x02" * 5000 + b"\0"
    batch = AvroDecoder("none", schema=WriterSchema(schema)).decode(raw_batch([endless, deep]))
    assert reasons_of(batch) == [Reason.CORRUPT] * 2
    assert "nests too deep" in batch.rejects[1].detail


def test_blocks_with_a_byte_size_are_read() -> None:
    schema = record_of(tags={"type": "array", "items": "long"})
    start = avro_value(record_of(), {"symbol": "X", "price": 1.0, "size": 1.0, "event_time": SECOND})
    body = start + b"\x03\x04\x02\x04" + b"\0"  # -2 items in 2 bytes, then the end
    batch = AvroDecoder("none", schema=WriterSchema(schema)).decode(raw_batch([body]))
    assert len(batch) == 1


def test_references_of_a_schema_are_known() -> None:
    money = {"type": "record", "name": "Money", "namespace": "m", "fields": [{"name": "amount", "type": "string"}]}
    schema = record_of(price="m.Money")
    named: dict[str, Any] = {}
    fastavro.parse_schema(money, named)
    value = {"symbol": "X", "price": {"amount": "1.25"}, "size": 1.0, "event_time": SECOND}
    body = avro_value(record_of(price=money), value)
    decoder = AvroDecoder("none", schema=WriterSchema(schema, (money,)), field_map={"price": "price.amount"})
    assert trades_of(decoder.decode(raw_batch([body])))[0]["price"] == 125 * 10**8


def test_an_empty_namespace_is_none() -> None:
    """Two enums of one short name: the one in the record without a namespace must not stand for the other."""
    outer = {"type": "enum", "name": "Side", "symbols": ["BUY", "SELL"]}
    inner = {"type": "enum", "name": "Side", "symbols": ["SELL", "BUY"]}
    body = {"type": "record", "name": "Body", "namespace": "", "fields": [{"name": "inner", "type": inner}]}
    schema = record_of(outer=outer, body=body, side="Side") | {"namespace": "a"}
    value = {"symbol": "X", "price": 1.0, "size": 1.0, "event_time": SECOND, "outer": "SELL"}
    data = avro_value(schema, {**value, "body": {"inner": "SELL"}, "side": "BUY"})
    [trade] = trades_of(AvroDecoder("none", schema=WriterSchema(schema)).decode(raw_batch([data])))
    assert trade["side"] == BUY
