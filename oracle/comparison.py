"""Compares stored bars with those that the oracle recomputed, field by field.

``verify`` and the demo hand in both sides. A bar is compared only when the records at hand decide it wholly. One that
other records touch (cut by the edges of a range), or that is still open, is left out and counted, never passed over in
silence. At the right edge a bar's version says whether later records changed it; the left edge is a time. A stored bar
newer than the oracle's may be right: a replay has folded in trades that were too late for live. It is compared with an
oracle that waits for ever. A symbol in two partitions has two bars of one name, each without the other's trades.
Neither is right, so such a bar is a difference whatever is stored.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from oracle.truth import INTERVAL_US, OracleBar

__all__ = [
    "FIELDS",
    "Comparison",
    "Difference",
    "Edge",
    "Key",
    "StoredBar",
    "compare_bars",
    "decided_bars",
    "partitions_said",
    "wins",
]

FIELDS: Final = (
    *("open", "high", "low", "close", "volume", "quote_volume", "vwap", "trade_count", "buy_volume", "stddev"),
    *("revision", "version"),
)
EXISTENCE: Final = "bar"
PARTITIONS: Final = "partitions"
Key = tuple[str, str, int]
"""Symbol, interval, start in microseconds."""


@dataclass(frozen=True, slots=True)
class StoredBar:
    """``values`` as Decimals, whole numbers and None, in the order of FIELDS. ``partition``: None where it isn't known,
    as of bars that were written before it was kept."""

    values: tuple[object, ...]
    partition: int | None = field(default=None, compare=False)

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

    def cuts(self, from_us: int | None, version: int) -> bool:
        """Whether records outside the range may have, or have, changed a bar that has trades in it; from_us: as
        OracleBar has it."""
        is_cut = self.left_us is not None and (from_us is None or from_us <= self.left_us)
        return is_cut or version > self.last_sequence

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
    ``hidden``: what open transactions keep from every reader, in words.
    ``in_two_partitions``: symbols with trades in several, and which."""

    compared: int = 0
    open: int = 0
    cut: int = 0
    elsewhere: int = 0
    repaired: int = 0
    differing: int = 0
    hidden: str = ""
    differences: list[Difference] = field(default_factory=list)
    in_two_partitions: dict[str, list[int]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing that was compared is wrong."""
        return not (self.differing or self.in_two_partitions)

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
        twice = f"; {len(self.in_two_partitions)} symbols in several partitions" if self.in_two_partitions else ""
        return f"{self.compared} bars compared, {self.differing} differ{mended}{note}{strays}{twice}"


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
    by_key: dict[Key, list[OracleBar]] = defaultdict(list)
    for bar in bars:
        by_key[bar.symbol, bar.interval, bar.start_us].append(bar)
    homes = _homes(by_key, stored)
    done.in_two_partitions = {symbol: sorted(places) for symbol, places in sorted(homes.items()) if len(places) > 1}
    for key, candidates in by_key.items():
        there = stored.get(key)
        bar = _winner(candidates)
        places = {each.partition for each in candidates}
        if there is not None and there.partition is not None:
            places.add(there.partition)
        if len(places) > 1:
            _compare_doubled(done, key, bar, there, places)
            continue
        edge = edges.get(bar.partition) if edges else None
        # What another partition's version says of this one's range is nothing.
        version = there.version if there and key[0] not in done.in_two_partitions else bar.version
        if edge is not None and edge.cuts(bar.from_us, version):
            done.cut += 1
        elif not bar.final and (there is None or there.version < bar.version):
            # A bar that the wall clock closed early, and that has grown since, is published again when it ends.
            done.open += 1
        else:
            again = repaired.get(key) if there is not None and there.version > bar.version else None
            _compare(done, key, bar, again, there)
    for key, there in stored.items():
        if key in by_key:
            continue
        again = repaired.get(key)
        owners = _owners(key, there, again, homes)
        if not owners:
            done.elsewhere += 1
            if unread is not None and not any(there.version in span for span in unread):
                done.compared += 1
                done.differ([Difference(*key, EXISTENCE, "no such symbol", "stored")])
        elif edges and all(each in edges and edges[each].lacks(key[2], there.version) for each in owners):
            done.cut += 1
        else:
            _compare(done, key, None, again, there)
    done.differences.sort(key=lambda each: (each.symbol, INTERVAL_US[each.interval], each.start_us))
    return done


def wins(bar: OracleBar) -> tuple[int, int]:
    """By what both stores choose among several partitions' bars of one name: the greater version, then the lower
    partition. Greater wins."""
    return bar.version, -bar.partition


def decided_bars(bars: Iterable[OracleBar], stored: Mapping[Key, StoredBar]) -> list[OracleBar]:
    """One bar of each name: the one that the stores must hold. A bar that isn't final yet may be held already, where a
    wall clock closed it early."""
    by_key: dict[Key, list[OracleBar]] = defaultdict(list)
    for bar in bars:
        by_key[bar.symbol, bar.interval, bar.start_us].append(bar)
    decided = []
    for key, candidates in by_key.items():
        there = stored.get(key)
        published = [each for each in candidates if each.final or (there is not None and there.version == each.version)]
        decided.append(_winner(published or candidates))
    return decided


def partitions_said(symbol: str, partitions: Iterable[int]) -> str:
    """The one line that names a symbol in two partitions and what to do."""
    return f"{symbol} has trades in partitions {', '.join(map(str, partitions))}: see `tapeflow rekey`"


def _winner(candidates: Sequence[OracleBar]) -> OracleBar:
    return max(candidates, key=wins)


def _homes(by_key: Mapping[Key, Sequence[OracleBar]], stored: Mapping[Key, StoredBar]) -> dict[str, set[int]]:
    """Partitions of each symbol that the records hold, by what they and the stored bars say."""
    homes: dict[str, set[int]] = defaultdict(set)
    for key, candidates in by_key.items():
        homes[key[0]].update(each.partition for each in candidates)
    for key, there in stored.items():
        if key[0] in homes and there.partition is not None:
            homes[key[0]].add(there.partition)
    return homes


def _owners(key: Key, there: StoredBar, again: OracleBar | None, homes: Mapping[str, set[int]]) -> set[int]:
    """The partitions that a stored bar without a trade in the range may be of."""
    if again is not None:
        return {again.partition}
    if key[0] in homes and there.partition is not None:
        return {there.partition}
    return homes.get(key[0], set())


def _compare_doubled(done: Comparison, key: Key, bar: OracleBar, there: StoredBar | None, places: set[int]) -> None:
    done.compared += 1
    said = f"trades in {', '.join(map(str, sorted(places)))}; version {bar.version} of {bar.partition} decides"
    held = "missing" if there is None else f"version {there.version}"
    done.differ([Difference(*key, PARTITIONS, said, held)])


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
