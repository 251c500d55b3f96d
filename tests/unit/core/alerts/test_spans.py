"""Windows grow by symbols, and come back from recovery state as they were, as far as they are still seen."""

import msgspec
import numpy as np
import pytest

from core.alerts.spans import freeze_spans, new_spans, thaw_spans, widened
from core.alerts.spans_kernel import NEVER_US, SLOTS, Spans, extremes, newest_start_us, note_trade
from schemas.columns import TRADE

SECOND_US = 1_000_000


def trade(spans: Spans, symbol: int, time_s: int, price: int) -> None:
    row = np.zeros(1, TRADE)
    row["event_time_us"], row["price_lo"], row["size_lo"] = time_s * SECOND_US, price, 1
    note_trade(spans, symbol, row[0], time_s)


def seen(spans: Spans, symbol: int, window: int, time_s: int) -> tuple[object, ...]:
    return extremes(spans, symbol, window, newest_start_us(spans, symbol, window, time_s * SECOND_US))


def test_room_for_more_symbols_changes_nothing() -> None:
    spans = new_spans(1)
    trade(spans, 0, 7, 5)
    more = widened(spans, 3)
    assert more.heads["newest_us"].tolist() == [7 * SECOND_US, NEVER_US, NEVER_US]
    assert seen(more, 0, 0, 7) == seen(spans, 0, 0, 7)
    trade(more, 2, 9, 8)
    assert not more.slots["count"][SLOTS : 2 * SLOTS].any()


def test_state_holds_what_windows_still_see() -> None:
    spans = new_spans(4)
    for time_s, price in ((1, 9), (200, 3), (280, 4)):
        trade(spans, 1, time_s, price)
    spans.heads["ladder"][1] = 7
    state = freeze_spans(spans, 3)
    again = thaw_spans(state)
    assert again.heads["ladder"].tolist() == [-1, -1, -1]
    assert [seen(again, 1, window, 280) for window in range(8)] == [seen(spans, 1, window, 280) for window in range(8)]
    assert spans.slots["count"].sum() > again.slots["count"].sum()  # a slice of a minute that nobody sees is gone
    trade(again, 1, 281, 2)
    trade(spans, 1, 281, 2)
    assert freeze_spans(again, 3) == freeze_spans(spans, 3)


def test_other_bytes_are_refused() -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        thaw_spans(b"\xc1")
    with pytest.raises((msgspec.DecodeError, ValueError)):
        thaw_spans(msgspec.msgpack.encode([b"abc", b"", b"", b""]))
