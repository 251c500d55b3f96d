"""The short way through a record gives, byte for byte, what the interpreter makes of it."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from connectors.avro.decoder import AvroDecoder
from connectors.avro.program import ProgramTable
from connectors.avro.shipped_record import NOT_SHIPPED, REACH, read_shipped, shipped_sides
from connectors.values.fields import field_paths, wanted_tree
from connectors.values.read import Values
from connectors.values.rows import clear_row
from schemas.avro import WriterSchema, load_schema
from schemas.columns import TRADE
from schemas.trade_words import TradeWords
from tests.unit.connectors.batches import avro_value, raw_batch

SCHEMA = load_schema("Trade")
USUAL = {
    "symbol": "NEAR/USDT",
    "price": Decimal("105433.6"),
    "size": Decimal("-0.00027625"),
    "side": "SELL",
    "trade_id": "1021820812",
    "event_time": 1_762_795_433_971_744,
    "exchange": "KRAKEN",
    "bid": None,
    "ask": Decimal("105434.0000000001"),
}
SHORT: tuple[dict[str, Any], ...] = (
    {},
    {"exchange": "NASDAQ", "trade_id": "nightly-1", "symbol": "none"},
    {"symbol": "", "trade_id": "", "exchange": "", "bid": Decimal(-1), "ask": None},
    {"symbol": "S" * 63, "trade_id": "6" * 63, "exchange": "E" * 63, "side": "BUY"},
    *({"trade_id": "9" * digits} for digits in range(1, 19)),
    *({"trade_id": each} for each in ("0", "007", "10.0", "1 ", "12345678x", "x2345678", "123456789012345x", "a" * 16)),
    {"price": Decimal("922337203.6854775807"), "size": Decimal("-922337203.6854775807")},
    {"price": Decimal(0), "event_time": -1, "side": "UNKNOWN"},
    {"event_time": 0, "price": Decimal("0.0000000001"), "size": Decimal("-0.0000000128")},
)
LONG: tuple[dict[str, Any], ...] = (
    {"symbol": "S" * 64},
    {"trade_id": "6" * 64},
    {"exchange": "E" * 64},
    {"exchange": "none"},
    {"trade_id": "NaN"},
    *({name: Decimal("922337203.6854775808")} for name in ("price", "size", "bid", "ask")),
    {"event_time": 1 << 60},
)


def test_a_schema_of_the_same_bytes_is_known_and_no_other() -> None:
    table = ProgramTable(wanted_tree(field_paths({})), Values())
    other_names = {"type": "record", "name": "T", "fields": [each | {"doc": "x"} for each in SCHEMA["fields"]]}
    turned = [each | {"type": each["type"][::-1]} if each["name"] == "ask" else each for each in SCHEMA["fields"]]
    starts = [
        table.add(WriterSchema(schema))
        for schema in (
            SCHEMA, other_names, SCHEMA | {"fields": turned}, SCHEMA | {"fields": SCHEMA["fields"][::-1]},
            SCHEMA | {"fields": SCHEMA["fields"][:-1]},
        )
    ]  # fmt: skip
    found = [shipped_sides(table.ops, start) for start in starts]
    assert [each != NOT_SHIPPED for each in found] == [True, True, False, False, False]
    assert table.tables().code[found[1] : found[1] + 3].tolist() == [0, 1, 2]
    scaled = ProgramTable(wanted_tree(field_paths({})), Values(TradeWords(price_scale=1)))
    assert shipped_sides(scaled.ops, scaled.add(WriterSchema(SCHEMA))) == NOT_SHIPPED


def value_of(changes: dict[str, Any]) -> bytes:
    return avro_value(SCHEMA, USUAL | changes)


TAIL = value_of({"exchange": "E" * 2 * REACH})
"""So that there is room behind each record before it."""


@pytest.mark.parametrize(("records", "is_short"), [(SHORT, True), (LONG, False)])
def test_what_is_usual_is_read_here_and_the_rest_is_left(records: tuple[dict[str, Any], ...], is_short: bool) -> None:
    for changes in records:
        value = value_of(changes)
        rows = np.zeros(1, TRADE)
        clear_row(rows[0], 0, 0)
        data = np.frombuffer(value + bytes(REACH), np.uint8)
        assert read_shipped(data, 0, len(value), np.array([0, 1, 2], np.int64), 0, rows[0]) == is_short, changes


@pytest.mark.parametrize(
    ("words", "step"),
    [
        pytest.param(None, 1, marks=pytest.mark.compiled),
        (TradeWords(side_of="maker", signed_size=True), 37),
    ],
)
def test_records_of_any_bytes_are_read_as_by_the_interpreter(words: TradeWords | None, step: int) -> None:
    good = [value_of(changes) for changes in (*SHORT, *LONG)]
    values = [*good, *(value + b"\0" for value in good)]
    for value in good[:2]:
        values += [value[:end] for end in range(len(value))]
        for at in range(len(value)):
            values += [value[:at] + bytes([byte]) + value[at + 1 :] for byte in range(0, 256, step)]
    nothing = {"name": "end", "type": {"type": "fixed", "name": "End", "size": 0}}
    read = [
        AvroDecoder("none", schema=WriterSchema(schema), words=words).decode_rows(raw_batch([*values, TAIL]))
        for schema in (SCHEMA, SCHEMA | {"fields": [*SCHEMA["fields"], nothing]})
    ]
    (short, _), (whole, _) = read
    assert np.array_equal(short, whole)


def test_the_last_records_of_a_batch_are_not_read_beyond_it() -> None:
    values = [value_of({"trade_id": str(10**9 + number)}) for number in range(9)]
    rows, _ = AvroDecoder("none", schema=WriterSchema(SCHEMA)).decode_rows(raw_batch(values))
    assert rows["trade_id_number"].tolist() == [10**9 + number for number in range(9)]
