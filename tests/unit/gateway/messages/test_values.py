"""Decimals are raw JSON: the digits that came are the digits that go."""

import msgspec
import pytest

from gateway.messages.values import NOTHING, Milliseconds, Number, NumberOrNull, SymbolName, raw


class Shape(msgspec.Struct):
    price: Number
    bid: NumberOrNull = NOTHING
    at: Milliseconds = 0
    symbol: SymbolName = "A"


def test_digits_are_kept_and_nothing_is_null() -> None:
    body = msgspec.json.encode(Shape(raw("123456789012345678.0123456789")))
    assert body == b'{"price":123456789012345678.0123456789,"bid":null,"at":0,"symbol":"A"}'
    assert bytes(raw(None)) == b"null"
    assert msgspec.json.encode(msgspec.json.decode(body, type=Shape)) == body


def test_a_decimal_is_marked_in_the_schema() -> None:
    _, components = msgspec.json.schema_components([Shape])
    properties = components["Shape"]["properties"]
    assert properties["price"]["format"] == "decimal"
    assert {"type": "null"} in properties["bid"]["anyOf"]


@pytest.mark.parametrize("text", [b'{"price":1,"at":-1}', b'{"price":1,"symbol":""}', b'{"at":1}'])
def test_what_is_no_such_value(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Shape)
