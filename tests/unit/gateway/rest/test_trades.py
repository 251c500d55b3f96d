"""Cursors: text that comes back as the place it was made of, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rest.errors import ApiError
from gateway.rest.trades import decode_cursor, encode_cursor

BIG = st.integers(0, 2**63 - 1)
SMALL = st.integers(0, 2**32 - 1)


@given(BIG, SMALL, BIG, SMALL)
def test_a_cursor_comes_back(time_us: int, partition: int, offset: int, index: int) -> None:
    place = (time_us, partition, offset, index)
    assert decode_cursor(encode_cursor(*place).decode()) == place


@pytest.mark.parametrize("text", ["", "x", "!!!!", "é", "AAAA", "_" * 27, "A" * 31, "AAAA AAAA", "a" * 200])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        decode_cursor(text)
    assert refused.value.status == 400


@given(st.text(max_size=60))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    try:
        place = decode_cursor(text)
    except ApiError:
        return
    assert all(0 <= each < 2**63 for each in place)
