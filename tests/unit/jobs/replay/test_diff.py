"""A replayed bar against one that another partition made: named, never taken for one behind the range."""

from dataclasses import replace
from decimal import Decimal

from jobs.replay.diff import Changes, add_changes, bar_values
from oracle.comparison import FIELDS, StoredBar
from tests.unit.sinks.rows import START_US, bars

KEY = ("AAPL", "1m", START_US)
ENDS_US = START_US + 3600 * 1_000_000


def changes_of(version: int, stored_partition: int | None, stored_version: int) -> Changes:
    replayed = replace(bars({"version": version, "final": 1}), partition=0)
    values = (*bar_values(replayed.rows[0])[:-1], stored_version)
    changes = Changes()
    add_changes(changes, replayed, {KEY: StoredBar(values, stored_partition)}, range(version + 1), ENDS_US)
    return changes


def test_the_values_of_a_bar_are_the_fields_that_are_compared() -> None:
    changed = {"open": "1.5", "vwap": "2.25", "quote_volume": "0.00000000000000000001", "trade_count": 7, "version": 9}
    values = dict(zip(FIELDS, bar_values(bars(changed).rows[0]), strict=True))
    assert {name: values[name] for name in changed} == {
        name: Decimal(value) if isinstance(value, str) else value for name, value in changed.items()
    }
    assert bar_values(bars({"vwap": None}).rows[0])[FIELDS.index("vwap")] is None


def test_a_newer_bar_of_the_same_partition_is_left_out() -> None:
    for partition in (0, None):
        changes = changes_of(5, partition, 9)
        assert (changes.newer, changes.any) == (1, False)


def test_another_partitions_bar_is_a_change_whatever_its_version() -> None:
    for version in (1, 5, 9):
        changes = changes_of(5, 1, version)
        assert (changes.newer, changes.changed, changes.any) == (0, 1, True)
        assert changes.in_two_partitions == {"AAPL": [0, 1]}


def test_partitions_that_are_replayed_both_name_a_symbol_too() -> None:
    changes = Changes()
    for partition in (0, 2):
        add_changes(changes, replace(bars({"version": 5, "final": 1}), partition=partition), {}, range(9), ENDS_US)
    assert changes.in_two_partitions == {"AAPL": [0, 2]}
