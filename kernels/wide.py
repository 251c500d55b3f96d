"""Wide unsigned integers for compiled kernels: 128 and 256 bits as 64-bit words, and every operation on them once.

Bars call it for price * size, price ** 2, their sums, and the divisions behind vwap and stddev; readers and writers of
numbers for powers of ten; tickers for percentages. No operation here rounds or wraps within the ranges stated. Prices
and sizes are below 10**28 (94 bits), so a product takes 187 bits, and 2**64 of them still fit into 256. A number of 128
bits is a pair (hi, lo); one with a sign is its two's complement. Division by more than 64 bits goes bit by bit. Source
of that by 64 bits and of the root: H. S. Warren, "Hacker's Delight" (2nd ed.), 9-4 and 11-1.
"""

import math
from typing import Final

import numpy as np

from kernels.kernel import leaf_kernel
from schemas.columns import Words

__all__ = [
    "POWERS_OF_TEN",
    "Limbs4",
    "Pair",
    "Product",
    "add256",
    "divide128",
    "divide256",
    "divide_by_small",
    "increment128",
    "less128",
    "multiply64",
    "multiply94",
    "multiply128",
    "negate128",
    "round_half_even",
    "scale256",
    "square_root192",
    "subtract128",
    "subtract320",
]

Pair = tuple[np.uint64, np.uint64]
"""(hi, lo) of hi * 2**64 + lo."""
Product = tuple[np.uint64, np.uint64, np.uint64]
"""Three limbs, the lowest first."""
Limbs4 = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
"""Four, the lowest first."""

POWERS_OF_TEN: Final = np.array([10**n for n in range(20)], np.uint64)
"""All that fit 64 bits."""
ZERO = np.uint64(0)
ONE = np.uint64(1)
LOW32 = np.uint64(0xFFFFFFFF)
SHIFT32 = np.uint64(32)
SHIFT63 = np.uint64(63)
TWO_64: Final = float(1 << 64)
GUESS_MAX: Final = float(1 << 31)
ROOT_MAX: Final = 1.8e19
"""Roots below are found from a double's guess: it fits 64 bits, and is greater than the square's upper half."""


@leaf_kernel
def multiply64(a: np.uint64, b: np.uint64) -> Pair:
    """a * b."""
    a_low, a_high, b_low, b_high = a & LOW32, a >> SHIFT32, b & LOW32, b >> SHIFT32
    low = a_low * b_low
    middle = a_high * b_low + (low >> SHIFT32)
    other = a_low * b_high + (middle & LOW32)
    return a_high * b_high + (middle >> SHIFT32) + (other >> SHIFT32), (other << SHIFT32) | (low & LOW32)


@leaf_kernel
def multiply128(hi: np.uint64, lo: np.uint64, factor: np.uint64) -> Pair:
    """(hi, lo) * factor; the caller knows that the product fits 128 bits."""
    carry, low = multiply64(lo, factor)
    return hi * factor + carry, low


@leaf_kernel
def multiply94(a_hi: np.uint64, a_lo: np.uint64, b_hi: np.uint64, b_lo: np.uint64) -> Product:
    """The product of two numbers below 2**94."""
    carry, limb0 = multiply64(a_lo, b_lo)
    if a_hi == ZERO and b_hi == ZERO:
        return limb0, carry, ZERO
    cross_a_hi, cross_a = multiply64(a_hi, b_lo)
    cross_b_hi, cross_b = multiply64(a_lo, b_hi)
    limb1 = carry + cross_a
    carry2 = ONE if limb1 < carry else ZERO
    sum1 = limb1 + cross_b
    carry2 += ONE if sum1 < limb1 else ZERO
    return limb0, sum1, a_hi * b_hi + cross_a_hi + cross_b_hi + carry2


@leaf_kernel
def less128(a_hi: np.uint64, a_lo: np.uint64, b_hi: np.uint64, b_lo: np.uint64) -> bool:
    return bool(a_hi < b_hi or (a_hi == b_hi and a_lo < b_lo))


