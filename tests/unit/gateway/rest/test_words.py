"""Shapes of REST: numbers keep their digits, and what isn't asked for by name is refused."""

import msgspec
import pytest

from gateway.messages.values import MS_MAX
from gateway.rest.words import OhlcQuery, PriceAnswer, SymbolsQuery, WatchlistBody


def test_a_number_is_passed_on_with_its_digits() -> None:
    text = b'{"symbol":"A","price":123456789012345678.0123456789,"timestamp":1,"sequence":2}'
    answer = msgspec.json.decode(text, type=PriceAnswer)
    body = msgspec.json.encode(answer)
    assert b'"price":123456789012345678.0123456789,' in body
    assert b'"bid":null' in body


@pytest.mark.parametrize(
    ("shape", "query"),
    [
        (OhlcQuery, {"limit": 0}),
        (OhlcQuery, {"limit": 1001}),
        (OhlcQuery, {"order": "up"}),
        (OhlcQuery, {"startTime": -1}),
        (SymbolsQuery, {"other": 1}),
        (WatchlistBody, {"name": "", "symbols": []}),
    ],
)
def test_what_may_not_be_asked(shape: type, query: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(query, shape)


def test_names_are_camel_case_outside() -> None:
    query = msgspec.convert({"startTime": MS_MAX, "endTime": 5, "order": "asc"}, OhlcQuery)
    assert (query.start_time, query.end_time, query.order, query.limit) == (MS_MAX, 5, "asc", 100)
