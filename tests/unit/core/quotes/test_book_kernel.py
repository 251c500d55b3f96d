"""The loop over quotes, row by row: what becomes the state, and what is counted."""

import numpy as np

from core.quotes.book_kernel import APPLIED, CROSSED, OUTCOMES, OUTDATED, apply_quotes
from schemas.quotes import QUOTE_STATE
from tests.property.quote_records import START_US, quote, quote_batch


def applied(*quotes, first_sequence: int = 0):
    states, counts = np.zeros(2, QUOTE_STATE), np.zeros(OUTCOMES, np.int64)
    states["sequence"] = -1
    batch = quote_batch(quotes)
    numbers = np.array([int(each.symbol == "B") for each in quotes], np.int32)
    outcomes = np.empty(len(quotes), np.uint8)
    apply_quotes(batch.rows, numbers, numbers + 5, states, first_sequence, counts, outcomes)
    assert np.bincount(outcomes, minlength=OUTCOMES).tolist() == counts.tolist()
    return states, counts.tolist()


def test_a_later_time_or_a_later_record_of_the_same_time_holds() -> None:
    times = (quote(3, bid="1", after_us=10), quote(4, bid="1.5", after_us=10), quote(5, bid="9", after_us=9))
    (a, b), counts = applied(*times, first_sequence=100)
    assert (a["sequence"], a["event_time_us"], a["bid_lo"], a["ask_lo"]) == (104, START_US + 10, 15 * 10**9, 2 * 10**10)
    assert (a["bid_size_lo"], a["ask_size_lo"], a["timestamp_ms"]) == (10**10, 10**10, START_US // 1000)
    assert (a["exchange"], a["touched"], a["crossed"]) == (5, 1, 0)
    assert (b["sequence"], b["touched"]) == (-1, 0)
    assert (counts[APPLIED], counts[CROSSED], counts[OUTDATED]) == (2, 0, 1)


def test_a_bid_above_its_ask_is_crossed_and_holds_all_the_same() -> None:
    high = 2**64
    (a, b), counts = applied(
        quote(0, "A", "2", "2"), quote(1, "B", f"{high}", f"{high - 1}"), quote(2, "A", "2.0000000001", "2")
    )
    assert (a["crossed"], b["crossed"], a["sequence"]) == (1, 1, 2)
    assert counts == [1, 2, 0]