@leaf_kernel
def subtract128(a_hi: np.uint64, a_lo: np.uint64, b_hi: np.uint64, b_lo: np.uint64) -> Pair:
    """a - b, two's complement where b is the greater."""
    return a_hi - b_hi - (ONE if a_lo < b_lo else ZERO), a_lo - b_lo


@leaf_kernel
def increment128(hi: np.uint64, lo: np.uint64) -> Pair:
    """(hi, lo) + 1."""
    low = lo + ONE
    return hi + (ONE if low == ZERO else ZERO), low


@leaf_kernel
def negate128(hi: np.uint64, lo: np.uint64) -> Pair:
    """-(hi, lo), two's complement."""
    low = ~lo + ONE
    return ~hi + (ONE if low == ZERO else ZERO), low


# How sums of 256 bits are carried.
#
# A wide number is a row of limbs of 64 bits, the lowest first. Compiled code has neither a wider integer nor a carry
# flag, so the carry is found by comparing: addition wraps at 2**64, and s = a + b wrapped exactly when s < b. A limb
# above the lowest takes in the carry from below too. It may wrap for its summand or for that carry, but never for both,
# as the greatest sum, 2 * (2**64 - 1) + 1, is below 2 * 2**64. So a carry is always 0 or 1.
#
# Multiplication cuts its factors into halves of 32 bits, whose products fit 64. So does division by 64 bits or fewer:
# the divisor is shifted until its highest bit is set, its upper half guesses a digit of 32 bits, and the guess is at
# most two too great. A wider divisor takes one bit of the dividend at a time, as on paper: the remainder is doubled,
# takes the bit in, and gives up the divisor if it can, which makes one bit of the quotient.
#
# A square root below 2**64 begins with that of a double. Newton's step, the mean of it and of the dividend by it, is
# never less than the root, and at most one more, as the guess is right to 50 bits. A greater root takes two bits at a
# time: with r the root so far, the next bit is 1 if 4*r + 1 can be taken off, as (2*r + 1)**2 - (2*r)**2 = 4*r + 1.
@leaf_kernel
def add256(a: Limbs4, b: Product) -> Limbs4:
    """a + b; the caller knows that it fits."""
    a0, a1, a2, a3 = a
    b0, b1, b2 = b
    s0 = a0 + b0
    carry = ONE if s0 < b0 else ZERO
    s1 = a1 + b1
    out = ONE if s1 < b1 else ZERO
    s1 += carry
    carry = out + (ONE if s1 < carry else ZERO)
    s2 = a2 + b2
    out = ONE if s2 < b2 else ZERO
    s2 += carry
    carry = out + (ONE if s2 < carry else ZERO)
    return s0, s1, s2, a3 + carry


@leaf_kernel
def scale256(a: Limbs4, factor: np.uint64) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]:
    """Five limbs of a * factor."""
    a0, a1, a2, a3 = a
    carry, r0 = multiply64(a0, factor)
    high, low = multiply64(a1, factor)
    r1 = low + carry
    carry = high + (ONE if r1 < low else ZERO)
    high, low = multiply64(a2, factor)
    r2 = low + carry
    carry = high + (ONE if r2 < low else ZERO)
    high, low = multiply64(a3, factor)
    r3 = low + carry
    return r0, r1, r2, r3, high + (ONE if r3 < low else ZERO)


@leaf_kernel
def subtract320(limbs: Words, subtrahend: Limbs4) -> None:
    """limbs (uint64[5], in place) -= subtrahend; the result must not be negative."""
    borrow = ZERO
    for i, b in enumerate(subtrahend):
        a = limbs[i]
        d = a - b
        out = ONE if a < b else ZERO
        limbs[i] = d - borrow
        borrow = out | (ONE if d < borrow else ZERO)
    limbs[4] -= borrow


@leaf_kernel
def highest_bit(value: np.uint64) -> int:
    """Number of bits of a uint64 (0 for 0)."""
    bits, step = 0, 32
    while step > 0:
        if value >> np.uint64(step) != ZERO:
            value >>= np.uint64(step)
            bits += step
        step >>= 1
    return bits + int(value)


