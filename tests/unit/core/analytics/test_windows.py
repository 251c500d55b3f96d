"""Windows of one length: open, ended, revised, forgotten, and announced by the clock."""

import numpy as np

from core.analytics.windows import Window, Windows
from schemas.intervals import Interval

SECOND = 1_000_000


def windows_of(lateness_us: int = 3 * SECOND) -> Windows[str, list[int]]:
    return Windows(Interval("1s", SECOND), lateness_us, list)


def ended(windows: Windows[str, list[int]], watermark_us: int) -> list[tuple[int, int, set[str]]]:
    return [(each.start_us, each.revision, each.changed) for each in windows.pop_ended(watermark_us)]


def test_a_window_goes_out_when_it_ended_and_again_when_revised() -> None:
    windows = windows_of()
    windows.add(0, "a", 2, 5, -1).append(1)
    windows.add(SECOND, "b", 1, 6, -1)
    assert ended(windows, SECOND - 1) == []
    assert ended(windows, SECOND) == [(0, 0, {"a"})]
    assert ended(windows, SECOND) == []
    cell = windows.add(0, "a", 1, 7, SECOND)
    assert cell == [1], "the cell stays"
    windows.add(0, "c", 2, 8, SECOND)
    assert ended(windows, 2 * SECOND) == [(0, 3, {"a", "c"}), (SECOND, 0, {"b"})]
    assert windows.held[0].version == 8


def test_what_is_too_old_is_forgotten_and_takes_nothing() -> None:
    windows = windows_of()
    windows.add(0, "a", 1, 0, -1)
    assert windows.takes(np.array([0, SECOND]), 4 * SECOND - 1).tolist() == [True, True]
    assert windows.takes(np.array([0, SECOND]), 4 * SECOND).tolist() == [False, True]
    assert [windows.takes_start(start, 4 * SECOND) for start in (0, SECOND)] == [False, True]
    assert ended(windows, 4 * SECOND) == [(0, 0, {"a"})]
    assert windows.held == {}


def test_the_clock_announces_what_changed_and_forgets_nothing() -> None:
    windows = windows_of()
    assert windows.next_end_us() is None
    windows.add(SECOND, "a", 1, 0, -1)
    windows.add(0, "a", 1, 1, -1)
    assert windows.next_end_us() == SECOND
    assert [each.start_us for each in windows.announce(SECOND)] == [0]
    assert [each.start_us for each in windows.announce(SECOND)] == []
    assert windows.next_end_us() == 2 * SECOND
    assert sorted(windows.held) == [0, SECOND]
    assert windows.end_us(Window(5)) == 5 + SECOND
