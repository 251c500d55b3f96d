"""Which records pass: the first ones of each second of the log, whatever the batch cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.analytics.passing import Passing
from schemas.columns import NO_TIMESTAMP
from schemas.desk import ROUTING


def rows(*times: tuple[int, int]) -> np.ndarray:  # type: ignore[type-arg]
    made = np.zeros(len(times), ROUTING)
    made["timestamp_ms"] = [stamp for stamp, _ in times]
    made["event_time_us"] = [event * 1000 for _, event in times]
    return made


def test_by_hand() -> None:
    passing = Passing(2)
    assert passing.take(rows()).tolist() == []
    assert passing.take(rows((1000, 0), (1999, 0), (1500, 0), (2000, 0))).tolist() == [True, True, False, True]
    assert passing.take(rows((1999, 0), (2100, 0), (NO_TIMESTAMP, 3000))).tolist() == [True, False, True]
    assert (passing.second, passing.count) == (3, 1)


@given(st.lists(st.integers(0, 4000), max_size=30), st.integers(0, 30))
def test_the_same_whatever_the_cut(stamps: list[int], cut: int) -> None:
    whole, parts = Passing(3), Passing(3)
    table = rows(*((stamp, 0) for stamp in stamps))
    found = [*parts.take(table[:cut]).tolist(), *parts.take(table[cut:]).tolist()]
    assert found == whole.take(table).tolist()
    assert (whole.second, whole.count) == (parts.second, parts.count)
