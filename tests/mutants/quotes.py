"""Mutants of quotes: which one holds, what its bars say, and which bid and ask a client is shown."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

BOOK: Final = "core/quotes/book_kernel.py"
BARS_KERNEL: Final = "core/quotes/bars_kernel.py"
BARS: Final = "core/quotes/bars.py"
ROWS: Final = "core/quotes/rows.py"
SHOWN: Final = "core/fanout/shown_quote.py"
ROOMS: Final = "core/fanout/rooms.py"
JSON: Final = "sinks/redis/quote_json.py"
IN_THE_HUB: Final = ("tests/unit/core/fanout/test_quoted.py",)

MUTANTS: Final = (
    Mutant(
        "quote-of-the-same-time",
        BOOK,
        "row.event_time_us < state.event_time_us",
        "row.event_time_us <= state.event_time_us",
        "of two quotes with one time the first stays",
    ),
    Mutant(
        "crossed-as-applied",
        BOOK,
        "outcomes[index] = CROSSED if crossed else APPLIED",
        "outcomes[index] = APPLIED",
        "a crossed quote has a spread",
    ),
    Mutant(
        "weight-of-a-crossed-quote",
        BARS_KERNEL,
        "if bar.last_crossed:\n        bar.crossed_us",
        "if False:\n        bar.crossed_us",
        "the time of a crossed quote weighs a spread",
    ),
    Mutant(
        "bar-told-for-good",
        BARS_KERNEL,
        "bar.version = told.first_sequence + row.offset\n            bar.told = 0",
        "bar.version = told.first_sequence + row.offset",
        "a bar that a slow symbol changed isn't given again",
    ),
    Mutant(
        "least-spread-of-the-bar-before",
        BARS_KERNEL,
        "if bar.has_spread == 0 or less128(hi, lo, bar.spread_min_hi, bar.spread_min_lo):",
        "if less128(hi, lo, bar.spread_min_hi, bar.spread_min_lo):",
        "the least spread of a bar is 0",
    ),
    Mutant(
        "weight-of-the-last-quote",
        BARS,
        "counts[bucket] = counts.get(bucket, 0) + rest_us",
        "counts[bucket] = counts.get(bucket, 0)",
        "percentiles lack the last quote of a bar",
    ),
    Mutant(
        "bar-before-its-end",
        BARS,
        "self._ends_us() <= max(self.watermark_us, until_us)",
        "self._ends_us() <= max(self.max_event_time_us, until_us)",
        "a bar is given before quotes that are out of order",
    ),
    Mutant(
        "ask-of-nothing",
        ROWS,
        'good & _is_below_one(rows["bid_hi"], rows["bid_lo"])',
        'good & (rows["bid_hi"] < 0)',
        "an ask of 0 is a quote",
    ),
    Mutant(
        "quote-of-the-tickers-time",
        SHOWN,
        'int(bytes(ticker["timestamp"])) <= int(',
        'int(bytes(ticker["timestamp"])) < int(',
        "of a trade and a quote with one time the trade's sides are shown",
    ),
    Mutant(
        "sides-of-a-trade",
        SHOWN,
        "if name not in OF_TICKER}",
        "if name}",
        "a trade's older bid is shown for a moment",
    ),
    Mutant(
        "told-at-a-load",
        ROOMS,
        "self.told = self.shown\n        return Outcome.APPLIED\n\n    def since",
        "return Outcome.APPLIED\n\n    def since",
        "after a load a price that goes back to an older one isn't told",
        IN_THE_HUB,
    ),
    Mutant(
        "quote-of-who-resumes",
        ROOMS,
        "return missed if missed is None or not self.shown else",
        "return missed if True else",
        "who resumes keeps an old quote",
    ),
    Mutant(
        "mid-of-a-tie",
        JSON,
        "if is_tie and lo & _ONE:",
        "if is_tie:",
        "a mid price between two is rounded up",
    ),
)
