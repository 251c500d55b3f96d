"""Avro's variable-length numbers: every value, and each way to break them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.avro.varints import Fault, read_block, read_length, read_long


def varint(number: int) -> bytes:
    zigzag = (number << 1) ^ (number >> 63)
    out = bytearray()
    while zigzag > 127:
        out.append(zigzag & 127 | 128)
        zigzag >>= 7
    return bytes([*out, zigzag])


def data_of(body: bytes) -> tuple[np.ndarray, int, int]:
    return np.frombuffer(b"\xff" + body + b"\xff", np.uint8), 1, 1 + len(body)


@given(st.integers(-(2**63), 2**63 - 1))
def test_longs(number: int) -> None:
    body = varint(number)
    assert read_long(*data_of(body)) == (number, 1 + len(body))
    assert read_long(*data_of(body[:-1]))[1] == Fault.CUT_SHORT


def test_what_is_no_long_or_length() -> None:
    assert read_long(*data_of(b"\xff" * 9 + b"\x02"))[1] == Fault.LONG_NUMBER
    assert read_long(*data_of(b"\x80" * 11))[1] == Fault.LONG_NUMBER
    assert read_length(*data_of(varint(-1)))[1] == Fault.NEGATIVE_LENGTH
    assert read_length(*data_of(varint(2) + b"a"))[1] == Fault.CUT_SHORT
    assert read_length(*data_of(varint(1) + b"a")) == (1, 2)


@pytest.mark.parametrize(("body", "count"), [(varint(3), 3), (varint(-3) + varint(7), 3), (varint(-1) + varint(2), 1)])
def test_heads_of_blocks(body: bytes, count: int) -> None:
    assert read_block(*data_of(body)) == (count, 1 + len(body))
