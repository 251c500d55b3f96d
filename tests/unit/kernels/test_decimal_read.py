"""128-bit steps against Python's integers, and doubles against the text that repr() gives them."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernels.decimal_read import (
    PENDING,
    ROUNDED,
    number_from_double,
    number_from_float,
    number_from_long,
    number_from_text,
    pack_number,
    round_up,
    scale_down,
    scale_up,
)
from kernels.decimal_text import from_pair
from schemas.rejects import Reason

U = np.uint64
words = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1]))


def joined(hi: int, lo: int) -> int:
    return int(hi) << 64 | int(lo)


def cut(value: int) -> tuple[np.uint64, np.uint64]:
    return U(value >> 64), U(value & (2**64 - 1))


@given(st.integers(0, 2**127), st.integers(0, 38))
@example(10**10 + 5, 10)  # what the first of two steps cuts off
def test_scale_down_and_up(value: int, places: int) -> None:
    hi, lo, exact = scale_down(*cut(value), places)
    assert (joined(hi, lo), exact) == (value // 10**places, value % 10**places == 0)
    assert joined(*scale_up(U(hi), U(lo), places)) == value // 10**places * 10**places


scales = st.sampled_from([0, 0, 4, 8, 18, 38])


def rounded_units(text: str, scale: int) -> tuple[int, bool] | Reason:
    """(units of 10**-10 rounded half-even, whether they are exact) of the number divided by 10**scale."""
    with localcontext(prec=500):
        units = Decimal(text).scaleb(10 - scale)
        whole = int(units.to_integral_value(ROUND_HALF_EVEN))
        return (whole, units == whole) if abs(whole) < 10**28 else Reason.OUT_OF_RANGE


def check(found: tuple[int, int, int], text: str, scale: int, rounding: bool) -> None:
    """``found``, or what repr() makes of it, is the number of ``text``: exact, or rounded if that is asked for."""
    hi, lo, reason = found if found[2] != PENDING else number_from_text(text, scale, rounding)
    expected = rounded_units(text, scale)
    if isinstance(expected, Reason) or not (expected[1] or rounding):
        assert reason == Reason.OUT_OF_RANGE
    else:
        assert (from_pair(hi, lo), reason != ROUNDED) == expected
        assert reason in (Reason.NONE, ROUNDED)


@given(st.integers(0, 2**127), st.booleans(), st.integers(0, 45), st.booleans())
@example(10**28, False, 10, False)
@example(10**28 - 1, True, 10, False)
@example(10**37, False, 20, True)
@example(2**64, True, 10, False)
@example(10**18, False, 0, False)
@example(15, False, 11, False)
@example(15, True, 11, True)
def test_pack_number_is_exact_or_rounds_or_refuses(value: int, negative: bool, scale: int, rounding: bool) -> None:
    found = pack_number(*cut(value), negative, scale, rounding)
    check(found, str(-value if negative else value), scale, rounding)


@given(st.integers(0, 10**20), st.sampled_from([0, 1, 4, 5, 6, 9]), st.booleans())
def test_round_up_is_half_even(value: int, digit: int, rest: bool) -> None:
    exact = Decimal(value) + Decimal(digit) / 10 + Decimal(int(rest)) / 1000
    assert joined(*round_up(*cut(value), digit, rest)) == int(exact.to_integral_value(ROUND_HALF_EVEN))


@given(st.integers(-(2**63), 2**63 - 1), scales, st.booleans())
def test_whole_numbers(value: int, scale: int, rounding: bool) -> None:
    check(number_from_long(value, scale, rounding), str(value), scale, rounding)


artefacts = st.builds(lambda a, b: a / 10 + b / 100, st.integers(-(10**8), 10**8), st.integers(0, 10**6))
ties = st.builds(lambda units: (2 * units + 1) / 2 / 10**10, st.integers(-(10**15), 10**15))
reals = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(lambda m, k: m / 10**k, st.integers(-(10**17), 10**17), st.integers(0, 15)),
    artefacts,
    ties,
)


@given(reals, scales, st.booleans())
@example(0.1 + 0.2, 0, True)
@example(5e-11, 0, True)
@example(1.5e-10, 0, True)
@example(1.1 * 1.1, 4, True)
@example(5.132145e-05, 0, True)  # a tie whose product with 10**10 lies above it
@settings(max_examples=500)  # the first call compiles
def test_doubles_are_their_shortest_text(value: float, scale: int, rounding: bool) -> None:
    check(number_from_double(value, scale, rounding), repr(value), scale, rounding)


@given(artefacts)
def test_sums_of_small_doubles_are_rounded_without_repr(value: float) -> None:
    assert abs(value) > 40_000 or number_from_double(value, 0, True)[2] != PENDING


@given(st.integers(-(10**15), 10**15), st.integers(0, 10))
def test_doubles_of_up_to_15_digits_need_no_repr(digits: int, places: int) -> None:
    assert number_from_double(digits / 10**places, 0, False)[2] == Reason.NONE


@given(
    st.one_of(
        st.floats(width=32, allow_nan=False, allow_infinity=False),
        st.builds(lambda m, k: float(np.float32(m / 10**k)), st.integers(-(10**9), 10**9), st.integers(0, 10)),
    ),
    scales,
    st.booleans(),
)
@example(536870912.0, 0, False)  # 2**29, whose shortest text is 536870900
def test_floats_are_their_shortest_text(value: float, scale: int, rounding: bool) -> None:
    check(number_from_float(value, scale, rounding), str(np.float32(value)), scale, rounding)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number(value: float) -> None:
    assert number_from_double(value, 0, True)[2] == number_from_float(value, 0, True)[2] == Reason.BAD_VALUE


def test_text_with_an_absurd_exponent_costs_nothing() -> None:
    assert number_from_text("1e999999999") == (0, 0, Reason.OUT_OF_RANGE)
    assert number_from_text("0e999999999") == (0, 0, Reason.NONE)
    assert number_from_text("1e-999999999", 0, True) == (0, 0, ROUNDED)
