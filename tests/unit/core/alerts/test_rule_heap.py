"""Heaps of rules against sorted lists: what is on top after any putting in and taking out."""

import random

import numpy as np

from core.alerts.rule_heap import NOTHING, RULE, is_less, merge_heaps, take_out, take_top
from kernels.decimal_text import to_pair


def rules_of(keys: list[int]) -> np.ndarray:
    rules = np.zeros(len(keys), RULE)
    for name in ("child", "next", "before"):
        rules[name] = NOTHING
    for row, key in zip(rules, keys, strict=True):
        row["key_hi"], row["key_lo"] = to_pair(key)
    return rules


def test_tops_come_in_the_order_of_keys() -> None:
    keys = [5, -3, 2**70, 5, 0, -(2**70), 2**64, 2**64 - 1, 7, -1]
    rules, top = rules_of(keys), NOTHING
    for slot in range(len(keys)):
        top = merge_heaps(rules, top, slot)
    found = []
    while top != NOTHING:
        found.append(keys[top])
        top = take_top(rules, top)
    assert found == sorted(keys)


def test_any_rule_can_be_taken_out() -> None:
    chance = random.Random(7)
    for _ in range(40):
        keys = [chance.randrange(-20, 20) for _ in range(chance.randrange(1, 25))]
        rules, top, inside = rules_of(keys), NOTHING, set()
        waiting = list(range(len(keys)))
        chance.shuffle(waiting)
        while waiting or inside:
            step = chance.random()
            if waiting and step < 0.6:
                slot = waiting.pop()
                rules[slot]["child"] = rules[slot]["next"] = rules[slot]["before"] = NOTHING
                top = merge_heaps(rules, top, slot)
                inside.add(slot)
            elif inside and step < 0.8:
                inside.remove(top)
                top = take_top(rules, top)
            elif inside:
                slot = chance.choice(sorted(inside))
                inside.remove(slot)
                top = take_out(rules, top, slot)
            best = min((keys[slot] for slot in inside), default=None)
            assert (keys[top] if top != NOTHING else None) == best


def test_numbers_of_128_bits_are_compared_with_their_sign() -> None:
    for a, b in [(-1, 0), (2**64 - 1, 2**64), (-(2**64), -1), (3, 4)]:
        assert is_less(*pair(a), *pair(b))
        assert not is_less(*pair(b), *pair(a))
        assert not is_less(*pair(a), *pair(a))


def pair(number: int) -> tuple[np.int64, np.uint64]:
    high, low = to_pair(number)
    return np.int64(high), np.uint64(low)
