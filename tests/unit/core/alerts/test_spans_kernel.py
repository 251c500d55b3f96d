"""What windows hold, by hand; the law over any trades is tests/property/test_alert_laws.py."""

import numpy as np

from core.alerts.spans import new_spans
from core.alerts.spans_kernel import NEVER_US, SLICE_US, SLOTS, SPAN_COUNT, extremes, newest_start_us, note_trade
from kernels.decimal_text import from_limbs, from_pair, to_pair, units
from schemas.alert_series import DAY_WINDOW
from schemas.columns import TRADE

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
UNITS = 10**10
MINUTE = 0


class Tape:
    """One symbol's trades, beside another's."""

    def __init__(self) -> None:
        self.spans = new_spans(2)
        self.sequence = 0

    def trade(self, time_s: float, price: str, size: str = "1") -> None:
        row = np.zeros(1, TRADE)
        row["event_time_us"] = int(time_s * SECOND_US)
        row["price_hi"], row["price_lo"] = to_pair(units(price))
        row["size_hi"], row["size_lo"] = to_pair(units(size))
        self.sequence += 1
        note_trade(self.spans, 1, row[0], self.sequence)

    def range_of(self, window: int, time_s: float) -> tuple[int, int] | None:
        newest_us = newest_start_us(self.spans, 1, window, int(time_s * SECOND_US))
        if newest_us == NEVER_US:
            return None
        found, low_hi, low_lo, high_hi, high_lo = extremes(self.spans, 1, window, newest_us)
        return (from_pair(low_hi, low_lo) // UNITS, from_pair(high_hi, high_lo) // UNITS) if found else (0, 0)

    @property
    def head(self) -> np.void:
        return self.spans.heads[1]

    @property
    def day(self) -> np.void:
        return self.spans.opens[SPAN_COUNT + DAY_WINDOW]


def test_a_window_ends_with_the_slice_of_the_newest_trade() -> None:
    tape = Tape()
    tape.trade(3, "9")
    tape.trade(7, "5")
    tape.trade(12, "7")
    assert tape.range_of(MINUTE, 59.9) == (5, 9)
    assert tape.range_of(MINUTE, 60) == (5, 7)  # the slice of the first 5 s has left
    assert tape.range_of(MINUTE, 65) == (7, 7)
    assert tape.range_of(MINUTE, 500) == (0, 0)


def test_a_trade_out_of_order_counts_while_its_slice_is_there() -> None:
    tape = Tape()
    tape.trade(100, "10")
    tape.trade(46, "20")
    assert tape.range_of(MINUTE, 100) == (10, 20)
    tape.trade(44, "90")
    assert tape.range_of(MINUTE, 100) == (10, 20)
    assert tape.range_of(MINUTE, 44) is None
    tape.trade(161, "10")
    tape.trade(101, "99")
    assert tape.range_of(MINUTE, 161) == (10, 10)
    tape.trade(166, "11")
    tape.trade(103, "98")  # its place has a newer slice
    assert tape.range_of(MINUTE, 166) == (10, 11)
    tape.trade(102, "3")
    assert tape.range_of(1, 161) == (3, 99)


def test_slices_add_up_exactly() -> None:
    tape = Tape()
    for _ in range(5):  # the lower halves of their sizes overflow
        tape.trade(10, "999999999999999999.9999999999", "999999999999999999.9999999999")
    slot = tape.spans.opens[SPAN_COUNT]
    most = 10**28 - 1
    assert (int(slot["count"]), from_pair(int(slot["volume_hi"]), int(slot["volume_lo"]))) == (5, 5 * most)
    assert from_limbs([int(tape.head[f"quote{limb}"]) for limb in range(4)]) == 5 * most * most


def test_a_day_begins_anew_and_takes_no_trade_of_before() -> None:
    tape = Tape()
    tape.trade(10, "2", "3")
    tape.trade(86_400, "5", "1")
    tape.trade(86_399, "7", "1")
    assert (int(tape.day["start_us"]), int(tape.day["count"])) == (DAY_US, 1)
    assert int(tape.head["quote0"]) == 5 * UNITS * UNITS % 2**64


def test_a_head_knows_the_last_and_the_newest() -> None:
    tape = Tape()
    tape.trade(10, "2")
    tape.trade(12, "3")
    tape.trade(12, "4")
    tape.trade(11, "5")
    head = tape.head
    assert (int(head["last_lo"]), int(head["close_lo"])) == (5 * UNITS, 4 * UNITS)
    assert (int(head["newest_us"]), int(head["first_us"]), int(head["sequence"])) == (12 * SECOND_US, 10 * SECOND_US, 4)
    assert not tape.spans.heads["has_last"][0]
    assert not tape.spans.slots["count"][:SLOTS].any()
    assert SLICE_US.min() == 5 * SECOND_US
