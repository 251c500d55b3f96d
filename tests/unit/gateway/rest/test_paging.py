"""Cursors of lists: a place comes back as it was, and other text is refused; a link says nothing of the token."""

import contextlib
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rest.errors import ApiError
from gateway.rest.paging import next_page, place_of, read_place

PLACE = tuple[int, str, str]


@given(st.integers(0, 2**63 - 1), st.text(max_size=70), st.text(max_size=70))
def test_a_place_comes_back(at: int, name: str, other: str) -> None:
    assert read_place(place_of(at, name, other).decode(), PLACE) == (at, name, other)


def test_without_a_cursor_there_is_no_place() -> None:
    assert read_place(None, PLACE) is None


@pytest.mark.parametrize("text", ["x", "!!!!", "é", "AAAA", place_of(1).decode(), place_of(1, "a", 2).decode()])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ApiError, match="Not a cursor of ours"):
        read_place(text, PLACE)


@given(st.text(max_size=60))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    with contextlib.suppress(ApiError):
        read_place(text, PLACE)


def way_on(cursor: bytes, **scope: bytes | str) -> dict[bytes, bytes]:
    asked = {"query_string": b"limit=2&token=secret&cursor=old&offset=3&by=lp%2Csymbol", **scope}
    return dict(next_page(SimpleNamespace(scope=asked), cursor))  # type: ignore[arg-type]


def test_the_way_on_is_the_same_question_without_the_token() -> None:
    headers = way_on(b"new", path="/api/x")
    assert headers[b"x-next-cursor"] == b"new"
    assert headers[b"link"] == b'</api/x?limit=2&by=lp%2Csymbol&cursor=new>; rel="next"'
    assert way_on(b"c", raw_path=b"/api/trades/A%2FB?limit=2")[b"link"].startswith(b"</api/trades/A%2FB?limit=2&")
