"""Stretches of one watermark: cut where it rises, judged by what came before."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.analytics.log_time import LogTime, Stretch

SECOND = 1_000_000


def stretches(time: LogTime, *times_us: int) -> list[Stretch]:
    return list(time.stretches(np.array(times_us, np.int64)))


def test_a_record_is_judged_by_the_watermark_before_it() -> None:
    time = LogTime(2 * SECOND)
    assert time.watermark_us == -3 * SECOND
    assert stretches(time, 10 * SECOND, 10 * SECOND + 5, 9 * SECOND, 11 * SECOND) == [
        Stretch(0, 1, -3 * SECOND, rises=True),
        Stretch(1, 4, 8 * SECOND, rises=True),
    ]
    assert (time.newest_us, time.watermark_us) == (11 * SECOND, 9 * SECOND)
    assert stretches(time, 11 * SECOND + 1, 3) == [Stretch(0, 2, 9 * SECOND, rises=False)]
    assert stretches(time) == []
    assert time.newest_us == 11 * SECOND + 1


@given(st.lists(st.integers(0, 20 * SECOND), max_size=40), st.integers(1, 39), st.integers(0, 3 * SECOND))
def test_where_it_rises_is_the_same_whatever_the_cut(times_us: list[int], cut: int, behind_us: int) -> None:
    def rises(*parts: list[int]) -> list[tuple[int, int]]:
        time, found, begun = LogTime(behind_us), [], 0
        for part in parts:
            for each in time.stretches(np.array(part, np.int64)):
                if each.rises:
                    found.append((begun + each.end, time.watermark_us))
            begun += len(part)
        return found

    assert rises(times_us) == rises(times_us[:cut], times_us[cut:])
