"""Stored bars against the oracle's: equal, different, missing, stray, open, and cut by the edges of a range."""

from dataclasses import replace
from decimal import Decimal

from tapeflow.comparison import FIELDS, Edge, Key, StoredBar, compare_bars
from tapeflow.oracle import OracleBar, OracleResult, OracleRules, OracleTrade, recompute

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US


def result(*minutes: float, start: int = 0) -> OracleResult:
    trades = [
        OracleTrade(0, start + offset, -1, DAY_US * 10 + int(minute * MINUTE_US), "A", Decimal(offset + 1), Decimal(2))
        for offset, minute in enumerate(minutes)
    ]
    return recompute(trades, OracleRules(out_of_order_us=0))


def bars_of(found: OracleResult) -> list[OracleBar]:
    return found.sorted_bars(["1m"])


def stored_of(bars: list[OracleBar]) -> dict[Key, StoredBar]:
    return {
        (bar.symbol, bar.interval, bar.start_us): StoredBar(tuple(getattr(bar, name) for name in FIELDS))
        for bar in bars
        if bar.final
    }


def changed(stored: StoredBar, name: str, value: object) -> StoredBar:
    values = list(stored.values)
    values[FIELDS.index(name)] = value
    return replace(stored, values=tuple(values))


def test_equal_bars_are_compared_and_open_ones_left_out() -> None:
    bars = bars_of(result(0, 1, 2))
    found = compare_bars(bars, stored_of(bars))
    assert (found.compared, found.open, found.differing) == (2, 1, 0)
    assert str(found) == "2 bars compared, 0 differ (1 still open: left out)"


def test_every_field_is_looked_at() -> None:
    bars = bars_of(result(0, 1, 2))
    for name in FIELDS[:-1]:
        stored = stored_of(bars)
        key = next(iter(stored))
        stored[key] = changed(stored[key], name, Decimal(77))
        found = compare_bars(bars, stored)
        assert (found.differing, [each.field for each in found.differences]) == (1, [name])


def test_trailing_zeros_are_no_difference() -> None:
    bars = bars_of(result(0, 1))
    stored = stored_of(bars)
    key = next(iter(stored))
    stored[key] = changed(stored[key], "close", Decimal("1.0000000000"))
    assert compare_bars(bars, stored).differing == 0


def test_missing_and_stray_bars_differ() -> None:
    bars = bars_of(result(0, 1, 2))
    stored = stored_of(bars)
    first = next(iter(stored))
    stray: Key = ("A", "1m", DAY_US)
    found = compare_bars(bars, {stray: stored.pop(first), **stored})
    assert [(each.start_us, each.stored) for each in found.differences] == [(DAY_US, "stored"), (first[2], "missing")]


def test_bar_closed_early_is_compared_until_it_grows() -> None:
    bars = bars_of(result(0, 1))
    key: Key = (bars[-1].symbol, bars[-1].interval, bars[-1].start_us)
    early = StoredBar(tuple(getattr(bars[-1], name) for name in FIELDS))
    assert compare_bars(bars, {**stored_of(bars), key: early}).compared == 2
    grown = bars_of(result(0, 1, 1.5))
    assert compare_bars(grown, {**stored_of(grown), key: early}).open == 1


def test_bars_that_began_before_the_range_are_cut() -> None:
    bars = bars_of(result(0, 1, 2, 3, start=10))
    edge = Edge(left_us=bars[1].start_us, first_sequence=10, last_sequence=13)
    found = compare_bars(bars, stored_of(bars), {0: edge})
    assert (found.compared, found.cut, found.open) == (1, 2, 1)


def test_bars_that_later_records_changed_are_cut() -> None:
    bars = bars_of(result(0, 1, 2))
    stored = stored_of(bars)
    key = next(iter(stored))
    stored[key] = changed(changed(stored[key], "version", 99), "close", Decimal(5))
    found = compare_bars(bars, stored, {0: Edge(None, 0, 2)})
    assert (found.compared, found.cut, found.differing) == (1, 1, 0)


def test_stale_bar_inside_the_range_differs() -> None:
    bars = bars_of(result(0, 1, 2, start=10))
    stored = stored_of(bars)
    key = next(iter(stored))
    stored[key] = changed(stored[key], "version", 5)
    found = compare_bars(bars, stored, {0: Edge(DAY_US, 10, 12)})
    assert [each.field for each in found.differences] == ["version"]


def test_bars_of_other_symbols_are_counted_apart() -> None:
    bars = bars_of(result(0, 1))
    stored = stored_of(bars)
    found = compare_bars(bars, {**stored, ("B", "1m", 0): next(iter(stored.values()))})
    assert (found.elsewhere, found.differing) == (1, 0)
