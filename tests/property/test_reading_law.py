"""The law of reading: of any legal spelling of a value, flows and oracle make the same trade, or refuse it alike.

Texts, floats and Avro types that few producers use, and some that none should: what a topic's writer meant must not
hang on which of the two reads it, else ``verify`` would call a sound topic wrong.
"""

import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import fastavro
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.avro.decoder import AvroDecoder
from connectors.json.decoder import JsonDecoder
from core.bars.validation import validate
from oracle.records import OracleReader
from oracle.truth import OracleReject, OracleTrade
from schemas.avro import WriterSchema
from schemas.rejects import Reason
from schemas.trade_words import TradeWords
from tests.property.test_decoding_law import _Bytes
from tests.property.trade_batches import trade_of
from tests.unit.connectors.batches import raw_batch

FUTURE_US = 60_000_000
UNITS = ("auto", "s", "ms", "us", "ns")

digits = st.text("0123456789", max_size=22)
signs = st.sampled_from(["", "", "", "-", "+"])
exponents = st.one_of(st.just(""), st.integers(-30, 30).map(lambda power: f"e{power}"))
spellings = st.builds(lambda sign, whole, dot, rest, e: f"{sign}{whole}{dot}{rest}{e}", signs, digits,
                      st.sampled_from(["", "."]), digits, exponents)  # fmt: skip
seconds = st.integers(1_600_000_000, 1_900_000_000)
near_now = st.one_of(
    st.builds("{}.{}".format, seconds, st.text("0123456789", min_size=1, max_size=12)),
    st.builds(lambda second, more: f"{second}{more}", seconds, st.text("0123456789", min_size=3, max_size=9)),
    st.builds(lambda second, places: f"{second / 10**9:.{places}f}e9", seconds, st.integers(0, 17)),
)
iso = st.from_regex(
    r"\A ?[12]\d{3}-[01]\d-[0-3]\d([Tt ][0-2]\d(:[0-6]\d(:[0-6]\d([.,]\d{1,8})?)?)?)?([Zz]|[+-][0-2]\d(:?[0-6]\d)?)?\Z",
    alphabet=st.characters(codec="ascii"),
)
seventies = st.one_of(st.integers(0, 400_000_000).map(str), st.builds("{}.{}".format, st.integers(0, 90_000), digits))
others = st.from_regex(
    r"\A([12]\d{3})([-/.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d)[ TtDd-]([01]\d)(:?)([0-5]\d)(\6([0-5]\d|60)([.,]\d{1,9})?)?"
    r" ?(Z|UTC|gmt|[+-]\d\d(:?\d\d)?)?( UTC)?(\[(UTC|Etc/UTC|Europe/Paris)\])?\Z",
    alphabet=st.characters(codec="ascii"),
)
leaps = st.builds(
    "{}T{}:{}:60{}".format, st.sampled_from(["2016-12-31", "20161231", "2017-01-01"]),
    st.sampled_from(["23", "22", "05"]), st.sampled_from(["59", "29"]), st.sampled_from(["", ".5Z", "+01", "+05:30"]),
)  # fmt: skip
times = st.one_of(spellings, near_now, iso, seventies, others, leaps, st.integers(-(2**64), 2**64).map(str))
origins = st.sampled_from([None, None, 0, 1_714_521_600_000_000, -1_000_000])


def flow_of(rows: Any, text: bytes) -> list[OracleTrade | Reason]:
    validate(rows, text, FUTURE_US)
    return [Reason(int(row["reason"])) if row["reason"] else trade_of(row, text) for row in rows]


def oracle_of(reader: OracleReader, values: Sequence[bytes], timestamp_ms: int) -> list[OracleTrade | Reason]:
    read = [reader.read(0, 100 + index, timestamp_ms, value) for index, value in enumerate(values)]
    return [each.reason if isinstance(each, OracleReject) else each for each in read]


stamps_ms = st.sampled_from([-1, 1_750_000_000_000])


