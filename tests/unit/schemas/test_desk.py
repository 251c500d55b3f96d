"""Tables of a desk: each kind has one, and figures that are copied share nothing."""

import numpy as np

from schemas.desk import ROUTING, TABLE_OF, WINDOWS, DeskBatch, LpFigures, RoutingFigures


def test_every_kind_has_a_table_that_says_where_a_record_stands() -> None:
    for table in TABLE_OF.values():
        assert table.names is not None
        assert {"offset", "timestamp_ms", "event_time_us"} <= set(table.names)


def test_a_batch_is_as_long_as_its_good_records() -> None:
    assert len(DeskBatch("routing", "routing-decisions", 0, np.zeros(2, ROUTING), (), 3, 3)) == 2


def test_windows_are_whole_seconds() -> None:
    assert [window.name for window in WINDOWS] == ["1s", "1m", "1h"]
    assert all(window.length_us % 1_000_000 == 0 for window in WINDOWS)


def test_a_copy_shares_nothing() -> None:
    figures = RoutingFigures(count=1, execution={1: 2})
    copied = figures.copy()
    assert copied == figures
    figures.execution[1] = 3
    assert copied.execution == {1: 2}
    provider = LpFigures(spread={1: 2})
    other = provider.copy()
    provider.spread[1] = 3
    assert other.spread == {1: 2}
