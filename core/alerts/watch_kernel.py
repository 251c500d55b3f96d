"""The loop over trades that fires rules, compiled: when a rule fires, waits, is armed again or is over.

RuleBook calls it with the trades of a batch after the shard has judged them. Only trades that were applied count, each
of them, in the order of the log. A trade that meets no rule costs two compares against the bounds of its ladder. The
kernel stops and returns its position when there is no room for another firing; what it had begun goes on from there.

A rule that is armed stands in the heap of its own direction by its threshold. One that waits stands in the other heap
by the value that arms it again. So both are met by the same two compares.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from core.alerts.rule_heap import NOTHING, RuleRows, is_less, merge_heaps, take_out, take_top
from kernels.kernel import leaf_kernel
from schemas.columns import APPLIED, Ints, Longs, TradeRows, Whole

__all__ = [
    "ARMED",
    "EXPIRED",
    "FIRED",
    "FIRING",
    "FREE",
    "LADDER",
    "MOVED",
    "WAITING",
    "FiringRows",
    "LadderRows",
    "Watch",
    "new_ladders",
    "place_rules",
    "remove_rules",
    "watch_trades",
]

FREE: Final = 0
ARMED: Final = 1
WAITING: Final = 2
FIRED: Final = 3
EXPIRED: Final = 4
"""RULE.state; the last four are in the order of schemas.alert_rules.STATES."""
MOVED: Final = 0
"""Place in Watch.registers: how many rules changed their state since they were last asked for."""
HIGHEST: Final = 2**63 - 1
LOWEST: Final = -(2**63)
ALL_ONES: Final = np.uint64(2**64 - 1)
ZERO: Final = np.uint64(0)
ONE: Final = np.uint64(1)

LADDER: Final = np.dtype(
    [
        ("up_hi", "i8"),
        ("up_lo", "u8"),
        ("down_hi", "i8"),
        ("down_lo", "u8"),
        ("last_hi", "i8"),
        ("last_lo", "u8"),
        ("up", "i4"),
        ("down", "i4"),
        ("has_last", "u1"),
        ("_pad", "u1", (7,)),
    ]
)
"""The rules of one series of one symbol. ``up``, ``down``: tops of its two heaps; up_hi, up_lo, down_hi, down_lo: their
keys, beyond every value where a heap is empty. ``last``: the newest value."""
LadderRows = npt.NDArray[Any]
"""LADDER[n]."""
Ladder = Any
"""One of them, as kernels have it."""
FIRING: Final = np.dtype(
    [
        ("sequence", "i8"),
        ("event_time_us", "i8"),
        ("timestamp_ms", "i8"),
        ("value_hi", "i8"),
        ("value_lo", "u8"),
        ("slot", "i4"),
        ("index", "u4"),
    ]
)
"""One rule that fired, and the value and trade that made it: ``index`` is its place among those of one record."""
FiringRows = npt.NDArray[Any]
"""FIRING[n]."""


class Watch(NamedTuple):
    """All rules of a shard. moved: rows of rules that changed their state, registers[MOVED] of them, each once."""

    rules: RuleRows
    ladders: LadderRows
    moved: Ints
    registers: Longs


def new_ladders(count: int) -> LadderRows:
    """Ladders without rules and without a value."""
    ladders = np.zeros(count, LADDER)
    ladders["up"], ladders["down"] = NOTHING, NOTHING
    ladders["up_hi"], ladders["up_lo"], ladders["down_hi"] = HIGHEST, ALL_ONES, LOWEST
    return ladders


@leaf_kernel
def set_up(watch: Watch, ladder: Ladder, top: Whole) -> None:
    ladder.up = top
    if top == NOTHING:
        ladder.up_hi, ladder.up_lo = HIGHEST, ALL_ONES
    else:
        ladder.up_hi, ladder.up_lo = watch.rules[top].key_hi, watch.rules[top].key_lo


@leaf_kernel
def set_down(watch: Watch, ladder: Ladder, top: Whole) -> None:
    ladder.down = top
    if top == NOTHING:
        ladder.down_hi, ladder.down_lo = LOWEST, ZERO
    else:
        ladder.down_hi, ladder.down_lo = watch.rules[top].key_hi, watch.rules[top].key_lo


@leaf_kernel
def put_in(watch: Watch, ladder: Ladder, slot: Whole) -> None:
    """Puts a rule that is armed or waits into its heap."""
    rule = watch.rules[slot]
    rule.child, rule.next, rule.before = NOTHING, NOTHING, NOTHING
    if rule.state == ARMED:
        rule.key_hi, rule.key_lo = rule.bound_hi, rule.bound_lo
    if (rule.state == ARMED) == (rule.up == 1):
        set_up(watch, ladder, merge_heaps(watch.rules, ladder.up, slot, True))
    else:
        set_down(watch, ladder, merge_heaps(watch.rules, ladder.down, slot, False))


@leaf_kernel
def note_move(watch: Watch, slot: Whole, sequence: Whole) -> None:
    rule = watch.rules[slot]
    rule.at = sequence
    if not rule.moved:
        rule.moved = 1
        watch.moved[watch.registers[MOVED]] = slot
        watch.registers[MOVED] += 1


@leaf_kernel
def meet(watch: Watch, ladder: Ladder, slot: Whole, time_us: Whole, sequence: Whole) -> bool:
    """What becomes of a rule whose key was met, and that was taken out of its heap; whether it fired."""
    rule = watch.rules[slot]
    fires = False
    if time_us >= rule.expires_us:
        rule.state = EXPIRED
    elif rule.state == WAITING:
        rule.state = ARMED
    else:
        fires = bool(time_us >= rule.not_before_us)
        if fires and not rule.every:
            rule.state = FIRED
        else:
            rule.state = WAITING
            rule.key_hi, rule.key_lo = rule.rearm_hi, rule.rearm_lo
        if fires:
            rule.not_before_us = max(time_us + rule.cooldown_us, 1)
    note_move(watch, slot, sequence)
    if rule.state in (ARMED, WAITING):
        put_in(watch, ladder, slot)
    return fires


@leaf_kernel
def watch_trades(
    rows: TradeRows, ladder_of: Ints, first: int, sequence_base: int, watch: Watch, fired: FiringRows, count: int
) -> tuple[int, int]:
    """Hand the applied trades from ``first`` on to the rules; returns (position reached, firings in ``fired``).

    ladder_of: int32[n], by row. Stops early when ``fired`` is full: call again with that position and no firings.
    """
    rules = watch.rules
    for i in range(first, rows.shape[0]):
        trade = rows[i]
        if trade.outcome != APPLIED:
            continue
        hi, lo = trade.price_hi, trade.price_lo
        ladder = watch.ladders[ladder_of[i]]
        while True:
            if not is_less(hi, lo, ladder.up_hi, ladder.up_lo):
                slot, upward = ladder.up, True
            elif not is_less(ladder.down_hi, ladder.down_lo, hi, lo):
                slot, upward = ladder.down, False
            else:
                break
            if count == fired.shape[0]:
                return i, count
            sequence = sequence_base + trade.offset
            if upward:
                set_up(watch, ladder, take_top(rules, slot, True))
            else:
                set_down(watch, ladder, take_top(rules, slot, False))
            if meet(watch, ladder, slot, trade.event_time_us, sequence):
                firing = fired[count]
                firing.sequence, firing.slot, firing.index = sequence, slot, trade.index
                firing.event_time_us, firing.timestamp_ms = trade.event_time_us, trade.timestamp_ms
                firing.value_hi, firing.value_lo = hi, lo
                count += 1
        ladder.last_hi, ladder.last_lo, ladder.has_last = hi, lo, 1
    return rows.shape[0], count


@leaf_kernel
def place_rules(watch: Watch, slots: Ints) -> None:
    """Put rules into their ladders by their state. One that waits is armed where the last value is behind its key."""
    for i in range(slots.shape[0]):
        slot = slots[i]
        rule = watch.rules[slot]
        ladder = watch.ladders[rule.ladder]
        if rule.state == WAITING and ladder.has_last:
            if rule.up:
                behind = not is_less(rule.key_hi, rule.key_lo, ladder.last_hi, ladder.last_lo)
            else:
                behind = not is_less(ladder.last_hi, ladder.last_lo, rule.key_hi, rule.key_lo)
            if behind:
                rule.state = ARMED
        if rule.state in (ARMED, WAITING):
            put_in(watch, ladder, slot)


@leaf_kernel
def remove_rules(watch: Watch, slots: Ints) -> None:
    """Take rules out of their ladders; their rows are free afterwards."""
    for i in range(slots.shape[0]):
        slot = slots[i]
        rule = watch.rules[slot]
        ladder = watch.ladders[rule.ladder]
        if rule.state in (ARMED, WAITING):
            if (rule.state == ARMED) == (rule.up == 1):
                set_up(watch, ladder, take_out(watch.rules, ladder.up, slot, True))
            else:
                set_down(watch, ladder, take_out(watch.rules, ladder.down, slot, False))
        rule.state = FREE
