"""Bounds of many rules at once, compiled: from decimals as text to the numbers that the loop over trades compares.

core.alerts.terms calls it with the thresholds and rearms of all rules that come in together, a million at a start. The
text was checked (schemas.alert_rules.fault_of). Numbers are whole units of 10**-10, of 128 bits with their sign.
"""

from typing import Final

import numpy as np

from core.alerts.rule_heap import RuleRows
from kernels.decimal_text import SCALE
from kernels.kernel import leaf_kernel
from kernels.wide import POWERS_OF_TEN, increment128, multiply128, negate128, subtract128
from schemas.columns import Bytes, Whole

__all__ = ["GIVEN", "MIRRORED", "UNIT_AT_LEAST", "UPWARD", "fill_bounds"]

UPWARD: Final = 1
MIRRORED: Final = 2
UNIT_AT_LEAST: Final = 4
GIVEN: Final = 8
"""Bits of what a threshold means. UPWARD: the rule fires on the way up. MIRRORED: the bound is the threshold's
negative. UNIT_AT_LEAST: a threshold of 0 is one unit. GIVEN: the bound stands in the row already."""
END: Final = 10
POINT: Final = 46
ZERO_SIGN: Final = 48
ZERO: Final = np.uint64(0)
ONE: Final = np.uint64(1)
TEN: Final = np.uint64(10)


@leaf_kernel
def read_units(text: Bytes, at: Whole) -> tuple[np.uint64, np.uint64, int]:
    """(hi, lo, where the next number begins) of a plain decimal that ends with a line feed."""
    hi, lo, places, step = ZERO, ZERO, 0, 0
    while text[at] != END:
        if text[at] == POINT:
            step = 1
        else:
            hi, lo = multiply128(hi, lo, TEN)
            digit = np.uint64(text[at] - ZERO_SIGN)
            lo += digit
            hi += ONE if lo < digit else ZERO
            places += step
        at += 1
    hi, lo = multiply128(hi, lo, POWERS_OF_TEN[SCALE - places])
    return hi, lo, int(at + 1)


@leaf_kernel
def fill_bounds(rules: RuleRows, text: Bytes, kinds: Bytes) -> None:
    """bound, rearm and back of each rule. text: of each its threshold and its rearm, with a line feed behind each."""
    at = 0
    for i in range(rules.shape[0]):
        rule, kind = rules[i], kinds[i]
        hi, lo, at = read_units(text, at)
        far_hi, far_lo, at = read_units(text, at)
        if kind & UNIT_AT_LEAST and hi == ZERO and lo == ZERO:
            lo = ONE
        if kind & MIRRORED:
            hi, lo = negate128(hi, lo)
        if kind & GIVEN:
            hi, lo = np.uint64(rule.bound_hi), rule.bound_lo
        if far_hi == ZERO and far_lo == ZERO:
            far_lo = ONE
        if kind & UPWARD:
            rearm_hi, rearm_lo = subtract128(hi, lo, far_hi, far_lo)
            back_hi, back_lo = subtract128(hi, lo, ZERO, ONE)
        else:
            far_hi, far_lo = negate128(far_hi, far_lo)
            rearm_hi, rearm_lo = subtract128(hi, lo, far_hi, far_lo)
            back_hi, back_lo = increment128(hi, lo)
        rule.bound_hi, rule.bound_lo = np.int64(hi), lo
        rule.rearm_hi, rule.rearm_lo = np.int64(rearm_hi), rearm_lo
        rule.back_hi, rule.back_lo = np.int64(back_hi), back_lo
