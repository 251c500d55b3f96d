"""Shipped schemas: their ids, and that every version still works with the first one, both ways."""

import json
from pathlib import Path
from typing import Any

import fastavro
import pytest

from schemas.avro import (
    BAR_SCHEMA_ID,
    EXPOSURE_SCHEMA_ID,
    LP_SCHEMA_ID,
    QUOTE_SCHEMA_ID,
    ROUTING_SCHEMA_ID,
    TRADE_SCHEMA_ID,
    WriterSchema,
    load_schema,
    schema_text,
    shipped_schema,
)
from tests.avro_compatibility import incompatibilities

GOLDEN = Path(__file__).parents[2] / "golden"
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 10}


def record(*fields: Any, name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


@pytest.mark.parametrize("name", ["Trade", "Quote", "Bar", "RoutingDecision", "LpMetrics", "Exposure"])
def test_every_version_reads_the_first_and_is_read_by_it(name: str) -> None:
    first = json.loads((GOLDEN / f"{name.lower()}-v1.avsc").read_text("utf-8"))
    shipped = load_schema(name)
    assert incompatibilities(shipped, first) == []
    assert incompatibilities(first, shipped) == []
    assert fastavro.parse_schema(shipped)


def test_ids_are_fixed() -> None:
    assert (TRADE_SCHEMA_ID, QUOTE_SCHEMA_ID, BAR_SCHEMA_ID) == (1, 2, 3)
    assert (ROUTING_SCHEMA_ID, LP_SCHEMA_ID, EXPOSURE_SCHEMA_ID) == (4, 5, 6)
    names = ("Trade", "Quote", "Bar", "RoutingDecision", "LpMetrics", "Exposure")
    for schema_id, name in enumerate(names, 1):
        assert shipped_schema(schema_id) == WriterSchema(json.loads(schema_text(name)))
    assert shipped_schema(99) is None


def test_a_loaded_schema_is_the_callers_own() -> None:
    load_schema("Trade").clear()
    assert load_schema("Trade")["name"] == "Trade"


def evolved(change: str) -> dict[str, Any]:
    schema = load_schema("Trade")
    fields = {each["name"]: each for each in schema["fields"]}
    if change == "field with default":
        schema["fields"].append(field("conditions", "string", default=""))
    elif change == "field without default":
        schema["fields"].append(field("conditions", "string"))
    elif change == "optional field gone":
        schema["fields"].remove(fields["exchange"])
    elif change == "required field gone":
        schema["fields"].remove(fields["price"])
    elif change == "new side":
        fields["side"]["type"]["symbols"].append("CROSS")
    elif change == "other order":
        schema["fields"].reverse()
    elif change == "nullable":
        fields["exchange"]["type"] = ["null", "string"]
    elif change == "other scale":
        fields["price"]["type"]["scale"] = 8
    elif change == "other unit":
        fields["event_time"]["type"]["logicalType"] = "timestamp-millis"
    return schema


@pytest.mark.parametrize(
    ("change", "new_reads_old", "old_reads_new"),
    [
        ("none", True, True),
        ("field with default", True, True),
        ("field without default", False, True),
        ("optional field gone", True, True),
        ("required field gone", True, False),
        ("new side", True, True),
        ("other order", True, True),
        ("nullable", True, False),
        ("other scale", False, False),
        ("other unit", False, False),
    ],
)
def test_changes_of_trade_in_both_directions(change: str, new_reads_old: bool, old_reads_new: bool) -> None:
    old, new = load_schema("Trade"), evolved(change)
    assert (incompatibilities(new, old) == []) is new_reads_old
    assert (incompatibilities(old, new) == []) is old_reads_new


@pytest.mark.parametrize(
    ("reader", "writer", "complaint"),
    [
        ("long", "int", ""),
        ("double", "long", ""),
        ("int", "long", "long can't be read as int"),
        ("bytes", "string", ""),
        (["null", "long"], "int", ""),
        (["null", "string"], "int", "no branch"),
        ("string", ["null", "string"], "null can't be read as string"),
        ({"type": "array", "items": "long"}, {"type": "array", "items": "string"}, "[]: string"),
        ({"type": "map", "values": "long"}, {"type": "map", "values": "string"}, "{}: string"),
        ({"type": "fixed", "name": "F", "size": 2}, {"type": "fixed", "name": "F", "size": 3}, "3 bytes"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, {"type": "enum", "name": "E", "symbols": ["A", "B"]}, ": B"),
        (DECIMAL, DECIMAL, ""),
        (DECIMAL, "bytes", "no logical type"),
    ],
)
def test_rules_of_single_types(reader: Any, writer: Any, complaint: str) -> None:
    found = incompatibilities(record(field("x", reader)), record(field("x", writer)))
    assert (complaint in found[0] and found[0].startswith("x")) if complaint else found == []


def test_aliases_and_recursive_types() -> None:
    node = record(field("next", ["null", "Node"]), field("value", "long"), name="Node")
    other = record(field("next", ["null", "Node"]), field("old", "int"), name="Node")
    assert incompatibilities(node, node) == []
    assert incompatibilities(node, other)
    node["fields"][1]["aliases"] = ["old"]
    assert incompatibilities(node, other) == []


def test_a_name_without_definition_is_said() -> None:
    with pytest.raises(ValueError, match="Nowhere"):
        incompatibilities(record(field("x", "Nowhere")), record(field("x", "long")))
