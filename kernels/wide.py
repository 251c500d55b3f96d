"""Wide unsigned integers for compiled kernels: 128 and 256 bits as 64-bit limbs.

Bars call it for price * size, price ** 2, their sums, and the two divisions behind vwap and stddev. No operation here
rounds or wraps within the ranges stated. Prices and sizes are below 10**28 (94 bits), so a product takes 187 bits, and
2**64 of them still fit into 256. Division goes bit by bit: exactness in few lines is worth more than the half
microsecond that it costs when a bar closes.
"""

import numpy as np

from kernels.kernel import leaf_kernel

__all__ = [
    "add256",
    "divide256",
    "multiply64",
    "multiply94",
    "scale256",
    "square_root192",
    "subtract320",
]

ZERO = np.uint64(0)
ONE = np.uint64(1)
MASK32 = np.uint64(0xFFFFFFFF)
SHIFT32 = np.uint64(32)
SHIFT63 = np.uint64(63)


@leaf_kernel
def multiply64(a, b):  # type: ignore[no-untyped-def]
    """(high, low) of a * b, all uint64."""
    a0, a1 = a & MASK32, a >> SHIFT32
    b0, b1 = b & MASK32, b >> SHIFT32
    low, cross_a, cross_b = a0 * b0, a0 * b1, a1 * b0
    middle = (low >> SHIFT32) + (cross_a & MASK32) + (cross_b & MASK32)
    high = a1 * b1 + (cross_a >> SHIFT32) + (cross_b >> SHIFT32) + (middle >> SHIFT32)
    return high, (middle << SHIFT32) | (low & MASK32)


@leaf_kernel
def multiply94(a_hi, a_lo, b_hi, b_lo):  # type: ignore[no-untyped-def]
    """Three limbs, low first, of a product of two numbers below 2**94 (hi and lo are uint64)."""
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


# How sums of 256 bits are carried.
#
# A wide number is a row of limbs of 64 bits, the lowest first. Compiled code has neither a wider integer nor a carry
# flag, so the carry is found by comparing: addition wraps at 2**64, and s = a + b wrapped exactly when s < b. A limb
# above the lowest takes in the carry from below too. It may wrap for its summand or for that carry, but never for both,
# as the greatest sum, 2 * (2**64 - 1) + 1, is below 2 * 2**64. So a carry is always 0 or 1.
#
# Multiplication cuts its factors into halves of 32 bits, whose products fit 64. Division takes one bit of the dividend
# at a time, as on paper: the remainder is doubled, takes the bit in, and gives up the divisor if it can, which makes
# one bit of the quotient. The square root does the same with two bits at a time: with r the root so far, the next bit
# is 1 if 4*r + 1 can be taken off, because (2*r + 1)**2 - (2*r)**2 = 4*r + 1.
@leaf_kernel
def add256(a0, a1, a2, a3, b0, b1, b2):  # type: ignore[no-untyped-def]
    """Four limbs of a (256 bits) + b (192 bits)."""
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
def scale256(a0, a1, a2, a3, factor):  # type: ignore[no-untyped-def]
    """Five limbs of a (256 bits) * factor (uint64)."""
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
def subtract320(limbs, b0, b1, b2, b3):  # type: ignore[no-untyped-def]
    """limbs (uint64[5], in place) -= b (256 bits); the result must not be negative."""
    borrow = ZERO
    for i, b in enumerate((b0, b1, b2, b3)):
        a = limbs[i]
        d = a - b
        out = ONE if a < b else ZERO
        limbs[i] = d - borrow
        borrow = out | (ONE if d < borrow else ZERO)
    limbs[4] -= borrow


@leaf_kernel
def highest_bit(value):  # type: ignore[no-untyped-def]
    """Number of bits of a uint64 (0 for 0)."""
    bits = 0
    while value != ZERO:
        value >>= ONE
        bits += 1
    return bits


@leaf_kernel
def divide256(limbs, d_hi, d_lo):  # type: ignore[no-untyped-def]
    """(q2, q1, q0, remainder_hi, remainder_lo) of limbs (uint64[n], low first) by a divisor below 2**127.

    The quotient must fit 192 bits; the divisor must not be 0.
    """
    top = limbs.shape[0] - 1
    while top > 0 and limbs[top] == ZERO:
        top -= 1
    q2, q1, q0, r_hi, r_lo = ZERO, ZERO, ZERO, ZERO, ZERO
    if top == 0 and d_hi == ZERO:
        return ZERO, ZERO, limbs[0] // d_lo, ZERO, limbs[0] % d_lo
    for i in range(top, -1, -1):
        limb = limbs[i]
        bits = 64 if i < top else highest_bit(limb)
        for j in range(bits - 1, -1, -1):
            r_hi = (r_hi << ONE) | (r_lo >> SHIFT63)
            r_lo = (r_lo << ONE) | ((limb >> np.uint64(j)) & ONE)
            q2 = (q2 << ONE) | (q1 >> SHIFT63)
            q1 = (q1 << ONE) | (q0 >> SHIFT63)
            q0 <<= ONE
            if r_hi > d_hi or (r_hi == d_hi and r_lo >= d_lo):
                r_hi -= d_hi + (ONE if r_lo < d_lo else ZERO)
                r_lo -= d_lo
                q0 |= ONE
    return q2, q1, q0, r_hi, r_lo


@leaf_kernel
def square_root192(a2, a1, a0):  # type: ignore[no-untyped-def]
    """(hi, lo) of floor(sqrt(a)) for a below 2**192; two bits of ``a`` a step, schoolbook."""
    root_hi, root_lo, r_hi, r_lo = ZERO, ZERO, ZERO, ZERO
    top = 95
    if a2 == ZERO:
        top = 63 if a1 != ZERO else 31
    for i in range(top, -1, -1):
        limb = a2 if i >= 64 else (a1 if i >= 32 else a0)
        pair = (limb >> np.uint64(2 * (i % 32))) & np.uint64(3)
        r_hi = (r_hi << np.uint64(2)) | (r_lo >> np.uint64(62))
        r_lo = (r_lo << np.uint64(2)) | pair
        t_hi = (root_hi << np.uint64(2)) | (root_lo >> np.uint64(62))
        t_lo = (root_lo << np.uint64(2)) | ONE
        root_hi = (root_hi << ONE) | (root_lo >> SHIFT63)
        root_lo <<= ONE
        if r_hi > t_hi or (r_hi == t_hi and r_lo >= t_lo):
            r_hi -= t_hi + (ONE if r_lo < t_lo else ZERO)
            r_lo -= t_lo
            root_lo |= ONE
    return root_hi, root_lo
