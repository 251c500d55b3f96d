"""Text written by the kernels equals the text of Python's decimal for every number of the type."""

from decimal import Context, Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kernels.decimal_text import (
    from_limbs,
    from_pair,
    plain,
    texts_i128,
    texts_u256,
    to_limbs,
    to_pair,
    units,
)

EXACT = Context(prec=100)


def expected(value: int, scale: int) -> str:
    text = format(Decimal(value).scaleb(-scale, EXACT), "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) if value else "0"


def numbers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    low = -(1 << (bits - 1)) if signed else 0
    high = (1 << (bits - signed)) - 1
    digits = bits * 3 // 10
    small = st.builds(lambda mantissa, zeros: mantissa * 10**zeros, st.integers(0, 10**6), st.integers(0, digits - 7))
    return st.one_of(st.integers(low, high), small)


@given(st.lists(numbers(128, signed=True), min_size=1, max_size=20))
def test_128_bit_text_equals_decimal(values: list[int]) -> None:
    pairs = [to_pair(value) for value in values]
    assert [from_pair(*pair) for pair in pairs] == values
    hi = np.array([pair[0] for pair in pairs], np.int64)
    lo = np.array([pair[1] for pair in pairs], np.uint64)
    texts = texts_i128(hi, lo)
    assert texts == [expected(value, 10) for value in values] == [plain(value) for value in values]
    assert [units(text) for text in texts] == values


@given(st.lists(numbers(256, signed=False), min_size=1, max_size=20))
def test_256_bit_text_equals_decimal(values: list[int]) -> None:
    limbs = np.array([to_limbs(value) for value in values], np.uint64)
    assert [from_limbs(row) for row in limbs] == values
    texts = texts_u256(limbs)
    assert texts == [expected(value, 20) for value in values] == [plain(value, 20) for value in values]