@given(st.lists(times, min_size=1, max_size=8), st.sampled_from(UNITS), stamps_ms, origins)
@example(["18448448140909551.616"], "ms", -1, None)
@example(["18448448140909.551616"], "s", -1, None)
@example(["9300000000000000000"], "auto", -1, None)
@example(["1.7040672e18", "1704067200.12345678901", "-0.0", "-0.0000001", "2024-01-01+05:00"], "auto", -1, None)
@settings(max_examples=800)
def test_times_as_text(texts: list[str], unit: str, timestamp_ms: int, origin_us: int | None) -> None:
    words = TradeWords(time_origin_us=origin_us)
    values = [json.dumps({"symbol": "S", "price": 1, "size": 1, "event_time": text}).encode() for text in texts]
    raw = raw_batch(values)
    raw.timestamps_ms[:] = timestamp_ms
    reader = OracleReader(value_format="json", time_unit=unit, future_us=FUTURE_US, words=words)
    decoder = JsonDecoder(time_unit=unit, words=words)
    assert flow_of(*decoder.decode_rows(raw)) == oracle_of(reader, values, timestamp_ms)


floats = st.one_of(
    st.floats(1.6e9, 1.9e9), st.floats(1.6e12, 1.9e12), st.floats(1.6e18, 1.9e18), st.floats(0, 1), st.floats(),
    st.integers(0, 10**13).map(lambda half_us: half_us / 2e6),
)  # fmt: skip


@given(st.lists(floats, min_size=1, max_size=8), st.sampled_from(UNITS), st.booleans(), origins)
@example([1706805983.0678346, 3.5e-6, 2.5e-6, 0.5e-6], "s", False, 0)
@example([0.5, 1.5, 2.5], "us", False, 0)
@example([500.0, 1500.0, 2500.0, -1500.0], "ns", False, 0)
@settings(max_examples=400)
def test_times_as_floats(reals: list[float], unit: str, single: bool, origin_us: int | None) -> None:
    words = TradeWords(time_origin_us=origin_us)
    schema = {"type": "record", "name": "T", "fields": [
        {"name": "symbol", "type": "string"}, {"name": "price", "type": "long"}, {"name": "size", "type": "long"},
        {"name": "event_time", "type": "float" if single else "double"},
    ]}  # fmt: skip
    with np.errstate(over="ignore"):
        packed = [struct.pack("<f", np.float32(real)) if single else struct.pack("<d", real) for real in reals]
    values = [b"\2S\2\2" + each for each in packed]
    raw = raw_batch(values)
    raw.timestamps_ms[:] = -1
    writer = WriterSchema(schema)
    reader = OracleReader(value_format="avro", schema_of=lambda _: writer, time_unit=unit, words=words)
    decoder = AvroDecoder("none", schema=writer, time_unit=unit, words=words)
    assert flow_of(*decoder.decode_rows(raw)) == oracle_of(reader, values, -1)


side_words = st.sampled_from(
    ["buy", "A", " Bid", "1", "-1", "1.0", "+1", "true", "N", "", "\\N", "nan", "-", "none", "Kauf", "x" * 30, "1.50"]
)
venues = st.builds(
    TradeWords,
    sides=st.dictionaries(
        side_words.filter(lambda word: 0 < len(word) < 25), st.sampled_from(["BUY", "SELL", "UNKNOWN"])
    ),
    side_of=st.sampled_from(["taker", "maker"]),
    signed_size=st.booleans(),
    price_scale=st.sampled_from([0, 0, 4, 10]),
    size_scale=st.sampled_from([0, 0, 8]),
    round_numbers=st.booleans(),
)
json_values = st.one_of(
    side_words, spellings, st.floats(-1e6, 1e6).map(lambda real: real + 0.1),
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(),
    st.sampled_from(["", "S", "\ud800", "\ufeff"]), st.lists(st.integers(), max_size=1),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=1),
)  # fmt: skip
names = st.sampled_from(["symbol", "price", "size", "event_time", "side", "trade_id", "exchange", "bid", "other"])
starts = st.sampled_from([b"", b"", b" ", b"\xef\xbb\xbf"])
ends = st.sampled_from([b"", b"", b"\n", b',"x":1e99999999999999999999}', b',"ask":1e-99999999999999999999}'])


