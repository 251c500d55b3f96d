"""What a replay would change: its bars compared with those that ClickHouse has.

``tapeflow replay --dry-run --diff`` calls it, partition by partition. Only bars that the range decides are compared. A
stored bar with a higher version than the replayed one has trades behind the range and would win over it; it is counted
as newer. A bar that another partition made is not counted so: its symbol lies in two partitions, and is named. A stored
bar that the records of the range don't give is a difference too, though no replay deletes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kernels.decimal_text import QUOTE_SCALE, from_limbs, from_pair, to_decimal
from oracle.comparison import FIELDS, Difference, Key, StoredBar
from oracle.truth import INTERVAL_US
from schemas.columns import BarBatch, BarRow
from schemas.intervals import INTERVALS

__all__ = ["Change", "Changes", "add_changes", "bar_values"]

SHOWN_MAX = 1000
Change = Difference
"""``expected`` is what the topic gives, ``stored`` what ClickHouse holds."""


@dataclass
class Changes:
    """Bars by what a replay would do to them. ``shown``: the first thousand fields that differ."""

    equal: int = 0
    changed: int = 0
    added: int = 0
    without_trades: int = 0
    newer: int = 0
    open: int = 0
    shown: list[Change] = field(default_factory=list)
    places: dict[str, set[int]] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        return bool(self.changed or self.added or self.without_trades or self.in_two_partitions)

    @property
    def in_two_partitions(self) -> dict[str, list[int]]:
        """Symbols with bars of several partitions, replayed or stored, and which."""
        return {symbol: sorted(each) for symbol, each in sorted(self.places.items()) if len(each) > 1}

    def show(self, changes: Iterable[Change]) -> None:
        self.shown.extend(list(changes)[: SHOWN_MAX - len(self.shown)])

    def __str__(self) -> str:
        compared = self.equal + self.changed + self.added + self.without_trades
        left = [f"{count} {what}" for count, what in ((self.open, "still open"), (self.newer, "newer")) if count]
        return (
            f"{compared} bars compared: {self.equal} equal, {self.changed} would change, {self.added} would be added, "
            f"{self.without_trades} stored without trades" + (f" ({', '.join(left)}: left out)" if left else "")
        )


def bar_values(row: BarRow) -> tuple[object, ...]:
    """A BAR row in the order of oracle.comparison.FIELDS, as exact as ClickHouse gives it."""
    names = row.dtype.names or ()

    def value(name: str) -> object:
        if name == "quote_volume":
            return to_decimal(from_limbs(row[name]), QUOTE_SCALE)
        if name == "vwap" and not row["has_vwap"]:
            return None
        if name in names:
            return int(row[name])
        return to_decimal(from_pair(int(row[f"{name}_hi"]), int(row[f"{name}_lo"])))

    return tuple(map(value, FIELDS))


def add_changes(
    changes: Changes, replayed: BarBatch, stored: Mapping[Key, StoredBar], sequences: range, ends_us_max: int
) -> None:
    """Compare the replayed bars of some symbols with all stored ones of the same symbols, intervals and times.

    sequences: those of the records read; ends_us_max: the range's end. A stored bar beyond either is of no concern.
    """
    seen: set[Key] = set()
    for row in replayed.rows:
        key = (replayed.symbols[row["symbol"]], INTERVALS[row["interval"]].name, int(row["start_us"]))
        seen.add(key)
        there, values = stored.get(key), bar_values(row)
        places = changes.places.setdefault(key[0], set())
        places.add(replayed.partition)
        if there is not None and there.partition is not None:
            places.add(there.partition)
        if there is not None and there.partition not in (None, replayed.partition):
            changes.changed += 1
            changes.show([Change(*key, "partition", str(replayed.partition), str(there.partition))])
        elif there is not None and there.version > int(row["version"]):
            changes.newer += 1
        elif not row["final"] and (there is None or there.version < int(row["version"])):
            changes.open += 1
        elif there is None:
            changes.added += 1
            changes.show([Change(*key, "bar", f"version {values[-1]}", "missing")])
        elif there.values == values:
            changes.equal += 1
        else:
            changes.changed += 1
            pairs = zip(FIELDS, values, there.values, strict=True)
            changes.show(Change(*key, name, _plain(new), _plain(old)) for name, new, old in pairs if new != old)
    for key, there in stored.items():
        is_ours = there.partition in (None, replayed.partition)
        if key not in seen and is_ours and there.version in sequences and key[2] + INTERVAL_US[key[1]] <= ends_us_max:
            changes.without_trades += 1
            changes.show([Change(*key, "bar", "no trades", f"version {there.version}")])


def _plain(value: object) -> str:
    return "none" if value is None else format(value, "f") if hasattr(value, "as_tuple") else str(value)
