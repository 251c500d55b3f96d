"""The TypeScript types in the tree are those that the gateway's documents make now."""

import re

import pytest

from web.generate_types import FOLDER, Types, generate


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return generate()


def test_the_files_are_what_is_generated_now(generated: dict[str, str]) -> None:
    held = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert held == generated, "run make web-types"


def test_unions_have_a_field_that_tells_their_members_apart(generated: dict[str, str]) -> None:
    text = generated["messages.ts"]
    for side in ("Client", "Server"):
        for union in re.findall(rf"export type (?:Prices|Candles|Quotes){side}Message[^;]*;", text):
            members = re.findall(r"\| (\w+)", union)
            tags = [re.search(rf"interface {name}\b[^{{]*{{\n  (?:type|action): (\"\w+\");", text) for name in members]
            assert len(tags) >= 3
            assert all(tags), members
            assert len({tag[1] for tag in tags if tag}) == len(tags), members


def test_what_is_absent_is_optional_and_what_is_unknown_is_null(generated: dict[str, str]) -> None:
    text = generated["messages.ts"]
    assert "  bid: N | null;\n" in text.partition("interface PriceSnapshot")[2].partition("}")[0]
    assert "  bid?: N;\n" in text.partition("interface PriceDelta")[2].partition("}")[0]
    assert "  bid: N | null;\n" in generated["rest.ts"].partition("interface PriceAnswer")[2].partition("}")[0]


def test_each_kind_of_schema_has_its_type() -> None:
    reference = {"$ref": "#/components/schemas/Bar"}
    types = Types(
        {
            "Price": {"type": "object", "properties": {"bar": reference}},
            "Bar": {"type": "object", "properties": {"open": {"type": "number", "format": "decimal"}}},
            "Plain": {"type": "object", "properties": {"count": {"type": "integer"}}},
        }
    )
    assert types.declare("Price") == "export interface Price<N = number> {\n  bar?: Bar<N>;\n}\n"
    assert types.declare("Plain") == "export interface Plain {\n  count?: number;\n}\n"
    assert types.of({"anyOf": [reference, {"type": "null"}]}) == "Bar<N> | null"
    assert types.of({"type": "array", "items": {"enum": ["a", "b"]}}) == '("a" | "b")[]'
    assert types.of({"type": "object", "additionalProperties": {"type": "integer"}}) == "Record<string, number>"
    assert types.of({"anyOf": [{"type": "integer"}, {"type": "number"}]}) == "number"
    assert types.of({}) == "unknown"


def test_an_enum_with_a_title_is_a_type_of_that_name() -> None:
    types = Types({})
    assert types.of({"title": "BarLength", "enum": ["1m"]}) == "BarLength"
    declared = types.declare_enums()
    assert 'export const BAR_LENGTHS = ["1m"] as const;' in declared
    assert "export type BarLength = (typeof BAR_LENGTHS)[number];" in declared
    with pytest.raises(AssertionError, match="BarLength"):
        types.of({"title": "BarLength", "enum": ["5m"]})
