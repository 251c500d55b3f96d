"""128-bit steps against Python's integers, and doubles against the text that repr() gives them."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decimals import (
    PENDING,
    multiply_words,
    number_from_double,
    number_from_float,
    number_from_long,
    number_from_text,
    pack_number,
    scale_down,
    scale_up,
)
from schemas.decimals import from_pair
from schemas.rejects import Reason
from tests.property.avro_writers import units_of

U = np.uint64
words = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1]))


def joined(hi: int, lo: int) -> int:
    return int(hi) << 64 | int(lo)


def cut(value: int) -> tuple[np.uint64, np.uint64]:
    return U(value >> 64), U(value & (2**64 - 1))


def meaning(hi: int, lo: int, reason: int) -> int | Reason:
    return Reason(reason) if reason else from_pair(hi, lo)


@given(words, words)
@settings(deadline=None)  # the first call compiles
def test_multiply_words(a: int, b: int) -> None:
    assert joined(*multiply_words(U(a), U(b))) == a * b


@given(st.integers(0, 2**127), st.integers(0, 38))
@settings(deadline=None)  # the first call compiles
def test_scale_down_and_up(value: int, places: int) -> None:
    hi, lo, exact = scale_down(*cut(value), places)
    assert (joined(hi, lo), exact) == (value // 10**places, value % 10**places == 0)
    assert joined(*scale_up(U(hi), U(lo), places)) == value // 10**places * 10**places


@given(st.integers(0, 2**127), st.booleans(), st.integers(0, 45))
@settings(deadline=None)  # the first call compiles
def test_pack_number_is_exact_or_refuses(value: int, negative: bool, scale: int) -> None:
    signed = -value if negative else value
    scaled, rest = divmod(signed * 10**10, 10**scale)
    expected = Reason.OUT_OF_RANGE if rest or abs(scaled) >= 10**28 else scaled
    assert meaning(*pack_number(*cut(value), negative, scale)) == expected


@given(st.integers(-(2**63), 2**63 - 1))
@settings(deadline=None)  # the first call compiles
def test_whole_numbers(value: int) -> None:
    assert meaning(*number_from_long(value)) == units_of(Decimal(value))


@given(st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(lambda m, k: m / 10**k, st.integers(-(10**17), 10**17), st.integers(0, 15)),
))  # fmt: skip
@settings(deadline=None)  # the first call compiles
def test_doubles_are_their_shortest_text(value: float) -> None:
    expected = units_of(Decimal(repr(value)))
    found = number_from_double(value)
    if found[2] == PENDING:
        found = number_from_text(repr(value))
    assert meaning(*found) == expected


@given(st.integers(-(10**15), 10**15), st.integers(0, 10))
@settings(deadline=None)  # the first call compiles
def test_doubles_of_up_to_15_digits_need_no_repr(digits: int, places: int) -> None:
    assert number_from_double(digits / 10**places)[2] == Reason.NONE


@given(st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.builds(lambda m, k: float(np.float32(m / 10**k)), st.integers(-(10**9), 10**9), st.integers(0, 10)),
))  # fmt: skip
@settings(deadline=None)  # the first call compiles
def test_floats_are_their_shortest_text(value: float) -> None:
    found = number_from_float(value)
    text = str(np.float32(value))
    if found[2] == PENDING:
        found = number_from_text(text)
    assert meaning(*found) == units_of(Decimal(text))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number(value: float) -> None:
    assert number_from_double(value)[2] == number_from_float(value)[2] == Reason.BAD_VALUE


def test_text_with_an_absurd_exponent_costs_nothing() -> None:
    assert number_from_text("1e999999999") == (0, 0, Reason.OUT_OF_RANGE)
    assert number_from_text("0e999999999") == (0, 0, Reason.NONE)
