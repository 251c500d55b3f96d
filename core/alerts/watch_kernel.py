"""The loop over trades that fires rules, compiled: when a rule fires, waits, is armed again or is over.

RuleBook calls it with the trades of a batch after the shard has judged them. Only trades that were applied count, each
of them, in the order of the log. A ladder is a series of a symbol with its rules, in two heaps: what is met on the way
up, and on the way down. A rule that is armed stands in that of its own direction by its threshold, one that waits in
the other by the value that arms it again. So both are met by the same compare of the series' value with two tops.

At each trade the time of the log goes on first, which closes bars and makes silence longer. Then come the series that
look at what was before, then the trade is noted, then come the others. The kernel stops and returns its position when
there is no room for another firing; what it had begun goes on from there.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from core.alerts.rule_heap import NOTHING, RuleRows, is_less, merge_heaps, take_out, take_top
from core.alerts.series_kernel import CLOSE, LOOKS_BACK, PRICE, SILENCE, bar_end_us, value_of
from core.alerts.spans_kernel import NEVER_US, Spans, note_trade
from kernels.kernel import leaf_kernel
from schemas.columns import APPLIED, Ints, Longs, TradeRow, TradeRows, Whole

__all__ = [
    "ARMED",
    "CLOSERS",
    "COUNT",
    "EXPIRED",
    "FIRED",
    "FIRING",
    "FREE",
    "LADDER",
    "LATENESS",
    "MOVED",
    "NEWEST",
    "REGISTERS",
    "SIDE",
    "SILENT",
    "WAITING",
    "FiringRows",
    "LadderRows",
    "SideRows",
    "Watch",
    "new_registers",
    "new_sides",
    "place_rules",
    "remove_rules",
    "tell_silence",
    "watch_trades",
]

FREE: Final = 0
ARMED: Final = 1
WAITING: Final = 2
FIRED: Final = 3
EXPIRED: Final = 4
"""RULE.state; the last four are in the order of schemas.alert_rules.STATES."""
MOVED: Final = 0
NEWEST: Final = 1
LATENESS: Final = 2
CLOSERS: Final = 3
SILENT: Final = 4
COUNT: Final = 5
PHASE: Final = 6
REGISTERS: Final = 7
"""Places in Watch.registers. MOVED: how many rules changed their state since they were last asked for. NEWEST: greatest
event time of the partition; LATENESS: how far behind it the watermark is. CLOSERS, SILENT: first ladders of bars and of
silence. COUNT: firings made. PHASE: how far the trade at hand is."""
TIME, BEFORE, WITH = 0, 1, 2
HIGHEST: Final = 2**63 - 1
ALL_ONES: Final = np.uint64(2**64 - 1)
SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
UNITS_A_US: Final = 10_000
"""Silence is in seconds, in units of 10**-10."""

SIDE: Final = np.dtype([("key_hi", "i8"), ("key_lo", "u8"), ("top", "i4"), ("_pad", "u1", (4,))])
"""One heap: its top, and the top's key, which is beyond every value where it is empty."""
SideRows = npt.NDArray[Any]
"""SIDE[2n]: of each ladder the one met on the way up, then the one met on the way down."""
LADDER: Final = np.dtype(
    [("symbol", "i4"), ("next", "i4"), ("next_timed", "i4"), ("series", "u1"), ("window", "u1"), ("_pad", "u1", (2,))]
)
"""One series of one symbol. ``next``: the symbol's next one; ``next_timed``: the next of CLOSERS or SILENT."""
LadderRows = npt.NDArray[Any]
"""LADDER[n]."""
FIRING: Final = np.dtype(
    [
        ("sequence", "i8"),
        ("named", "i8"),
        ("event_time_us", "i8"),
        ("timestamp_ms", "i8"),
        ("price_hi", "i8"),
        ("price_lo", "u8"),
        ("value_hi", "i8"),
        ("value_lo", "u8"),
        ("slot", "i4"),
        ("index", "u4"),
    ]
)
"""One rule that fired, and the trade that made it: ``index`` is its place among those of one record. ``named``: the
sequence that the firing's id has; of silence that of the symbol's last trade, so that each silence has one id."""
FiringRows = npt.NDArray[Any]
"""FIRING[n]."""


class Watch(NamedTuple):
    """All rules of a shard. moved: rows of rules that changed their state, registers[MOVED] of them, each once."""

    rules: RuleRows
    ladders: LadderRows
    sides: SideRows
    spans: Spans
    moved: Ints
    registers: Longs


class Moment(NamedTuple):
    """When something is looked at: the trade that brings it about, its sequence, and the time by which rules go."""

    trade: TradeRow
    sequence: Whole
    time_us: Whole


def new_sides(ladders: int) -> SideRows:
    """Empty heaps of so many ladders."""
    sides = np.zeros(2 * ladders, SIDE)
    sides["top"], sides["key_hi"], sides["key_lo"] = NOTHING, HIGHEST, ALL_ONES
    return sides