@leaf_kernel
def _divide_limb(
    rest_hi: np.uint64, rest_lo: np.uint64, limb: np.uint64, bits: int, by_hi: np.uint64, by_lo: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64]:
    """(quotient, rest hi, rest lo) of rest * 2**bits + limb, whose lower ``bits`` count; the rest is below the divisor.

    The divisor is below 2**127.
    """
    quotient = ZERO
    for j in range(bits - 1, -1, -1):
        rest_hi = (rest_hi << ONE) | (rest_lo >> SHIFT63)
        rest_lo = (rest_lo << ONE) | ((limb >> np.uint64(j)) & ONE)
        quotient <<= ONE
        if not less128(rest_hi, rest_lo, by_hi, by_lo):
            rest_hi, rest_lo = subtract128(rest_hi, rest_lo, by_hi, by_lo)
            quotient |= ONE
    return quotient, rest_hi, rest_lo


@leaf_kernel
def _divide_digit(rest: np.uint64, digit: np.uint64, upper: np.uint64, lower: np.uint64) -> tuple[np.uint64, np.uint64]:
    """(quotient, rest) of rest * 2**32 + digit by upper * 2**32 + lower, whose highest bit is set; rest is below it."""
    guess = rest // upper
    left = rest - guess * upper
    while guess > LOW32 or guess * lower > ((left << SHIFT32) | digit):
        guess -= ONE
        left += upper
        if left > LOW32:
            break
    return guess, (rest << SHIFT32) + digit - guess * ((upper << SHIFT32) | lower)


@leaf_kernel
def _divide_word(high: np.uint64, limb: np.uint64, by: np.uint64, shift: np.uint64) -> Pair:
    """(quotient, rest) of high * 2**64 + limb by ``by``; high is below it. shift: how many of its upper bits are 0."""
    if high == ZERO:
        return limb // by, limb % by
    upper, lower = (by << shift) >> SHIFT32, (by << shift) & LOW32
    rest, low = (high << shift) | ((limb >> ONE) >> (SHIFT63 - shift)), limb << shift
    first, rest = _divide_digit(rest, low >> SHIFT32, upper, lower)
    second, rest = _divide_digit(rest, low & LOW32, upper, lower)
    return (first << SHIFT32) | second, rest >> shift


@leaf_kernel
def divide256(
    limbs: Words, by_hi: np.uint64, by_lo: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64, np.uint64]:
    """(q2, q1, q0, rest hi, rest lo) of limbs (uint64[n], low first) by a divisor below 2**127.

    The quotient must fit 192 bits; the divisor must not be 0.
    """
    top = limbs.shape[0] - 1
    while top > 0 and limbs[top] == ZERO:
        top -= 1
    q2, q1, q0, rest_hi, rest_lo = ZERO, ZERO, ZERO, ZERO, ZERO
    if by_hi == ZERO:
        shift = np.uint64(64 - highest_bit(by_lo))
        for i in range(top, -1, -1):
            q2, q1 = q1, q0
            q0, rest_lo = _divide_word(rest_lo, limbs[i], by_lo, shift)
        return q2, q1, q0, ZERO, rest_lo
    for i in range(top, -1, -1):
        q2, q1 = q1, q0
        bits = 64 if i < top else highest_bit(limbs[i])
        q0, rest_hi, rest_lo = _divide_limb(rest_hi, rest_lo, limbs[i], bits, by_hi, by_lo)
    return q2, q1, q0, rest_hi, rest_lo


