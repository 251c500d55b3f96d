"""What a bar that a late trade changed opens at: the nearest bar before it that isn't late itself."""

import numpy as np

from core.bars.bar_state import BAR_STATE
from core.bars.neighbours import Neighbours
from core.bars.repair import LATE_TRADE
from core.bars.rules import Rules
from core.bars.shard import timing_of
from schemas.columns import BAR
from schemas.intervals import INTERVALS
from tests.property.trade_batches import MONDAY_US, wide

MINUTE_US = 60_000_000


def bar(symbol: int, number: int, close: int, interval: int = 0):
    row = np.zeros(1, BAR_STATE)
    row["symbol"], row["interval"], row["start_us"] = symbol, interval, MONDAY_US + number * MINUTE_US
    row["close_lo"], row["close_time_us"], row["version"] = close * 10**10, row["start_us"] + 1, 100 + close
    row["trade_count"] = row["all_numeric"] = 1
    return row


def late_trades(*places: tuple[int, int]):
    late = np.zeros(len(places), LATE_TRADE)
    for row, (symbol, number) in zip(late, places, strict=True):
        row["symbol"], row["trade"]["event_time_us"] = symbol, MONDAY_US + number * MINUTE_US + 5
        row["watermark_us"] = MONDAY_US + (number + 1) * MINUTE_US  # only the minute refused it
    return late


def test_the_nearest_bar_before_each_place_is_found_in_any_order() -> None:
    timing = timing_of(Rules(lateness_us=(0,) * len(INTERVALS)))
    neighbours = Neighbours(late_trades((1, 5), (1, 6), (1, 6), (2, 0), (0, 0)), timing)
    neighbours.look(np.concatenate([bar(1, 3, 33), bar(1, 9, 99), bar(1, 1, 11), bar(0, 7, 77), bar(2, 5, 25)]))
    neighbours.look(np.concatenate([bar(1, 4, 44), bar(1, 2, 22), bar(1, 4, 1, interval=1), bar(3, 1, 1)]))
    changed = np.concatenate([bar(1, 5, 5), bar(1, 6, 6), bar(2, 0, 2), bar(1, 6, 6)])
    changed["opens_alone"][3] = 1
    out = np.zeros(4, BAR)
    out["high_lo"], out["low_lo"], out["open_lo"] = 50 * 10**10, 2 * 10**10, 3 * 10**10
    neighbours.open(changed, np.arange(4), out)
    assert [wide(row, "open") for row in out] == [44, 44, 3, 3]
    assert out["from_us"].tolist()[:2] == [MONDAY_US + 4 * MINUTE_US + 1] * 2
    assert out["version"].tolist() == [144, 144, 0, 0]


def test_a_bar_is_not_before_itself_and_may_be_before_another_place() -> None:
    timing = timing_of(Rules(lateness_us=(0,) * len(INTERVALS)))
    neighbours = Neighbours(late_trades((0, 1), (0, 2)), timing)
    neighbours.look(np.concatenate([bar(0, 1, 10), bar(0, 0, 60)]))
    out = np.zeros(2, BAR)
    out["high_lo"], out["low_lo"] = 50 * 10**10, 20 * 10**10
    neighbours.open(np.concatenate([bar(0, 1, 1), bar(0, 2, 2)]), np.arange(2), out)
    assert [wide(row, "open") for row in out] == [60, 10]
    assert [(wide(row, "high"), wide(row, "low")) for row in out] == [(60, 20), (50, 10)]
