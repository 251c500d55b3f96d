"""From a rule's words to the numbers that the kernel compares: exact bounds in units of 10**-10, and states.

RuleBook calls it for rules that were checked (schemas.alert_rules.fault_of). What a crossing needs first, a value on
the other side, is a wait like that after a firing: the rule waits for a value one unit behind its threshold. Bounds are
made here once; the loop over trades only compares.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.alerts.rule_heap import NOTHING, RULE, RuleRows
from core.alerts.watch_kernel import ARMED, FREE, WAITING
from kernels.decimal_text import SCALE
from schemas.alert_rules import DIRECTIONS, RELATIVE, STATES, RuleState, RuleTerms
from schemas.alert_series import SPANS
from schemas.intervals import INTERVAL_INDEX

__all__ = ["bound_of", "rule_rows", "state_code", "state_word", "window_code"]

NEVER_US: Final = 2**62
UNIT: Final = 1
HUNDRED: Final = 100 * 10**SCALE
MASK: Final = 2**64 - 1
CROSSINGS: Final = frozenset({"crosses_above", "crosses_below"})
FROM_ZERO: Final = frozenset({"vwap", "low"})
"""Series whose values below have a sign: a threshold is how far from zero."""
EXTREMES: Final = frozenset({"high", "low"})
SPAN_CODES: Final = {each.name: code for code, each in enumerate(SPANS)}
CODES: Final[dict[RuleState, int]] = {word: FREE + 1 + place for place, word in enumerate(STATES)}
WORDS: Final[dict[int, RuleState]] = {code: word for word, code in CODES.items()}


def state_code(word: RuleState) -> int:
    return CODES[word]


def state_word(code: int) -> RuleState:
    return WORDS[code]


def plain_units(text: str) -> int:
    """Units of 10**-10 of a plain decimal, as rules have them: a start reads two million of these."""
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(SCALE, "0"))


def bound_of(terms: RuleTerms, reference: str) -> int:
    """The value that a rule's threshold means; of a percentage the first that is as far from ``reference`` or more."""
    threshold = plain_units(terms.threshold)
    if terms.series in EXTREMES:
        threshold = max(threshold, UNIT)
    if terms.series in FROM_ZERO and DIRECTIONS[terms.condition] == "below":
        return -threshold
    if terms.condition not in RELATIVE:
        return threshold
    price = plain_units(reference)
    if terms.condition == "rises_by":
        return -(-price * (HUNDRED + threshold) // HUNDRED)
    return price * (HUNDRED - threshold) // HUNDRED


def window_code(series: str, window: str) -> int:
    """How kernels know a window: bars by their interval, the others by their place in SPANS."""
    return INTERVAL_INDEX[window] if series == "close" else SPAN_CODES.get(window, 0)


def rule_rows(terms: Sequence[RuleTerms], references: Sequence[str]) -> RuleRows:
    """RULE[n] of new rules, which stand in no ladder yet: a crossing waits, the others are armed.

    references: the price that a percentage is of, empty for the others.
    """
    rows = np.zeros(len(terms), RULE)
    thresholds = [bound_of(each, reference) for each, reference in zip(terms, references, strict=True)]
    up = [DIRECTIONS[each.condition] == "above" for each in terms]
    away = [max(plain_units(each.rearm), UNIT) for each in terms]
    rearm = [bound - far if upward else bound + far for bound, far, upward in zip(thresholds, away, up, strict=True)]
    first = [bound - UNIT if upward else bound + UNIT for bound, upward in zip(thresholds, up, strict=True)]
    for name, numbers in (("bound", thresholds), ("rearm", rearm), ("back", first)):
        rows[f"{name}_hi"] = [number >> 64 for number in numbers]
        rows[f"{name}_lo"] = np.array([number & MASK for number in numbers], np.uint64)
    rows["version"] = [each.version for each in terms]
    rows["up"] = up
    rows["every"] = [each.repeat == "every" for each in terms]
    rows["cooldown_us"] = [each.cooldown_ms * 1000 for each in terms]
    rows["expires_us"] = [each.expires_at_ms * 1000 or NEVER_US for each in terms]
    rows["state"] = [WAITING if each.condition in CROSSINGS else ARMED for each in terms]
    for name in ("child", "next", "before"):
        rows[name] = NOTHING
    return rows