@leaf_kernel
def divide128(
    hi: np.uint64, lo: np.uint64, by_hi: np.uint64, by_lo: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """(quotient hi, lo, rest hi, lo); the divisor is below 2**127 and not 0.

    A small quotient starts from a double's guess, which exact arithmetic then corrects. Only one of 2**31 and more goes
    the slow way, bit by bit.
    """
    guess = (float(hi) * TWO_64 + float(lo)) / (float(by_hi) * TWO_64 + float(by_lo))
    if guess >= GUESS_MAX:
        q_hi, rest_hi, rest_lo = _divide_limb(ZERO, ZERO, hi, 64, by_hi, by_lo)
        q_lo, rest_hi, rest_lo = _divide_limb(rest_hi, rest_lo, lo, 64, by_hi, by_lo)
        return q_hi, q_lo, rest_hi, rest_lo
    # Doubles are within one part in 2**50 here, so the guess is off by one at most.
    q_lo = np.uint64(guess)
    part_hi, part_lo = multiply128(by_hi, by_lo, q_lo)
    if less128(hi, lo, part_hi, part_lo):
        q_lo -= ONE
        part_hi, part_lo = subtract128(part_hi, part_lo, by_hi, by_lo)
    rest_hi, rest_lo = subtract128(hi, lo, part_hi, part_lo)
    if not less128(rest_hi, rest_lo, by_hi, by_lo):
        q_lo += ONE
        rest_hi, rest_lo = subtract128(rest_hi, rest_lo, by_hi, by_lo)
    return ZERO, q_lo, rest_hi, rest_lo


@leaf_kernel
def divide_by_small(high: np.uint64, limb: np.uint64, divisor: np.uint64) -> Pair:
    """(quotient, rest) of high * 2**64 + limb by a divisor below 2**32; high is below the divisor: one digit of a long
    division, whose rest is the next digit's ``high``."""
    upper = (high << SHIFT32) | (limb >> SHIFT32)
    first = upper // divisor
    lower = ((upper - first * divisor) << SHIFT32) | (limb & LOW32)
    second = lower // divisor
    return (first << SHIFT32) | second, lower - second * divisor


@leaf_kernel
def round_half_even(
    hi: np.uint64, lo: np.uint64, rest_hi: np.uint64, rest_lo: np.uint64, by_hi: np.uint64, by_lo: np.uint64
) -> Pair:
    """A quotient rounded to the nearest, to the even one in a tie, by the rest that its division left."""
    left_hi, left_lo = subtract128(by_hi, by_lo, rest_hi, rest_lo)
    is_tie = left_hi == rest_hi and left_lo == rest_lo
    if less128(left_hi, left_lo, rest_hi, rest_lo) or (is_tie and (lo & ONE) == ONE):
        return increment128(hi, lo)
    return hi, lo


@leaf_kernel
def square_root192(a2: np.uint64, a1: np.uint64, a0: np.uint64) -> Pair:
    """(hi, lo) of floor(sqrt(a)) for a below 2**192."""
    guess = math.sqrt(float(a1) * TWO_64 + float(a0))
    if a2 == ZERO and 1.0 <= guess < ROOT_MAX:
        near = np.uint64(guess)
        other, _ = _divide_word(a1, a0, near, np.uint64(64 - highest_bit(near)))
        root = (near & other) + ((near ^ other) >> ONE)
        square_hi, square_lo = multiply64(root, root)
        return ZERO, root - ONE if less128(a1, a0, square_hi, square_lo) else root
    root_hi, root_lo, r_hi, r_lo = ZERO, ZERO, ZERO, ZERO
    for i in range(95, -1, -1):
        limb = a2 if i >= 64 else (a1 if i >= 32 else a0)
        pair = (limb >> np.uint64(2 * (i % 32))) & np.uint64(3)
        r_hi = (r_hi << np.uint64(2)) | (r_lo >> np.uint64(62))
        r_lo = (r_lo << np.uint64(2)) | pair
        t_hi = (root_hi << np.uint64(2)) | (root_lo >> np.uint64(62))
        t_lo = (root_lo << np.uint64(2)) | ONE
        root_hi = (root_hi << ONE) | (root_lo >> SHIFT63)
        root_lo <<= ONE
        if not less128(r_hi, r_lo, t_hi, t_lo):
            r_hi, r_lo = subtract128(r_hi, r_lo, t_hi, t_lo)
            root_lo |= ONE
    return root_hi, root_lo
