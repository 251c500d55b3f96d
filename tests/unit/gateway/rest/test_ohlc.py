"""Merging bars of three sources: one per start, newest first, the newer state wins."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.rest.ohlc import Bar, merge_bars

BARS = st.builds(
    Bar, st.integers(0, 20), st.integers(0, 50), st.booleans(), st.integers(0, 3), st.binary(min_size=1, max_size=2)
)


def bar(start: int, sequence: int, final: bool = True, revision: int = 0) -> Bar:
    return Bar(start, sequence, final, revision, b"%d/%d/%d" % (start, sequence, final))


def test_live_bar_is_first_and_the_seam_has_no_hole_and_no_double() -> None:
    closed = [bar(3, 30), bar(2, 20), bar(1, 10)]
    recent = [bar(4, 40), bar(3, 30), bar(5, 45, final=False)]
    merged = merge_bars(closed, recent, 4)
    assert [each.time_ms for each in merged] == [5, 4, 3, 2]
    assert not merged[0].final


def test_revision_replaces_and_an_old_state_does_not() -> None:
    assert merge_bars([bar(1, 10)], [bar(1, 12, revision=1)], 9)[0].sequence == 12
    assert merge_bars([bar(1, 12)], [bar(1, 10, final=False)], 9)[0].sequence == 12


def test_of_the_same_sequence_the_final_one_wins() -> None:
    assert merge_bars([bar(1, 10, final=False)], [bar(1, 10)], 9)[0].final
    assert merge_bars([bar(1, 10)], [bar(1, 10, final=False)], 9)[0].final


@given(st.lists(BARS, max_size=40), st.lists(BARS, max_size=40), st.integers(1, 30))
def test_merge_gives_the_newest_starts_each_once_in_its_newest_state(closed, recent, limit: int) -> None:
    closed = list({each.time_ms: each for each in closed}.values())
    merged = merge_bars(closed, recent, limit)
    starts = sorted({each.time_ms for each in [*closed, *recent]}, reverse=True)[:limit]
    assert [each.time_ms for each in merged] == starts
    for each in merged:
        assert each[1:4] == max(other[1:4] for other in [*closed, *recent] if other.time_ms == each.time_ms)