def new_registers(lateness_us: int) -> Longs:
    """``lateness_us``: how far the watermark is behind the newest trade."""
    registers = np.zeros(REGISTERS, np.int64)
    registers[NEWEST], registers[LATENESS] = NEVER_US, lateness_us
    registers[CLOSERS] = registers[SILENT] = NOTHING
    return registers


@leaf_kernel
def side_of(rule: Any) -> int:
    """The heap in which a rule that is armed or waits stands."""
    return int(2 * rule.ladder + (0 if (rule.state == ARMED) == (rule.up == 1) else 1))


@leaf_kernel
def set_top(watch: Watch, side: Whole, top: Whole) -> None:
    row = watch.sides[side]
    row.top = top
    if top == NOTHING:
        row.key_hi, row.key_lo = HIGHEST, ALL_ONES
    else:
        row.key_hi, row.key_lo = watch.rules[top].key_hi, watch.rules[top].key_lo


@leaf_kernel
def put_in(watch: Watch, slot: Whole) -> None:
    """Puts a rule that is armed or waits into its heap."""
    rule = watch.rules[slot]
    rule.child, rule.next, rule.before = NOTHING, NOTHING, NOTHING
    side = side_of(rule)
    hi, lo = rule.bound_hi, rule.bound_lo
    if rule.state == WAITING:
        hi, lo = rule.back_hi, rule.back_lo
    if side % 2:
        hi, lo = ~hi, ~lo
    rule.key_hi, rule.key_lo = hi, lo
    set_top(watch, side, merge_heaps(watch.rules, watch.sides[side].top, slot))


@leaf_kernel
def note_move(watch: Watch, slot: Whole, sequence: Whole) -> None:
    rule = watch.rules[slot]
    rule.at = sequence
    if not rule.moved:
        rule.moved = 1
        watch.moved[watch.registers[MOVED]] = slot
        watch.registers[MOVED] += 1


@leaf_kernel
def meet(watch: Watch, slot: Whole, time_us: Whole, sequence: Whole) -> bool:
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
            rule.back_hi, rule.back_lo = rule.rearm_hi, rule.rearm_lo
        if fires:
            rule.not_before_us = max(time_us + rule.cooldown_us, 1)
    note_move(watch, slot, sequence)
    if rule.state in (ARMED, WAITING):
        put_in(watch, slot)
    return fires


@leaf_kernel
def meet_ladder(watch: Watch, at: Whole, hi: Whole, lo: np.uint64, moment: Moment, fired: FiringRows) -> bool:
    """Hand a series' value on to its rules; False where ``fired`` is full."""
    ladder = watch.ladders[at]
    for side in range(2 * at, 2 * at + 2):
        row = watch.sides[side]
        while not is_less(hi, lo, row.key_hi, row.key_lo):
            count = watch.registers[COUNT]
            if count == fired.shape[0]:
                return False
            slot = row.top
            set_top(watch, side, take_top(watch.rules, slot))
            if meet(watch, slot, moment.time_us, moment.sequence):
                note_firing(watch, ladder, slot, moment, fired[count])
                firing = fired[count]
                firing.value_hi, firing.value_lo = (~hi, ~lo) if side % 2 else (hi, lo)
                watch.registers[COUNT] = count + 1
        hi, lo = ~hi, ~lo
    return True


@leaf_kernel
def note_firing(watch: Watch, ladder: Any, slot: Whole, moment: Moment, firing: Any) -> None:
    trade, head = moment.trade, watch.spans.heads[ladder.symbol]
    firing.sequence, firing.named, firing.slot, firing.index = moment.sequence, moment.sequence, slot, trade.index
    firing.event_time_us, firing.timestamp_ms = trade.event_time_us, trade.timestamp_ms
    firing.price_hi, firing.price_lo = trade.price_hi, trade.price_lo
    if ladder.series in (CLOSE, SILENCE):
        firing.price_hi, firing.price_lo = head.close_hi, head.close_lo
    if ladder.series == SILENCE:
        firing.named = head.sequence
        firing.event_time_us = head.newest_us + np.int64(watch.rules[slot].bound_lo) // UNITS_A_US


@leaf_kernel
def close_bars(watch: Watch, before_us: Whole, watermark_us: Whole, moment: Moment, fired: FiringRows) -> bool:
    """Bars whose ends the watermark has passed, of symbols that had no trade behind them."""
    at = watch.registers[CLOSERS]
    while at != NOTHING:
        ladder = watch.ladders[at]
        head = watch.spans.heads[ladder.symbol]
        ends = head.has_last and before_us < bar_end_us(ladder.window, head.newest_us) <= watermark_us
        if ends and not meet_ladder(watch, at, head.close_hi, head.close_lo, moment, fired):
            return False
        at = np.int64(ladder.next_timed)
    return True


