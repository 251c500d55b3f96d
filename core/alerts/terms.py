"""From a rule's words to the numbers that the kernel compares: exact bounds in units of 10**-10, and states.

RuleBook calls it for rules that were checked (schemas.alert_rules.fault_of). What a crossing needs first, a value on
the other side, is a wait like that after a firing: the rule waits for a value one unit behind its threshold. Bounds are
made here once, for all rules that come in together; the loop over trades only compares.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from core.alerts.rule_heap import NOTHING, RULE, RuleRows
from core.alerts.terms_kernel import GIVEN, MIRRORED, UNIT_AT_LEAST, UPWARD, fill_bounds
from core.alerts.watch_kernel import ARMED, FREE, WAITING
from kernels.decimal_text import SCALE, to_pair, units
from schemas.alert_rules import DIRECTIONS, RELATIVE, STATES, RuleState, RuleTerms
from schemas.alert_series import SERIES, SPANS
from schemas.intervals import INTERVAL_INDEX

__all__ = ["bound_of", "rule_rows", "state_code", "state_word", "window_code"]

NEVER_US: Final = 2**62
HUNDRED: Final = 100 * 10**SCALE
CROSSINGS: Final = frozenset({"crosses_above", "crosses_below"})


def kind_of(series: str, condition: str) -> int:
    """How a threshold is read. Of the distance from an average, or beyond a low, what is below has a sign."""
    is_up = DIRECTIONS[condition] == "above"
    kind = UPWARD if is_up else 0
    kind |= MIRRORED if series in ("vwap", "low") and not is_up else 0
    kind |= UNIT_AT_LEAST if series in ("high", "low") else 0
    return kind | (GIVEN if condition in RELATIVE else 0)


KINDS: Final = {(series, each): kind_of(series, each) for series, words in SERIES.items() for each in words.conditions}
SPAN_CODES: Final = {each.name: code for code, each in enumerate(SPANS)}
CODES: Final[dict[RuleState, int]] = {word: FREE + 1 + place for place, word in enumerate(STATES)}
WORDS: Final[dict[int, RuleState]] = {code: word for word, code in CODES.items()}


def state_code(word: RuleState) -> int:
    return CODES[word]


def state_word(code: int) -> RuleState:
    return WORDS[code]


def bound_of(terms: RuleTerms, reference: str) -> int:
    """The price that is a percentage from ``reference``: the first that is as far from it or more, in units."""
    price, percent = units(reference), units(terms.threshold)
    if terms.condition == "rises_by":
        return -(-price * (HUNDRED + percent) // HUNDRED)
    return price * (HUNDRED - percent) // HUNDRED


def window_code(series: str, window: str) -> int:
    """How kernels know a window: bars by their interval, the others by their place in SPANS."""
    return INTERVAL_INDEX[window] if series == "close" else SPAN_CODES.get(window, 0)


def rule_rows(terms: Sequence[RuleTerms], references: Sequence[str]) -> RuleRows:
    """RULE[n] of new rules, which stand in no ladder yet: a crossing waits, the others are armed.

    references: the price that a percentage is of, empty for the others.
    """
    rows = np.zeros(len(terms), RULE)
    kinds = np.array([KINDS[each.series, each.condition] for each in terms], np.uint8)
    for place in np.flatnonzero(kinds & GIVEN).tolist():
        rows["bound_hi"][place], rows["bound_lo"][place] = to_pair(bound_of(terms[place], references[place]))
    text = "".join([f"{each.threshold}\n{each.rearm}\n" for each in terms]).encode()
    fill_bounds(rows, np.frombuffer(text, np.uint8), kinds)
    rows["version"] = [each.version for each in terms]
    rows["up"] = kinds & UPWARD
    rows["every"] = [each.repeat == "every" for each in terms]
    rows["cooldown_us"] = [each.cooldown_ms * 1000 for each in terms]
    rows["expires_us"] = [each.expires_at_ms * 1000 or NEVER_US for each in terms]
    rows["state"] = [WAITING if each.condition in CROSSINGS else ARMED for each in terms]
    for name in ("child", "next", "before"):
        rows[name] = NOTHING
    return rows
