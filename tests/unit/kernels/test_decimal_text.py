"""Pairs, limbs, Decimals and text: the same number in every form."""

from decimal import Decimal

import numpy as np
import pytest

from kernels.decimal_text import (
    from_limbs,
    from_pair,
    from_pairs,
    plain,
    put_int,
    put_percent,
    texts_i128,
    texts_u256,
    to_decimal,
    to_limbs,
    to_pair,
    units,
)

CASES = {
    0: "0",
    1: "0.0000000001",
    5_000_000_000: "0.5",
    13_130_000_000_000: "1313",
    100: "0.00000001",
    -100: "-0.00000001",
    -15_000_000_000: "-1.5",
    10**28 - 1: "999999999999999999.9999999999",
    (1 << 64) - 1: "1844674407.3709551615",
    1 << 64: "1844674407.3709551616",
    (1 << 127) - 1: "17014118346046923173168730371.5884105727",
    -(1 << 127): "-17014118346046923173168730371.5884105728",
    10**30: "100000000000000000000",
}


@pytest.mark.parametrize(("value", "text"), CASES.items())
def test_text_is_plain_and_has_no_trailing_zeros(value: int, text: str) -> None:
    hi, lo = to_pair(value)
    assert plain(value) == text
    assert texts_i128(np.array([hi], np.int64), np.array([lo], np.uint64)) == [text]
    assert units(text) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1, "0.00000000000000000001"),
        (10**10, "0.0000000001"),
        (10**10 + 10**3, "0.00000000010000001"),
        (10**20, "1"),
        (13 * 10**26, "13000000"),
        ((1 << 256) - 1, plain((1 << 256) - 1, 20)),
        (1 << 192, plain(1 << 192, 20)),
        (10**60, "1" + "0" * 40),
    ],
)
def test_text_of_256_bits(value: int, text: str) -> None:
    assert plain(value, 20) == text
    assert texts_u256(np.array([to_limbs(value)], np.uint64)) == [text]


def test_no_values_give_no_text() -> None:
    assert texts_i128(np.empty(0, np.int64), np.empty(0, np.uint64)) == []
    assert texts_u256(np.empty((0, 4), np.uint64)) == []


@pytest.mark.parametrize("value", [0, 1, -1, 2**127 - 1, -(2**127), 2**64, -(2**64)])
def test_pair_goes_there_and_back(value: int) -> None:
    hi, lo = to_pair(value)
    assert from_pair(hi, lo) == value
    assert from_pairs(np.array([hi], np.int64), np.array([lo], np.uint64)) == [value]


@pytest.mark.parametrize("value", [2**127, -(2**127) - 1])
def test_pair_refuses_what_does_not_fit(value: int) -> None:
    with pytest.raises(OverflowError):
        to_pair(value)


@pytest.mark.parametrize("value", [0, 1, 2**64, 2**255 + 7, 2**256 - 1])
def test_limbs_go_there_and_back(value: int) -> None:
    assert from_limbs(to_limbs(value)) == value


@pytest.mark.parametrize("value", [-1, 2**256])
def test_limbs_refuse_what_does_not_fit(value: int) -> None:
    with pytest.raises(OverflowError):
        to_limbs(value)


def test_units_refuse_digits_below_the_scale() -> None:
    assert units("0.0000000001") == 1
    assert units(Decimal("1e3")) == 1000 * 10**10
    with pytest.raises(ValueError, match="more than 10 fractional digits"):
        units("0.00000000001")


def test_decimal_keeps_every_digit() -> None:
    assert to_decimal(2**127 - 1) == Decimal("17014118346046923173168730371.5884105727")


@pytest.mark.parametrize("value", [0, 9, 10, -1, 2**63 - 1, -(2**63)])
def test_integers_in_decimal(value: int) -> None:
    buffer = np.zeros(128, np.uint8)
    end = put_int(buffer, 3, value)
    assert bytes(buffer[3:end]).decode() == str(value)


@pytest.mark.parametrize(
    "value", [0, 1, -1, 10_000, -1_234_500, 2**64, 10**15 * 2**64 + 7, -(10**15) * 2**64, 2**127 - 1, -(2**127)]
)
def test_percentages_have_five_places(value: int) -> None:
    hi, lo = to_pair(value)
    buffer = np.zeros(128, np.uint8)
    end = put_percent(buffer, 3, hi, np.uint64(lo))
    assert bytes(buffer[3:end]).decode() == plain(value, 5)
