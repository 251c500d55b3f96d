"""Record timestamps of recorded trades: their own times, as far as they are in the past."""

import numpy as np

from jobs.produce.sender import record_times_ms
from schemas.columns import TRADE, TradeBatch

NOW_MS = 1_800_000_000_000


def test_records_carry_event_times_and_never_a_time_to_come() -> None:
    rows = np.zeros(4, TRADE)
    rows["event_time_us"] = [1_700_000_000_000_999, (NOW_MS + 5_000) * 1000, -1, 0]
    batch = TradeBatch("trades", 0, rows, b"", 4, 4)
    assert record_times_ms(batch, NOW_MS) == [1_700_000_000_000, NOW_MS, NOW_MS, NOW_MS]
