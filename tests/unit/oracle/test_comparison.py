"""Stored bars against the oracle's: equal, different, missing, stray, open, repaired, and cut by a range's edges."""

from dataclasses import replace
from decimal import Decimal

import pytest

from oracle.comparison import FIELDS, Edge, Key, StoredBar, compare_bars, decided_bars, wins
from oracle.truth import OracleBar, OracleResult, OracleRules, OracleTrade, recompute
from schemas.intervals import INTERVALS

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US


def result(*minutes: float, start: int = 0, lateness_us: int = MINUTE_US) -> OracleResult:
    trades = [
        OracleTrade(0, start + offset, -1, DAY_US * 10 + int(minute * MINUTE_US), "A", Decimal(offset + 1), Decimal(2))
        for offset, minute in enumerate(minutes)
    ]
    return recompute(trades, OracleRules(out_of_order_us=0, lateness_us=(lateness_us,) * len(INTERVALS)))


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


def test_a_stored_bar_without_a_value_is_a_difference() -> None:
    bars = bars_of(result(0, 1, 2))
    stored = stored_of(bars)
    key = next(iter(stored))
    stored[key] = changed(stored[key], "vwap", None)
    assert [each.stored for each in compare_bars(bars, stored).differences] == ["none"]


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
    assert str(found).endswith("; 1 stored of symbols that the records don't hold")


def test_bars_of_other_symbols_differ_where_no_other_record_can_hold_them() -> None:
    bars = bars_of(result(0, 1))
    stored = stored_of(bars)
    strays = {**stored, ("B", "1m", 0): next(iter(stored.values()))}
    found = compare_bars(bars, strays, unread=[range(5, 9)])
    assert (found.elsewhere, found.differing, found.differences[0].symbol) == (1, 1, "B")
    assert compare_bars(bars, strays, unread=[range(9)]).differing == 0, "a record that wasn't read may hold it"


def by_key(bars: list[OracleBar]) -> dict[Key, OracleBar]:
    return {(bar.symbol, bar.interval, bar.start_us): bar for bar in bars}


def test_bars_that_late_trades_were_folded_into_are_repaired() -> None:
    minutes = (1, 2, 9, 1.5, 4.5, 10)
    live, mended = bars_of(result(*minutes)), bars_of(result(*minutes, lateness_us=DAY_US))
    assert len(mended) == len(live) + 1
    edges = {0: Edge(None, 0, 5)}
    assert compare_bars(live, stored_of(mended), edges).differing == 2
    found = compare_bars(live, stored_of(mended), edges, repaired=by_key(mended))
    assert (found.compared, found.repaired, found.differing) == (4, 2, 0)
    assert str(found).startswith("4 bars compared, 0 differ, 2 repaired by late trades (1 still open")
    untouched = compare_bars(live, stored_of(live), edges, repaired=by_key(mended))
    assert (untouched.repaired, untouched.differing) == (0, 0), "live leaves out what comes too late"


def test_a_repaired_bar_with_a_wrong_field_differs() -> None:
    minutes = (1, 2, 9, 1.5, 4.5, 10)
    live, mended = bars_of(result(*minutes)), bars_of(result(*minutes, lateness_us=DAY_US))
    for minute in (1, 4):
        stored = stored_of(mended)
        key: Key = ("A", "1m", DAY_US * 10 + minute * MINUTE_US)
        stored[key] = changed(stored[key], "close", Decimal(77))
        found = compare_bars(live, stored, {0: Edge(None, 0, 5)}, repaired=by_key(mended))
        assert (found.repaired, found.differing) == (1, 1)
        assert [(each.start_us, each.field) for each in found.differences] == [(key[2], "close")]


def test_repaired_bars_of_a_symbol_that_live_refused_wholly_are_known() -> None:
    mended = bars_of(result(1, 2, lateness_us=DAY_US))[:1]
    found = compare_bars([], stored_of(mended), {0: Edge(None, 0, 1)}, repaired=by_key(mended))
    assert (found.compared, found.repaired, found.elsewhere, found.differing) == (1, 1, 0, 0)


def two_partitions(
    second_offset: int, stored_partition: int | None = None
) -> tuple[list[OracleBar], dict[Key, StoredBar]]:
    """A symbol whose minute lies in partitions 0 (last offset 100) and 1; stored is what wins."""
    at_us = DAY_US * 10
    trades = [
        OracleTrade(0, 100, -1, at_us, "TWO", Decimal(5), Decimal(1)),
        OracleTrade(0, 101, -1, at_us + 10 * MINUTE_US, "ONE", Decimal(1), Decimal(1)),
        OracleTrade(1, second_offset, -1, at_us + 10, "TWO", Decimal(6), Decimal(2)),
        OracleTrade(1, second_offset + 1, -1, at_us + 10 * MINUTE_US, "UNO", Decimal(1), Decimal(1)),
    ]
    bars = [bar for bar in recompute(trades, OracleRules()).sorted_bars(["1m"]) if bar.symbol == "TWO"]
    best = max(bars, key=wins)
    return bars, {("TWO", "1m", at_us): StoredBar(tuple(getattr(best, name) for name in FIELDS), stored_partition)}


@pytest.mark.parametrize("second_offset", [1, 100, 5000])
def test_a_bar_of_two_partitions_is_a_difference_whatever_their_offsets(second_offset: int) -> None:
    bars, stored = two_partitions(second_offset)
    found = compare_bars(bars, stored, {0: Edge(None, 0, 101), 1: Edge(None, 0, second_offset + 1)})
    assert (found.compared, found.differing, found.cut, found.holds) == (1, 1, 0, False)
    assert found.in_two_partitions == {"TWO": [0, 1]}
    assert "1 symbols in several partitions" in str(found)


def test_a_stored_bar_of_another_partition_is_not_taken_for_one_behind_the_range() -> None:
    bars, stored = two_partitions(5000, stored_partition=1)
    found = compare_bars([bar for bar in bars if bar.partition == 0], stored, {0: Edge(None, 0, 101)})
    assert (found.differing, found.cut, found.in_two_partitions) == (1, 0, {"TWO": [0, 1]})


def test_a_symbol_with_bars_of_its_own_in_each_partition_is_named_though_no_bar_differs() -> None:
    at_us = DAY_US * 10
    trades = [
        OracleTrade(partition, 7 * (1 - partition), -1, at_us + partition * MINUTE_US, "TWO", Decimal(5), Decimal(1))
        for partition in (0, 1)
    ]
    bars = [bar._replace(final=True) for bar in recompute(trades, OracleRules()).sorted_bars(["1m"])]
    found = compare_bars(bars, stored_of(bars), {0: Edge(None, 0, 7), 1: Edge(None, 0, 0)})
    assert (found.compared, found.differing, found.cut, found.holds) == (2, 0, 0, False)


def test_the_greater_version_is_decided_for_then_the_lower_partition() -> None:
    for second_offset, winner in ((1, 0), (100, 0), (5000, 1)):
        bars, stored = two_partitions(second_offset)
        decided = decided_bars(bars, stored)
        assert [each.partition for each in decided] == [winner]
        assert compare_bars(decided, stored).differing == 0
