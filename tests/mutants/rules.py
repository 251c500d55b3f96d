"""Mutants of users' rules: what a series is at a trade, what windows hold, and when a rule fires."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

SERIES: Final = "core/alerts/series_kernel.py"
SPANS: Final = "core/alerts/spans_kernel.py"
WATCH: Final = "core/alerts/watch_kernel.py"
TERMS: Final = "core/alerts/terms.py"
BOOK: Final = "core/alerts/rule_book.py"

MUTANTS: Final = (
    Mutant(
        "rise-from-the-highest",
        SERIES,
        "from_hi, from_lo = np.uint64(low_hi), low_lo",
        "from_hi, from_lo = np.uint64(high_hi), high_lo",
        "a rise is counted from the wrong end of its window",
    ),
    Mutant(
        "spike-of-a-window-that-is-not-full",
        SERIES,
        "spans.heads[symbol].first_us >= full_us + SLICE_US[window]",
        "spans.heads[symbol].first_us >= newest_us",
        "the first busy minute of a symbol is a spike",
    ),
    Mutant(
        "spike-with-itself-in-the-mean",
        SERIES,
        "factor = UNIT_SCALE * np.uint64(others)",
        "factor = UNIT_SCALE * np.uint64(SLICES[window])",
        "a spike is a twelfth too high",
    ),
    Mutant(
        "vwap-rounded-to-zero",
        SERIES,
        "if rest_hi != ZERO or rest_lo != ZERO:",
        "if False:",
        "a price a hair above the average counts as on it",
    ),
    Mutant(
        "vwap-without-its-sign",
        SERIES,
        "if is_below:\n        hi, lo = negate128(hi, lo)",
        "if False:\n        hi, lo = negate128(hi, lo)",
        "a price below the average fires as above",
    ),
    Mutant(
        "bar-closed-twice",
        SERIES,
        "end_us <= trade.event_time_us and watermark_us < end_us",
        "end_us <= trade.event_time_us",
        "a bar that time has closed closes again at the next trade",
    ),
    Mutant(
        "late-trade-in-the-newest-slice",
        SPANS,
        "note_late(spans, symbol, window, trade)\n            continue",
        "pass",
        "a trade out of order counts in a slice that it isn't of",
    ),
    Mutant(
        "window-of-one-slice-more",
        SPANS,
        "oldest_us = newest_us - SLICES[window] * SLICE_US[window]",
        "oldest_us = newest_us - (SLICES[window] + 1) * SLICE_US[window]",
        "an extreme that has left its window still counts",
    ),
    Mutant(
        "day-that-never-begins-anew",
        SPANS,
        "head.quote0, head.quote1, head.quote2, head.quote3 = ZERO, ZERO, ZERO, ZERO",
        "pass",
        "the average price of a day holds the days before",
    ),
    Mutant(
        "carry-of-volume",
        SPANS,
        "np.uint64(trade.size_hi) + (ONE if low < trade.size_lo else ZERO)",
        "np.uint64(trade.size_hi)",
        "the volume of a busy window is too low by 2**64 units",
    ),
    Mutant(
        "once-fires-again",
        WATCH,
        "if fires and not rule.every:",
        "if False:",
        "a rule that was to fire once fires again and again",
    ),
    Mutant(
        "cooldown-that-is-none",
        WATCH,
        "rule.not_before_us = max(time_us + rule.cooldown_us, 1)",
        "rule.not_before_us = max(time_us, 1)",
        "a rule fires within its cooldown",
    ),
    Mutant(
        "rule-beyond-its-end",
        WATCH,
        "if time_us >= rule.expires_us:",
        "if time_us > rule.expires_us:",
        "a rule fires at the moment in which it ends",
    ),
    Mutant(
        "value-of-the-other-side",
        WATCH,
        "(~hi, ~lo) if side % 2 else (hi, lo)",
        "(hi, lo)",
        "an alert of a fall names a value that never was",
    ),
    Mutant(
        "silence-named-by-the-trade-that-ends-it",
        WATCH,
        "firing.named = head.sequence",
        "firing.named = moment.sequence",
        "a silence that a clock told of comes again with another id",
    ),
    Mutant(
        "silence-never-heard-by-the-log",
        WATCH,
        "if second_us > newest_us and not hear_silence",
        "if False and not hear_silence",
        "a symbol that falls silent while others trade isn't told of",
    ),
    Mutant(
        "percentage-rounded-down-on-the-way-up",
        TERMS,
        "return -(-price * (HUNDRED + percent) // HUNDRED)",
        "return price * (HUNDRED + percent) // HUNDRED",
        "a rule of a rise fires a unit before its percentage",
    ),
    Mutant(
        "held-rule-released-too-soon",
        BOOK,
        'np.searchsorted(rows["offset"], self._held[-1].at - sequence_base, side="right")',
        'np.searchsorted(rows["offset"], self._held[-1].at - sequence_base, side="left")',
        "a rule counts from the trade at which it was armed, not behind it",
    ),
)
