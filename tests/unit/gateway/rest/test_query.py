"""A query string becomes its struct, or a refusal that names the parameter."""

import pytest

from gateway.rest.errors import ApiError
from gateway.rest.query import convert_query, query_pairs
from gateway.rest.words import OhlcQuery


def test_pairs_come_without_the_token() -> None:
    assert query_pairs(b"limit=5&token=abc&order=") == ([("limit", "5"), ("order", "")], "abc")
    assert query_pairs(b"limit=5") == ([("limit", "5")], None)


@pytest.mark.parametrize(
    ("text", "words"),
    [(b"limit=1&limit=2", "twice"), (b"a=%FF", "can't be read"), (b"\xff=1", "can't be read"), (b"a&" * 40, "read")],
)
def test_what_is_no_query_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(ApiError, match=words):
        query_pairs(text)


def test_values_are_checked_by_the_struct() -> None:
    assert convert_query([("limit", "5")], OhlcQuery).limit == 5
    for pairs, detail in (([("limit", "x")], "parameter"), ([("depth", "3")], "unknown")):
        with pytest.raises(ApiError) as caught:
            convert_query(pairs, OhlcQuery)
        assert detail in caught.value.details
