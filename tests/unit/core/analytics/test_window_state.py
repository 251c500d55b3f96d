"""Windows as lists and back: every kind of value of figures, and versions that don't fit."""

from dataclasses import dataclass, field

import pytest

from core.analytics.window_state import pack_state, put_windows, take_windows, unpack_state
from core.analytics.windows import Windows
from schemas.errors import StateIncompatible
from schemas.intervals import Interval


@dataclass
class Figures:
    count: int = 0
    text: str = ""
    place: tuple[int, int] = (-1, -1)
    counts: dict[int, int] = field(default_factory=dict)


@pytest.mark.parametrize("keys", [("a", "b"), (("a", "x"), ("b", "y"))])
def test_windows_come_back_as_they_were(keys: tuple[object, object]) -> None:
    windows, again = (Windows[object, Figures](Interval("1s", 1_000_000), 5, Figures) for _ in range(2))
    windows.add(0, keys[0], 1, 7, -1).count = -(2**80)
    windows.add(0, keys[1], 1, 8, -1).counts[3] = 4
    windows.held[0].sampled = 2
    cell = windows.add(1_000_000, keys[0], 1, 9, 3_000_000)
    cell.text, cell.place = "up", (5, 6)
    (list(windows.pop_ended(1_000_000)))
    take_windows(again, unpack_state(pack_state("k", 1, put_windows(windows)), "k", 1)[0])
    assert again.held == windows.held
    assert again.held[0].cells[keys[0]].count == -(2**80)


def test_another_version_or_kind_is_refused() -> None:
    state = pack_state("lp", 1)
    assert unpack_state(state, "lp", 1) == []
    for kind, version in (("lp", 2), ("routing", 1)):
        with pytest.raises(StateIncompatible, match="is of lp, version 1, not of"):
            unpack_state(state, kind, version)
