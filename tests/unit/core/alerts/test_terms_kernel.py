"""Bounds read from text against Python's own integers."""

import random
from decimal import Decimal

import numpy as np

from core.alerts.rule_heap import RULE
from core.alerts.terms_kernel import GIVEN, MIRRORED, UNIT_AT_LEAST, UPWARD, fill_bounds
from kernels.decimal_text import from_pairs, plain, to_pair, units

MOST = 10**28 - 1


def columns(numbers: list[tuple[str, str]], kinds: list[int], given: int = 0) -> list[tuple[int, int, int]]:
    """(bound, rearm, back) of each."""
    rows = np.zeros(len(numbers), RULE)
    rows["bound_hi"], rows["bound_lo"] = to_pair(given)
    text = "".join(f"{threshold}\n{rearm}\n" for threshold, rearm in numbers).encode()
    fill_bounds(rows, np.frombuffer(text, np.uint8), np.array(kinds, np.uint8))
    found = [from_pairs(rows[f"{name}_hi"], rows[f"{name}_lo"]) for name in ("bound", "rearm", "back")]
    return list(zip(*found, strict=True))


def test_numbers_of_any_size_are_exact() -> None:
    chance = random.Random(5)
    numbers = [(chance.randrange(1, 10 ** chance.randrange(1, 29)), chance.randrange(1, 10**20)) for _ in range(200)]
    numbers += [(MOST, MOST), (1, 1), (10**10, 10**10), (2**64, 2**64 - 1)]
    kinds = [chance.choice((0, UPWARD)) for _ in numbers]
    expected = [
        (bound, bound - far, bound - 1) if kind else (bound, bound + far, bound + 1)
        for (bound, far), kind in zip(numbers, kinds, strict=True)
    ]
    assert columns([(plain(bound), plain(far)) for bound, far in numbers], kinds) == expected


def test_digits_that_say_nothing_are_read_too() -> None:
    bound = units(Decimal("7.5"))
    assert columns([("007.50", "0.0")], [UPWARD]) == [(bound, bound - 1, bound - 1)]


def test_what_a_threshold_means() -> None:
    two, one = 2 * 10**10, 10**10
    assert columns([("2", "1")], [MIRRORED]) == [(-two, -one, -two + 1)]
    assert columns([("2", "1")], [MIRRORED | UPWARD]) == [(-two, -two - one, -two - 1)]
    assert columns([("0", "1"), ("3", "0")], [UNIT_AT_LEAST | UPWARD] * 2) == [
        (1, 1 - one, 0), (3 * one, 3 * one - 1, 3 * one - 1),
    ]  # fmt: skip
    assert columns([("0", "1")], [UNIT_AT_LEAST | MIRRORED]) == [(-1, one - 1, 0)]
    assert columns([("5", "1")], [GIVEN], given=2**70) == [(2**70, 2**70 + one, 2**70 + 1)]
