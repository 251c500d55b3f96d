"""Numbers from text, against Python's own decimal: exact, scaled and rounded."""

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernels.decimal_read import ROUNDED
from kernels.decimal_text import from_pair
from kernels.text_read import read_digits, read_number
from schemas.rejects import Reason
from tests.property.avro_writers import units_of

NEAR, FAR = b"99", b"9.-" * 6
"""In front of a text: with too little for eight bytes at a time, and with enough."""


def cell(text: str, before: bytes = NEAR) -> tuple[np.ndarray, int, int]:
    """The text between digits that don't belong to it."""
    data = before + text.encode()
    return np.frombuffer(data + b"99", np.uint8), len(before), len(data)


def number_of(text: str, scale: int = 0) -> int | Reason:
    found = read_number(*cell(text), scale, False)
    assert read_number(*cell(text, FAR), scale, False) == found
    hi, lo, reason = found
    return Reason(reason) if reason else from_pair(hi, lo)


def rounded(number: Decimal, scale: int) -> tuple[int, bool] | Reason:
    """(units of 10**-10, whether they are exact) of number / 10**scale, rounded half-even."""
    with localcontext(prec=500, Emax=MAX_EMAX, Emin=MIN_EMIN):
        units = number.scaleb(10 - scale)
        if units and units.adjusted() >= 28:
            return Reason.OUT_OF_RANGE
        whole = int(units.to_integral_value(ROUND_HALF_EVEN)) if units.adjusted() > -40 else 0
    return (whole, units == whole) if abs(whole) < 10**28 else Reason.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-0.000", 0),
        ("+1", 10**10),
        (".5", 5 * 10**9),
        ("5.", 5 * 10**10),
        ("  1.25 ", 125 * 10**8),
        ("1e-10", 1),
        ("10e-11", 1),
        ("0e999999999999", 0),
        ("1e17", 10**27),
        ("999999999999999999.9999999999", 10**28 - 1),
        ("-999999999999999999.9999999999", 1 - 10**28),
        ("922337205530151988.1709551616", 500_000_001 * 2**64),  # the last ten digits carry into the high word
        ("1e18", Reason.OUT_OF_RANGE),
        ("1e99999999999999999999", Reason.OUT_OF_RANGE),
        ("1e-99999999999999999999", Reason.OUT_OF_RANGE),
        ("0.00000000001", Reason.OUT_OF_RANGE),
        ("0.000000000010", Reason.OUT_OF_RANGE),
        ("1" + "0" * 30 + "e-30", 10**10),
        ("0" * 300 + "7", 7 * 10**10),
        ("9" * 29, Reason.OUT_OF_RANGE),
        *[(bad, Reason.BAD_VALUE) for bad in ("", " ", ".", "-", "+-1", "1.2.3", "1e", "1e+", "e5", "1_0", "1,0")],
        *[(bad, Reason.BAD_VALUE) for bad in ("NaN", "Infinity", "0x1", "1 2", "\u0661", "1\n")],
    ],
)
def test_numbers(text: str, expected: int | Reason) -> None:
    assert number_of(text) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal(number: Decimal) -> None:
    assert number_of(str(number)) == units_of(number)


@given(st.integers(-(10**28) - 1, 10**28 + 1), st.integers(0, 4), st.integers(0, 30))
def test_plain_numbers_with_zeros_around(units: int, before: int, behind: int) -> None:
    whole, fraction = divmod(abs(units), 10**10)
    text = f"{'-' if units < 0 else ''}{'0' * before}{whole}.{fraction:010d}{'0' * behind}"
    assert number_of(text) == (units if abs(units) < 10**28 else Reason.OUT_OF_RANGE)


spellings = st.builds(
    lambda sign, whole, rest, power: f"{sign}{whole}.{rest}e{power}",
    st.sampled_from(["", "-"]),
    st.text("0159", min_size=1, max_size=40),
    st.text("0459", max_size=40),
    st.integers(-60, 60),
)


@given(spellings, st.integers(0, 38))
@example("0.00000000005", 0)
@example("0.00000000015", 0)
@example("999999999999999999.99999999995", 0)
@example("1e-999999", 0)
@settings(max_examples=400)  # the first call compiles
def test_more_places_are_rounded_half_even(text: str, scale: int) -> None:
    hi, lo, reason = read_number(*cell(text), scale, True)
    assert read_number(*cell(text, FAR), scale, True) == (hi, lo, reason)
    found = (from_pair(hi, lo), reason != ROUNDED) if reason in (0, ROUNDED) else Reason(reason)
    assert found == rounded(Decimal(text), scale)


@given(spellings, st.integers(0, 38))
def test_whole_numbers_get_their_scale_exactly(text: str, scale: int) -> None:
    exact = rounded(Decimal(text), scale)
    assert number_of(text, scale) == (exact[0] if isinstance(exact, tuple) and exact[1] else Reason.OUT_OF_RANGE)


def test_a_long_price_of_four_places() -> None:
    assert number_of("2238200", 4) == 2_238_200_000_000


@given(st.text("0123456789+-.eE ", max_size=8))
def test_what_decimal_takes_is_taken(text: str) -> None:
    try:
        expected = units_of(Decimal(text.strip(" ")))
    except ArithmeticError:
        expected = Reason.BAD_VALUE
    assert number_of(text) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        ("999999999999999999", 10**18 - 1),
        ("", 0),
        ("1 2", -1),
        ("-1", -1),
        ("1.0", -1),
        ("\u0661", -1),
        ("12345678", 12345678),
        ("9876543210123456", 9876543210123456),
        ("98765432101x3456", -1),
        ("9876x43210123456", -1),
    ],
)
def test_digits_are_a_whole_number_or_nothing(text: str, number: int) -> None:
    assert read_digits(*cell(text)) == read_digits(*cell(text, FAR)) == number


@pytest.mark.parametrize(
    "text",
    [
        *("12345678"[:place] + "." + "12345678"[place:] for place in range(8)),
        *("1234567890123456"[:place] + "." + "1234567890123456"[place:15] for place in range(16)),
        *(".", "..", "1..", ".1.", "-.", "-.5", "5.", "1234567.12345678", "1234567..2345678", "1.3456789.123456"),
        *("0.1234567890", "0.12345678901", "0.00000000000000", "-0", "-000000.0000000", "99999999999999.9"),
    ],
)
def test_a_point_may_stand_anywhere_once(text: str) -> None:
    try:
        expected = units_of(Decimal(text))
    except ArithmeticError:
        expected = Reason.BAD_VALUE
    assert number_of(text) == expected