@leaf_kernel
def hear_silence(watch: Watch, now_us: Whole, moment: Moment, fired: FiringRows) -> bool:
    """For how long each symbol had no trade at ``now_us``; False where ``fired`` is full."""
    at = watch.registers[SILENT]
    while at != NOTHING:
        ladder = watch.ladders[at]
        head = watch.spans.heads[ladder.symbol]
        if head.has_last and head.newest_us < now_us:
            silent = np.uint64((now_us - head.newest_us) * UNITS_A_US)
            if not meet_ladder(watch, at, np.int64(0), silent, moment, fired):
                return False
        at = np.int64(ladder.next_timed)
    return True


@leaf_kernel
def tell_silence(watch: Watch, now_us: int, clock: TradeRows, sequence: int, fired: FiringRows) -> bool:
    """What a clock says of silence; ``clock``: one row that stands for a trade. False where ``fired`` is full."""
    return hear_silence(watch, now_us, Moment(clock[0], sequence, now_us), fired)


@leaf_kernel
def pass_time(watch: Watch, moment: Moment, fired: FiringRows) -> bool:
    """The time of the log goes on to that of a trade; False where ``fired`` is full."""
    registers = watch.registers
    newest_us, time_us = registers[NEWEST], moment.time_us
    if time_us <= newest_us:
        return True
    if newest_us != NEVER_US:
        before_us, watermark_us = newest_us - registers[LATENESS], time_us - registers[LATENESS]
        ends_bars = watermark_us // MINUTE_US > before_us // MINUTE_US
        if ends_bars and not close_bars(watch, before_us, watermark_us, moment, fired):
            return False
        second_us = time_us - time_us % SECOND_US
        if second_us > newest_us and not hear_silence(watch, second_us, moment, fired):
            return False
    registers[NEWEST] = time_us
    return True


@leaf_kernel
def meet_series(watch: Watch, symbol: Whole, looks_back: Whole, moment: Moment, fired: FiringRows) -> bool:
    """Hand a trade on to the ladders of its symbol; False where ``fired`` is full."""
    at = np.int64(watch.spans.heads[symbol].ladder)
    watermark_us = watch.registers[NEWEST] - watch.registers[LATENESS]
    while at != NOTHING:
        ladder = watch.ladders[at]
        has_rules = watch.sides[2 * at].top != NOTHING or watch.sides[2 * at + 1].top != NOTHING
        if has_rules and LOOKS_BACK[ladder.series] == looks_back:
            found, hi, lo = value_of(watch.spans, symbol, ladder.series, ladder.window, moment.trade, watermark_us)
            if found and not meet_ladder(watch, at, hi, lo, moment, fired):
                return False
        at = np.int64(ladder.next)
    return True


@leaf_kernel
def watch_trades(
    rows: TradeRows, symbols: Ints, first: int, sequence_base: int, watch: Watch, fired: FiringRows
) -> int:
    """Hand the applied trades from ``first`` on to the rules; returns the position reached.

    symbols: int32[n], by row. Stops early when ``fired`` is full (registers[COUNT]): call again with that position.
    """
    registers = watch.registers
    for i in range(first, rows.shape[0]):
        trade = rows[i]
        if trade.outcome != APPLIED:
            continue
        symbol = symbols[i]
        moment = Moment(trade, sequence_base + trade.offset, trade.event_time_us)
        if registers[PHASE] == TIME:
            if not pass_time(watch, moment, fired):
                return i
            registers[PHASE] = BEFORE
        if registers[PHASE] == BEFORE:
            if not meet_series(watch, symbol, 1, moment, fired):
                return i
            note_trade(watch.spans, symbol, trade, moment.sequence)
            registers[PHASE] = WITH
        if not meet_series(watch, symbol, 0, moment, fired):
            return i
        registers[PHASE] = TIME
    return len(rows)


@leaf_kernel
def place_rules(watch: Watch, slots: Ints) -> None:
    """Put rules into their heaps by their state. One on a price that waits is armed where the last price is behind."""
    for i in range(slots.shape[0]):
        slot = slots[i]
        rule = watch.rules[slot]
        ladder = watch.ladders[rule.ladder]
        head = watch.spans.heads[ladder.symbol]
        if rule.state == WAITING and ladder.series == PRICE and head.has_last:
            if rule.up:
                behind = not is_less(rule.back_hi, rule.back_lo, head.last_hi, head.last_lo)
            else:
                behind = not is_less(head.last_hi, head.last_lo, rule.back_hi, rule.back_lo)
            if behind:
                rule.state = ARMED
        if rule.state in (ARMED, WAITING):
            put_in(watch, slot)


@leaf_kernel
def remove_rules(watch: Watch, slots: Ints) -> None:
    """Take rules out of their heaps; their rows are free afterwards."""
    for i in range(slots.shape[0]):
        slot = slots[i]
        rule = watch.rules[slot]
        if rule.state in (ARMED, WAITING):
            side = side_of(rule)
            set_top(watch, side, take_out(watch.rules, watch.sides[side].top, slot))
        rule.state = FREE
