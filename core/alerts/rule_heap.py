"""Rules in heaps, compiled: which rule of a series comes first on the way there.

The loop over trades looks at the tops alone (core.alerts.watch_kernel). A heap is a pairing heap whose links stand in
the rules' own rows. So to put a rule in costs the same wherever it stands and however many there are, none is ever
moved in memory, and nothing is allocated. A rule stands in one heap at most. A heap is named by the row of its top, -1
where it is empty. The least key is on top: what is met on the way down stands by the complement of its number, which
turns the order round.

Source: Fredman, Sedgewick, Sleator, Tarjan: The pairing heap, a new form of self-adjusting heap (1986).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kernels.kernel import leaf_kernel
from schemas.columns import Whole

__all__ = ["NOTHING", "RULE", "RuleRows", "is_less", "merge_heaps", "take_out", "take_top"]

NOTHING: Final = -1

RULE: Final = np.dtype(
    [
        ("bound_hi", "i8"),
        ("bound_lo", "u8"),
        ("rearm_hi", "i8"),
        ("rearm_lo", "u8"),
        ("back_hi", "i8"),
        ("back_lo", "u8"),
        ("key_hi", "i8"),
        ("key_lo", "u8"),
        ("expires_us", "i8"),
        ("cooldown_us", "i8"),
        ("not_before_us", "i8"),
        ("armed_at", "i8"),
        ("at", "i8"),
        ("version", "i8"),
        ("ladder", "i4"),
        ("child", "i4"),
        ("next", "i4"),
        ("before", "i4"),
        ("up", "u1"),
        ("every", "u1"),
        ("state", "u1"),
        ("moved", "u1"),
        ("_pad", "u1", (4,)),
    ]
)
"""One rule. ``bound`` is its threshold, ``rearm`` what the value must go back to after a firing, ``back`` what it has
to go back to while the rule waits now, ``key`` by which it stands in its heap. ``child``, ``next``, ``before``: rows of
its neighbours there; ``before`` is its parent or its elder sibling. ``up``: it fires on the way up."""
RuleRows = npt.NDArray[Any]
"""RULE[n]."""


@leaf_kernel
def is_less(a_hi: Whole, a_lo: np.uint64, b_hi: Whole, b_lo: np.uint64) -> bool:
    """a < b of signed numbers of 128 bits."""
    return bool(a_hi < b_hi or (a_hi == b_hi and a_lo < b_lo))


@leaf_kernel
def merge_heaps(rules: RuleRows, a: Whole, b: Whole) -> int:
    """Top of what two heaps are together."""
    if a == NOTHING:
        return int(b)
    if b == NOTHING:
        return int(a)
    one, other = rules[a], rules[b]
    if is_less(other.key_hi, other.key_lo, one.key_hi, one.key_lo):
        a, b = b, a
    top, under = rules[a], rules[b]
    eldest = top.child
    under.next, under.before = eldest, a
    if eldest != NOTHING:
        rules[eldest].before = b
    top.child, top.next, top.before = b, NOTHING, NOTHING
    return int(a)


@leaf_kernel
def take_top(rules: RuleRows, top: Whole) -> int:
    """Takes the top out of its heap; returns the new one. Its children are merged in pairs, then the pairs."""
    at = rules[top].child
    rules[top].child = NOTHING
    pairs = np.int64(NOTHING)
    while at != NOTHING:
        second = rules[at].next
        rest = np.int64(NOTHING)
        rules[at].next, rules[at].before = NOTHING, NOTHING
        if second != NOTHING:
            rest = np.int64(rules[second].next)
            rules[second].next, rules[second].before = NOTHING, NOTHING
        merged = np.int64(merge_heaps(rules, at, second))
        rules[merged].next = pairs
        pairs = merged
        at = rest
    found = np.int64(NOTHING)
    while pairs != NOTHING:
        rest = np.int64(rules[pairs].next)
        rules[pairs].next = NOTHING
        found = np.int64(merge_heaps(rules, found, pairs))
        pairs = rest
    return int(found)


@leaf_kernel
def take_out(rules: RuleRows, top: Whole, slot: Whole) -> int:
    """Takes the rule in row ``slot`` out of the heap that it stands in; returns the new top."""
    if slot == top:
        return take_top(rules, top)
    row = rules[slot]
    younger, elder = row.next, row.before
    if rules[elder].child == slot:
        rules[elder].child = younger
    else:
        rules[elder].next = younger
    if younger != NOTHING:
        rules[younger].before = elder
    row.next, row.before = NOTHING, NOTHING
    return merge_heaps(rules, top, take_top(rules, slot))
