"""Holds bars that were stored against bars that the oracle recomputed, field by field.

``verify`` and the demo hand in both sides. Law: a bar counts as compared only when the records at hand decide it
wholly; one that other records touch (cut by the edges of a range), or that is still open, is left out and counted,
never passed over in silence. The surprise: the version says which bars later records changed, so the right edge needs
no guessing; the left edge is a time. And a stored bar newer than the oracle's is right where a replay has folded in
trades that were too late for live: it is held against an oracle that waits for ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tapeflow.oracle import INTERVAL_US, OracleBar

__all__ = ["FIELDS", "Comparison", "Difference", "Edge", "Key", "StoredBar", "compare_bars"]

FIELDS: Final = (
    *("open", "high", "low", "close", "volume", "quote_volume", "vwap", "trade_count", "buy_volume", "stddev"),
    *("revision", "version"),
)
EXISTENCE: Final = "bar"
Key = tuple[str, str, int]
"""Symbol, interval, start in microseconds."""


@dataclass(frozen=True, slots=True)
class StoredBar:
    """``values`` as Decimals, whole numbers and None, in the order of FIELDS."""

    values: tuple[object, ...]

    @property
    def version(self) -> int:
        version = self.values[-1]
        assert isinstance(version, int)
        return version


class Edge(NamedTuple):
    """What a partition's records can't decide. ``left_us``: bars that start then or before may hold earlier trades
    (None: the partition was read from its first record on). The sequences: of the first and the last record read."""

    left_us: int | None
    first_sequence: int
    last_sequence: int

    def cuts(self, start_us: int, version: int) -> bool:
        """Whether records outside the range may have, or have, changed a bar that has trades in it."""
        return (self.left_us is not None and start_us <= self.left_us) or version > self.last_sequence

    def lacks(self, start_us: int, version: int) -> bool:
        """As cuts, for a bar without a trade in the range."""
        return self.cuts(start_us, version) or version < self.first_sequence


class Difference(NamedTuple):
    """One field of one bar. ``field`` is ``bar`` where one side lacks it altogether."""

    symbol: str
    interval: str
    start_us: int
    field: str
    expected: str
    stored: str


@dataclass
class Comparison:
    """compared + open + cut = bars looked at. ``repaired``: those compared that a replay has folded late trades into.
    ``elsewhere``: stored bars of symbols that the records don't hold, compared only where no other record can.
    ``hidden``: what open transactions keep from every reader, in words."""

    compared: int = 0
    open: int = 0
    cut: int = 0
    elsewhere: int = 0
    repaired: int = 0
    differing: int = 0
    hidden: str = ""
    differences: list[Difference] = field(default_factory=list)

    def differ(self, differences: Iterable[Difference]) -> bool:
        """Count one bar's; whether there are any."""
        found = list(differences)
        self.differing += bool(found)
        self.differences.extend(found)
        return bool(found)

    def __str__(self) -> str:
        left_out = [
            f"{count} {what}" for count, what in ((self.open, "still open"), (self.cut, "cut by the range")) if count
        ]
        note = f" ({', '.join(left_out)}: left out)" if left_out else ""
        mended = f", {self.repaired} repaired by late trades" if self.repaired else ""
        strays = f"; {self.elsewhere} stored of symbols that the records don't hold" if self.elsewhere else ""
        return f"{self.compared} bars compared, {self.differing} differ{mended}{note}{strays}"


def compare_bars(
    bars: Iterable[OracleBar],
    stored: Mapping[Key, StoredBar],
    edges: Mapping[int, Edge] | None = None,
    *,
    repaired: Mapping[Key, OracleBar] | None = None,
    unread: Sequence[range] | None = None,
) -> Comparison:
    """Every final bar must be stored as it is, and nothing else. ``edges`` by partition; none: no edge.

    repaired: bars as they are with every late trade folded in. unread: sequences of the records that aren't at hand,
    any of which may hold other symbols; None: that isn't known, so such bars are only counted.
    """
    done, repaired = Comparison(), repaired or {}
    seen: set[Key] = set()
    partition_of: dict[str, int] = {}
    for bar in bars:
        key = (bar.symbol, bar.interval, bar.start_us)
        seen.add(key)
        partition_of[bar.symbol] = bar.partition
        edge = edges.get(bar.partition) if edges else None
        there = stored.get(key)
        if edge is not None and edge.cuts(bar.start_us, there.version if there else bar.version):
            done.cut += 1
        elif not bar.final and (there is None or there.version < bar.version):
            # A bar that the wall clock closed early, and that has grown since, is published again when it ends.
            done.open += 1
        else:
            again = repaired.get(key) if there is not None and there.version > bar.version else None
            _compare(done, key, bar, again, there)
    for key, there in stored.items():
        if key in seen:
            continue
        again = repaired.get(key)
        partition = again.partition if again is not None else partition_of.get(key[0])
        if partition is None:
            done.elsewhere += 1
            if unread is not None and not any(there.version in span for span in unread):
                done.compared += 1
                done.differ([Difference(*key, EXISTENCE, "no such symbol", "stored")])
        elif edges and partition in edges and edges[partition].lacks(key[2], there.version):
            done.cut += 1
        else:
            _compare(done, key, None, again, there)
    done.differences.sort(key=lambda each: (each.symbol, INTERVAL_US[each.interval], each.start_us))
    return done


def _compare(
    done: Comparison, key: Key, bar: OracleBar | None, again: OracleBar | None, stored: StoredBar | None
) -> None:
    done.compared += 1
    if not done.differ(_field_differences(key, again or bar, stored)) and again is not None:
        done.repaired += 1


def _field_differences(key: Key, bar: OracleBar | None, stored: StoredBar | None) -> Iterable[Difference]:
    if bar is None:
        yield Difference(*key, EXISTENCE, "no trades", "stored")
        return
    if stored is None:
        yield Difference(*key, EXISTENCE, f"version {bar.version}", "missing")
        return
    for name, value in zip(FIELDS, stored.values, strict=True):
        expected = getattr(bar, name)
        if expected != value:
            yield Difference(*key, name, _shown(expected), _shown(value))


def _shown(value: object) -> str:
    return "none" if value is None else format(value, "f") if hasattr(value, "as_tuple") else str(value)