@given(st.dictionaries(names, json_values, max_size=1), starts, ends, venues)
@settings(max_examples=800)
def test_json_of_any_kind(more: dict[str, Any], start: bytes, end: bytes, words: TradeWords) -> None:
    """One odd value each: of two that are wrong, which one is named is not promised."""
    end = b"" if more else end
    value = json.dumps({"symbol": "S", "price": 1, "size": 1, "event_time": 1_700_000_000, **more}).encode()
    value = start + (value[:-1] if end.startswith(b",") else value) + end
    raw = raw_batch([value])
    raw.timestamps_ms[:] = -1
    reader = OracleReader(value_format="json", future_us=FUTURE_US, words=words)
    assert flow_of(*JsonDecoder(words=words).decode_rows(raw)) == oracle_of(reader, [value], -1)


wide = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 0}
ENUM = ["BUY", "S", "X12", "NONE"]
KINDS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    ("string", st.one_of(side_words, spellings, st.sampled_from(["S", "12", "1.5", "2024-01-01"]))),
    ("bytes", st.one_of(side_words.map(str.encode), st.sampled_from([b"S", b"B", b"sell", b"12", b"1.5", b"\xff"]))),
    ("int", st.integers(-5, 5)),
    ("long", st.integers(-(2**63), 2**63 - 1)),
    ("double", st.one_of(st.floats(), st.floats(-1e6, 1e6).map(lambda real: real + 0.1))),
    ("float", st.floats(width=32)),
    ({"type": "long", "logicalType": "time-micros"}, st.integers(0, 86_400_000_000)),
    ("boolean", st.booleans()),
    ("null", st.none()),
    ({"type": "int", "logicalType": "date"}, st.integers(0, 20_000)),
    (wide, st.integers(-(10**20), 10**20).map(lambda number: number.to_bytes(12, "big", signed=True))),
    ({"type": "fixed", "name": "F1", "size": 1}, st.sampled_from([b"S", b"B", b"1"])),
    ({"type": "fixed", "name": "F9", "size": 9, "logicalType": "decimal", "precision": 20, "scale": 2},
     st.binary(min_size=9, max_size=9)),
    ({"type": "bytes", "logicalType": "decimal", "precision": 150, "scale": 18}, st.binary(max_size=60)),
    ({"type": "enum", "name": "E", "symbols": ENUM}, st.sampled_from(ENUM)),
    ({"type": "array", "items": "int"}, st.lists(st.integers(0, 3), max_size=2)),
    ({"type": "map", "values": "int"}, st.dictionaries(st.just("a"), st.integers(0, 3))),
    ({"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}, st.just({"a": 1})),
]  # fmt: skip
FIELDS = ("symbol", "price", "size", "event_time", "side", "trade_id", "exchange", "bid", "ask")


@given(st.sampled_from(FIELDS), st.sampled_from(KINDS), st.data(), venues, origins)
@settings(max_examples=1000)
def test_every_avro_type_in_every_field(
    field: str, kind: Any, data: st.DataObject, venue: TradeWords, origin_us: int | None
) -> None:
    words = replace(venue, time_origin_us=origin_us)
    plain: dict[str, tuple[Any, Any]] = {
        "symbol": ("string", "S"), "price": ("long", 1), "size": ("long", 1), "event_time": ("long", 1_700_000_000),
    }  # fmt: skip
    plain[field] = (kind[0], data.draw(kind[1]))
    schema = {"type": "record", "name": "T", "fields": [{"name": n, "type": each} for n, (each, _) in plain.items()]}
    out = _Bytes()
    untyped = json.loads(json.dumps(schema).replace('"logicalType"', '"was"'))  # values are given as they are stored
    fastavro.schemaless_writer(out, untyped, {name: value for name, (_, value) in plain.items()})
    writer, values = WriterSchema(schema), [bytes(out.held)]
    raw = raw_batch(values)
    raw.timestamps_ms[:] = -1
    reader = OracleReader(value_format="avro", schema_of=lambda _: writer, future_us=FUTURE_US, words=words)
    decoder = AvroDecoder("none", schema=writer, words=words)
    assert flow_of(*decoder.decode_rows(raw)) == oracle_of(reader, values, -1)
