"""UTF-8 against bytes.decode(), near every edge of its ranges."""

import numpy as np
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
