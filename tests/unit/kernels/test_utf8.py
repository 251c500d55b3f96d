"""UTF-8 against bytes.decode(), near every edge of its ranges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.utf8 import is_utf8

EDGES = [
    0x00,
    0x7F,
    0x80,
    0x8F,
    0x90,
    0x9F,
    0xA0,
    0xBF,
    0xC0,
    0xC1,
    0xC2,
    0xDF,
    0xE0,
    0xED,
    0xEF,
    0xF0,
    0xF4,
    0xF5,
    0xFF,
]


@given(
    st.one_of(
        st.binary(max_size=12), st.lists(st.sampled_from(EDGES), max_size=6).map(bytes), st.text().map(str.encode)
    )
)
def test_it_is_what_decode_takes(text: bytes) -> None:
    try:
        text.decode()
        expected = True
    except UnicodeDecodeError:
        expected = False
    around = np.frombuffer(b"\x80" + text + b"\x80", np.uint8)
    assert is_utf8(around, 1, 1 + len(text)) == expected


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (b"", True),
        ("aé€😀".encode(), True),
        (b"\x80", False),
        (b"\xc0\xaf", False),
        (b"\xe0\x9f\xbf", False),
        (b"\xed\xa0\x80", False),
        (b"\xf0\x8f\xbf\xbf", False),
        (b"\xf4\x90\x80\x80", False),
        (b"\xf4\x8f\xbf\xbf", True),
        (b"\xe2\x82", False),
        (b"\xe2\x82\x2c", False),
        (b"\xe2\x82\xc0", False),
    ],
)
def test_edges(text: bytes, good: bool) -> None:
    """Overlong forms, surrogates, what lies above U+10FFFF, and characters that end early."""
    assert is_utf8(np.frombuffer(text + b"\x80", np.uint8), 0, len(text)) is good
