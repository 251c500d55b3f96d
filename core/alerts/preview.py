"""What a rule would have fired on trades of the past: the very same rules and the same kernel as live.

The gateway hands in trades of one symbol in the order of the log. The rule counts from the first of them on, as if it
had been armed before it with no trade known. A percentage is of the first one's price, and counts behind it. Windows
begin to fill there too. Time goes on by these trades alone: bars close, and silence is noticed, at the symbol's next
trade.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from core.alerts.rule_book import RuleBook
from core.alerts.watch_kernel import FiringRows
from schemas.alert_rules import RELATIVE, RuleTerms
from schemas.columns import TRADE

__all__ = ["firings_of"]

MASK: Final = 2**64 - 1


def firings_of(
    rule: bytes, symbol: str, times_us: Sequence[int], prices: Sequence[int], sizes: Sequence[int]
) -> FiringRows:
    """FIRING rows of one rule; ``sequence`` is the trade's place. prices and sizes: in units of 10**-10."""
    rows = np.zeros(len(prices), TRADE)
    rows["offset"], rows["event_time_us"] = np.arange(len(prices)), times_us
    for name, numbers in (("price", prices), ("size", sizes)):
        rows[f"{name}_hi"] = [number >> 64 for number in numbers]
        rows[f"{name}_lo"] = np.array([number & MASK for number in numbers], np.uint64)
    book, symbols = RuleBook(), np.zeros(len(prices), np.int32)
    book.add_symbols([symbol])
    known = 1 if msgspec.json.decode(rule, type=RuleTerms).condition in RELATIVE else 0
    book.apply(rows[:known], symbols[:known], 0)
    if len(rows) >= known:
        book.arm([rule], known - 1)
    return book.apply(rows[known:], symbols[known:], 0).rows
