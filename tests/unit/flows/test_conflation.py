"""Windows of open bars: once in each, at once after quiet, nothing forgotten."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flows.conflation import BarWindows
from schemas.intervals import INTERVALS

START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = timedelta(milliseconds=250)
STEPS = st.lists(st.tuples(st.integers(0, 90), st.booleans()), max_size=60)


@given(STEPS)
def test_each_interval_goes_out_at_most_once_per_window_and_what_waits_is_due_in_the_end(
    steps: list[tuple[int, bool]],
) -> None:
    windows, now = BarWindows(SPAN), START
    outputs: list[list[datetime]] = [[] for _ in INTERVALS]
    touched = [False] * len(INTERVALS)
    for passed_ms, touch in steps:
        now += timedelta(milliseconds=passed_ms)
        if touch:
            windows.touch()
            touched = [True] * len(INTERVALS)
        due = windows.due(now)
        windows.sent(due, now)
        for interval, is_due in enumerate(due.tolist()):
            if is_due:
                assert touched[interval], "nothing changed since it last went out"
                touched[interval] = False
                outputs[interval].append(now)
    for moments in outputs:
        assert all(later - earlier >= SPAN for earlier, later in zip(moments, moments[2:], strict=False))
    assert windows.waiting == any(touched)
    if windows.waiting:
        next_at = windows.next_at(now)
        assert next_at is not None
        assert now < next_at <= now + SPAN
        assert windows.due(next_at).any()
    windows.sent(windows.due(now + SPAN), now + SPAN)
    assert not windows.waiting


def test_after_a_quiet_window_all_go_out_at_once() -> None:
    windows = BarWindows(SPAN)
    windows.touch()
    assert windows.due(START).all()
    windows.sent(windows.due(START), START)
    windows.touch()
    assert not windows.due(START).any()
    assert windows.due(START + SPAN).all()


def test_no_two_intervals_of_four_shards_go_out_in_the_same_moment() -> None:
    moments = []
    for shard in range(4):
        windows = BarWindows(SPAN)
        windows.place(shard)
        windows.touch()
        windows.sent(windows.due(START), START)
        windows.touch()
        while next_at := windows.next_at(START):
            moments.append(next_at)
            windows.sent(windows.due(next_at), next_at)
    moments.sort()
    assert len(moments) == 4 * len(INTERVALS)
    least = SPAN / len(moments) / 2
    assert all(later - earlier >= least for earlier, later in pairwise(moments))


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    windows = BarWindows(SPAN)
    windows.touch()
    windows.sent(windows.due(START), START)
    windows.touch()
    assert windows.due(START - timedelta(hours=1)).all()


def test_without_a_span_everything_is_always_due() -> None:
    windows = BarWindows(timedelta(0))
    for _ in range(3):
        windows.touch()
        assert windows.due(START).all()
        assert windows.next_at(START) == START
        windows.sent(windows.due(START), START)
        assert windows.next_at(START) is None


@given(st.integers(1, len(INTERVALS)), st.booleans())
def test_where_few_may_go_out_at_once_they_take_turns(most: int, is_spanless: bool) -> None:
    windows, now = BarWindows(timedelta(0) if is_spanless else SPAN), START
    turns = -(-len(INTERVALS) // most)
    went_out = []
    for _ in range(3 * turns):
        windows.touch()
        now += SPAN
        due = windows.due(now, most)
        assert due.sum() == most
        windows.sent(due, now)
        went_out.append(due)
    for at in range(len(went_out) - turns):
        assert sum(went_out[at : at + turns + 1]).all(), "none is left out for more than a turn"


def test_ahead_of_its_window_whatever_waits_goes_out_and_nothing_else() -> None:
    windows = BarWindows(SPAN)
    windows.touch()
    windows.sent(windows.due(START), START)
    assert not windows.due(START, ahead=True).any()
    windows.touch()
    assert windows.due(START, ahead=True).all()
