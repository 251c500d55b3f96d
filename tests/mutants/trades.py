"""Mutants of core/bars: what becomes of a trade. It is refused, or a duplicate, or late and repaired, or is odd."""

from typing import Final

from tests.mutants.mutant import Mutant

__all__ = ["MUTANTS"]

REPAIR: Final = "core/bars/repair.py"
SEEN: Final = "core/bars/seen_ids.py"
LONG_IDS: Final = "core/bars/long_ids.py"
QUALITY: Final = "core/bars/quality.py"
VALIDATION: Final = "core/bars/validation.py"
REQUEUED: Final = "core/bars/requeued.py"

MUTANTS: Final = (
    Mutant(
        "repair-duplicates",
        REPAIR,
        'np.where(rows["outcome"] == DUPLICATE, before_us, rows["event_time_us"])',
        'rows["event_time_us"]',
        "a replay folds a trade into a bar that hadn't refused it",
    ),
    Mutant(
        "repair-at-the-bound",
        REPAIR,
        "if end + timing.lateness_us[k] > late[i].watermark_us:",
        "if end + timing.lateness_us[k] >= late[i].watermark_us:",
        "a replay leaves out trades that were exactly too late",
    ),
    Mutant(
        "repair-revision",
        REPAIR,
        "pool.rows[slot].revision += 1",
        "pool.rows[slot].revision += 0",
        "a repaired bar keeps its revision",
    ),
    Mutant(
        "repair-is-final",
        REPAIR,
        "finish_bars(pool.rows, slots, OPEN_END, out)",
        "finish_bars(pool.rows, slots, 0, out)",
        "a repaired bar is published as open",
    ),
    Mutant(
        "id-again-after-the-span",
        SEEN,
        "if -span_us < distance_us < span_us:",
        "if -span_us < distance_us <= span_us:",
        "another trade that has an id again is dropped",
    ),
    Mutant(
        "id-again-before-the-span",
        SEEN,
        "if -span_us < distance_us < span_us:",
        "if -span_us <= distance_us < span_us:",
        "another trade that has an id again is dropped",
    ),
    Mutant(
        "unjudged-at-the-forgotten",
        SEEN,
        "if event_time_us <= known_from_us",
        "if event_time_us < known_from_us",
        "a trade that may be a duplicate counts as judged",
    ),
    Mutant(
        "forgotten-goes-back",
        SEEN,
        'max(pair["forgotten_us"], entry["event_time_us"])',
        'entry["event_time_us"]',
        "a trade that may be a duplicate counts as judged",
    ),
    Mutant(
        "ids-of-two-exchanges",
        SEEN,
        "_pair_of(window, symbols[index], exchanges[index])\n\n\n@kernel\ndef _add_pairs",
        "_pair_of(window, symbols[index], 0)\n\n\n@kernel\ndef _add_pairs",
        "a trade of another exchange with the same id is dropped",
    ),
    Mutant(
        "long-ids-by-text",
        LONG_IDS,
        "key=lambda each: (len(each), each)",
        "key=lambda each: each",
        "among ids of more than 36 digits open and close are those of text order",
    ),
    Mutant(
        "long-ids-with-zeros",
        LONG_IDS,
        '.partition(b".")[0].lstrip(b"0")',
        '.partition(b".")[0]',
        "zeros before an id make it greater",
    ),
    Mutant(
        "quality-window-edge",
        QUALITY,
        "elif number > highest - WINDOW_IDS:",
        "elif number >= highest - WINDOW_IDS:",
        "an id that is 1,024 old counts as repeated",
    ),
    Mutant(
        "quality-order-of-equal-times",
        QUALITY,
        "if time < newest_us:",
        "if time <= newest_us:",
        "trades of one moment count as out of order",
    ),
    Mutant(
        "quality-future-in-its-ms",
        QUALITY,
        "trade.timestamp_ms * 1000 + 999",
        "trade.timestamp_ms * 1000",
        "a trade within the millisecond of its record counts as ahead of it",
    ),
    Mutant(
        "quality-first-ids",
        QUALITY,
        "max(row.missing_ids - 1, 0)",
        "row.missing_ids - 1",
        "ids below the first one make the missing ones fewer than none",
    ),
    Mutant(
        "limit-of-a-price",
        VALIDATION,
        "not less128(high, low, _LIMIT_HI, _LIMIT_LO)",
        "less128(_LIMIT_HI, _LIMIT_LO, high, low)",
        "a price of 10**18 is taken, which no column holds",
    ),
    Mutant(
        "limit-of-a-bid", VALIDATION, 'row["has_bid"] != 0 and', 'row["has_bid"] == 0 and', "a bid of 10**18 is taken"
    ),
    Mutant(
        "future-at-the-bound",
        VALIDATION,
        'row["event_time_us"] - future_us > row',
        'row["event_time_us"] - future_us >= row',
        "a trade that is just not too far ahead is refused",
    ),
    Mutant(
        "year-2300",
        VALIDATION,
        ">= YEAR_2300_US",
        "> YEAR_2300_US",
        "a trade of 2300 is taken, which ClickHouse can't hold",
    ),
    Mutant(
        "time-zero",
        VALIDATION,
        'row["event_time_us"] < 0',
        'row["event_time_us"] <= 0',
        "a trade of 1970-01-01 00:00 is refused",
    ),
    Mutant(
        "requeued-by-place-alone",
        REQUEUED,
        '(found["offset"] == near["offset"]) & (found["timestamp_ms"] == near["timestamp_ms"])',
        'found["offset"] == near["offset"]',
        "after a topic was made anew a trade is refused for an old one at its offset",
    ),
)
