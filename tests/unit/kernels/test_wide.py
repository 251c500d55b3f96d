"""Limb arithmetic equals Python's own integers, at the edges of its stated ranges above all."""

from fractions import Fraction
from math import isqrt

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from kernels.wide import (
    add256,
    divide128,
    divide256,
    divide_by_small,
    increment128,
    less128,
    multiply64,
    multiply94,
    multiply128,
    negate128,
    round_half_even,
    scale256,
    square_root192,
    subtract128,
    subtract320,
)

LIMB = 2**64


def edges(bits: int) -> st.SearchStrategy[int]:
    near = [2**k + d for k in range(0, bits, 16) for d in (-1, 0, 1)] + [2**bits - 1]
    return st.one_of(st.integers(0, 2**bits - 1), st.sampled_from([n for n in near if 0 <= n < 2**bits]))


def limbs(number: int, count: int) -> list[np.uint64]:
    return [np.uint64((number >> (64 * i)) % LIMB) for i in range(count)]


def number(parts: list[np.uint64]) -> int:
    return sum(int(part) << (64 * i) for i, part in enumerate(parts))


@given(edges(64), edges(64))
def test_multiply64_gives_both_halves(a: int, b: int) -> None:
    high, low = multiply64(np.uint64(a), np.uint64(b))
    assert number([low, high]) == a * b


@given(edges(94), edges(94))
def test_multiply94_never_wraps(a: int, b: int) -> None:
    (a0, a1), (b0, b1) = limbs(a, 2), limbs(b, 2)
    assert number(list(multiply94(a1, a0, b1, b0))) == a * b


@given(edges(255), edges(192))
def test_add256_carries_through_every_limb(a: int, b: int) -> None:
    assert number(list(add256(tuple(limbs(a, 4)), tuple(limbs(b, 3))))) == a + b


@given(edges(256), edges(64))
@example((2**64 // 3 << 192) | (2**64 - 1 << 128), 3)  # the fourth limb is full before the carry
def test_scale256_has_a_fifth_limb(a: int, factor: int) -> None:
    assert number(list(scale256(tuple(limbs(a, 4)), np.uint64(factor)))) == a * factor


@given(edges(256), edges(300))
def test_subtract320_borrows_through_every_limb(b: int, extra: int) -> None:
    parts = np.array(limbs(b + extra, 5), np.uint64)
    subtract320(parts, tuple(limbs(b, 4)))
    assert number(list(parts)) == extra


@given(edges(126), edges(127), edges(126))
@example(1565612049045789139, 2**63, 5684114445095461864)
@example(18351181909766763801, 9223372038544982089, 8206111381868170514)  # the guess of a digit is one too great
@example(2973331996087806523, 17743940436812447690, 13908920166751043366)  # and what is left leaves 32 bits
@example(17687470356274433016, 9223372040063196881, 2161376438639899952)  # two too great
@example(2**126 - 1, 2**64 - 1, 2**64 - 2)
@example(2**64 + 1, 2**100, 0)
def test_divide256_is_exact_division_with_remainder(quotient: int, divisor: int, rest: int) -> None:
    divisor = max(divisor, 1)
    dividend = quotient * divisor + rest % divisor
    d0, d1 = limbs(divisor, 2)
    q2, q1, q0, r1, r0 = divide256(np.array(limbs(dividend, 5), np.uint64), d1, d0)
    assert (number([q0, q1, q2]), number([r0, r1])) == divmod(dividend, divisor)


def pair(value: int) -> tuple[np.uint64, np.uint64]:
    low, high = limbs(value % 2**128, 2)
    return high, low


def joined(high: np.uint64, low: np.uint64) -> int:
    return number([low, high])


@given(edges(128), edges(64))
def test_multiply128_fits_where_the_caller_says_so(a: int, factor: int) -> None:
    a %= 2**128 // max(factor, 1)
    assert joined(*multiply128(*pair(a), np.uint64(factor))) == a * factor


@given(edges(128), edges(127))
@example(10**28 * 10**6, 1)
@example(2**64 * 10**6, 2**64 + 1)
@example(2**31 * 10**9, 10**9)
@example(2**31 * 10**9 - 1, 10**9)
@example(12471656136669552000000, 812381323017540)  # the guess is one too great
@example(163375477660276958024000000, 2016981205682431580537376)  # too small
def test_divide128_is_exact_division_with_remainder(dividend: int, divisor: int) -> None:
    divisor = max(divisor, 1)
    q_hi, q_lo, rest_hi, rest_lo = divide128(*pair(dividend), *pair(divisor))
    assert (joined(q_hi, q_lo), joined(rest_hi, rest_lo)) == divmod(dividend, divisor)


@given(edges(64), edges(64), st.integers(1, 2**32 - 1))
def test_divide_by_small_is_one_digit_of_a_long_division(high: int, limb: int, divisor: int) -> None:
    high %= divisor
    quotient, rest = divide_by_small(np.uint64(high), np.uint64(limb), np.uint64(divisor))
    assert (int(quotient), int(rest)) == divmod(high << 64 | limb, divisor)


@given(edges(128), edges(128))
def test_sign_order_and_steps_of_128_bits(a: int, b: int) -> None:
    assert less128(*pair(a), *pair(b)) == (a < b)
    assert joined(*subtract128(*pair(a), *pair(b))) == (a - b) % 2**128
    assert joined(*negate128(*pair(a))) == -a % 2**128
    assert joined(*increment128(*pair(a))) == (a + 1) % 2**128


@given(edges(90), edges(100), edges(90))
@example(0, 2, 1)
@example(1, 2, 1)
@example(2**64 - 1, 2, 1)
@example(1, 2**64 + 10, 5)  # the low words alone look like a tie
def test_a_quotient_is_rounded_to_the_even_one_in_a_tie(quotient: int, divisor: int, rest: int) -> None:
    divisor = max(divisor, 1)
    rest %= divisor
    found = joined(*round_half_even(*pair(quotient), *pair(rest), *pair(divisor)))
    assert found == round(Fraction(quotient * divisor + rest, divisor))


@given(edges(192))
@example(0)
@example(3)  # Newton's step from 1 is one too great
@example((2**32 - 1) ** 2)
@example((2**40 + 1) ** 2 - 1)
@example(17_999_999_999_999_999_999**2)
@example((2**64 - 1) ** 2)
@example((2**70 + 1) ** 2)
@example((2**95 + 1) ** 2 - 1)
def test_square_root192_is_the_floor_of_the_root(a: int) -> None:
    a0, a1, a2 = limbs(a, 3)
    hi, lo = square_root192(a2, a1, a0)
    assert number([lo, hi]) == isqrt(a)
