"""The ids that a shard has seen lately: which trade is a duplicate, and which can't be judged.

Shard hands in each batch for its keys; the kernel of the shard asks ``judge`` trade by trade, in log order. A trade is
a duplicate only if its id was really seen, for the same symbol and exchange, among the last ids remembered and less
than a span of event time away: a venue may count anew at midnight. What the window has forgotten can't be told. So a
trade at or before the newest event time that was forgotten of its symbol and exchange is unjudged, as is one without
an id. Memory doesn't grow with the trades: one ring of ids per shard, and under 50 bytes per symbol and exchange.
Numbers are kept exactly, other text as 128 bits (kernels.text_hash). See docs/adr/0014-what-is-a-duplicate.md.
"""

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from kernels.ascii import NINE, SPACE, TAB, ZERO
from kernels.kernel import kernel, leaf_kernel
from kernels.text_hash import digest_text
from schemas.columns import ID_DIGITS, NO_ID, Bytes, Ints, Longs, TradeBatch, TradeRows, Whole

__all__ = [
    "ENTRY",
    "FETCHED_TRADES",
    "JUDGED",
    "PAIR",
    "SEEN",
    "UNJUDGED",
    "KeyRows",
    "SeenIds",
    "Window",
    "fetch_places",
    "judge",
]

JUDGED: Final = 0
SEEN: Final = 1
UNJUDGED: Final = 2

NOTHING: Final = 0
NUMBER: Final = 1
TEXT: Final = 2
LONG_NUMBER: Final = 3
_UPPER_END: Final = 10**ID_DIGITS
FORGOT_NOTHING: Final = -(2**62)
PAIRS_FIRST: Final = 64
IDS_PUT: Final = 0
PAIRS_KNOWN: Final = 1
UNKNOWN_US: Final = 2
FETCHED: Final = 3
"""Places in Window.registers."""
FETCHED_TRADES: Final = 16
"""Trades whose places are touched before they are judged."""

KEY: Final = np.dtype([("lo", "u8"), ("hi", "u8"), ("pair", "i4"), ("kind", "u1"), ("_pad", "u1", (3,))])
"""An id as it is compared. kind: NOTHING (no id), NUMBER (lo and hi as in TRADE), LONG_NUMBER (a
digest of its digits) or TEXT (a digest); pair indexes PAIR rows."""

ENTRY: Final = np.dtype(
    [("lo", "u8"), ("hi", "u8"), ("event_time_us", "i8"), ("pair", "i4"), ("kind", "u1"), ("_pad", "u1", (3,))]
)
"""One remembered id. kind NOTHING: forgotten before its turn, as the id came again further than the span away."""

PAIR: Final = np.dtype([("symbol", "i4"), ("exchange", "i4"), ("forgotten_us", "i8")])
"""A symbol at an exchange, as the shard numbers them; forgotten_us: the newest event time that the window forgot."""

KeyRows = npt.NDArray[Any]
"""KEY[n]."""
EntryRows = npt.NDArray[Any]
"""ENTRY[n]."""
PairRows = npt.NDArray[Any]
"""PAIR[n]."""
Key: TypeAlias = Any
"""A row of KEY; or of ENTRY, which has its columns."""


class Window(NamedTuple):
    """entries: ENTRY[size], a ring. buckets, pair_buckets: int32[2**k], index + 1 by hash with linear probing, 0 empty.

    registers: int64[4], how many ids were put in ever (IDS_PUT); how many pairs there are (PAIRS_KNOWN); and the event
    time up to which nothing is remembered, since it was before duplicates were looked for (UNKNOWN_US).
    """

    entries: EntryRows
    buckets: Ints
    pairs: PairRows
    pair_buckets: Ints
    registers: Longs


@leaf_kernel
def _mix(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@leaf_kernel
def _home(window: Window, key: Key) -> np.int64:
    """The bucket where the search for a key, or an entry, begins."""
    value = _mix(key["lo"] + np.uint64(key["pair"]) * np.uint64(0x9E3779B97F4A7C15)) ^ key["hi"]
    return np.int64(value & np.uint64(len(window.buckets) - 1))


@leaf_kernel
def _find(window: Window, key: Key) -> Whole:
    """The bucket of an entry with that key, -1 if there is none."""
    mask = len(window.buckets) - 1
    at = _home(window, key)
    while window.buckets[at] != 0:
        entry = window.entries[window.buckets[at] - 1]
        is_same = entry["lo"] == key["lo"] and entry["hi"] == key["hi"] and entry["pair"] == key["pair"]
        if is_same and entry["kind"] == key["kind"]:
            return at
        at = (at + 1) & mask
    return np.int64(-1)


@leaf_kernel
def _forget(window: Window, at: Whole) -> None:
    """Take out the entry of a bucket; those behind it move up, so that no mark of it is left (Knuth 6.4, R)."""
    mask = len(window.buckets) - 1
    entry = window.entries[window.buckets[at] - 1]
    pair = window.pairs[entry["pair"]]
    pair["forgotten_us"] = max(pair["forgotten_us"], entry["event_time_us"])
    entry["kind"] = NOTHING
    hole, at = at, (at + 1) & mask
    while window.buckets[at] != 0:
        home = _home(window, window.entries[window.buckets[at] - 1])
        # Its search begins at or before the hole, going round.
        if ((at - home) & mask) >= ((at - hole) & mask):
            window.buckets[hole] = window.buckets[at]
            hole = at
        at = (at + 1) & mask
    window.buckets[hole] = 0


@leaf_kernel
def _put(window: Window, key: Key, event_time_us: Whole) -> None:
    """Remember an id that isn't there; the oldest makes room."""
    slot = window.registers[IDS_PUT] % len(window.entries)
    entry = window.entries[slot]
    if window.registers[IDS_PUT] >= len(window.entries) and entry["kind"] != NOTHING:
        _forget(window, _find(window, entry))
    window.registers[IDS_PUT] += 1
    entry["lo"], entry["hi"], entry["pair"], entry["kind"] = key["lo"], key["hi"], key["pair"], key["kind"]
    entry["event_time_us"] = event_time_us
    mask = len(window.buckets) - 1
    at = _home(window, entry)
    while window.buckets[at] != 0:
        at = (at + 1) & mask
    window.buckets[at] = slot + 1


@leaf_kernel
def fetch_places(window: Window, keys: KeyRows, first: int, stop: int) -> None:
    """Touch where the keys from ``first`` to ``stop`` and the ids that will make room for them are looked for: what
    lies far away then comes all at once, not key by key."""
    put, seen = window.registers[IDS_PUT], np.int64(0)
    for index in range(first, stop):
        oldest = window.entries[(put + index - first) % len(window.entries)]
        seen ^= window.buckets[_home(window, keys[index])] ^ window.buckets[_home(window, oldest)]
    window.registers[FETCHED] = seen  # else compilers would leave the loop out


@leaf_kernel
def judge(window: Window, key: Key, event_time_us: Whole, span_us: Whole) -> int:
    """SEEN for a duplicate; else JUDGED or UNJUDGED, and the id is remembered. Call once per trade, in log order."""
    if key["kind"] == NOTHING:
        return UNJUDGED
    at = _find(window, key)
    if at >= 0:
        distance_us = event_time_us - window.entries[window.buckets[at] - 1]["event_time_us"]
        if -span_us < distance_us < span_us:
            return SEEN
    known_from_us = max(window.pairs[key["pair"]]["forgotten_us"], window.registers[UNKNOWN_US])
    if at >= 0:
        _forget(window, at)
    _put(window, key, event_time_us)
    return UNJUDGED if event_time_us <= known_from_us else JUDGED


@leaf_kernel
def _pair_of(window: Window, symbol: Whole, exchange: Whole) -> int:
    """Index of the pair, which is made when it is new; there is room (see SeenIds.keys)."""
    mask = len(window.pair_buckets) - 1
    at = np.int64(_mix((np.uint64(symbol) << np.uint64(32)) | np.uint64(exchange)) & np.uint64(mask))
    while window.pair_buckets[at] != 0:
        pair = window.pairs[window.pair_buckets[at] - 1]
        if pair["symbol"] == symbol and pair["exchange"] == exchange:
            return int(window.pair_buckets[at] - 1)
        at = (at + 1) & mask
    index = window.registers[PAIRS_KNOWN]
    window.registers[PAIRS_KNOWN] += 1
    pair = window.pairs[index]
    pair["symbol"], pair["exchange"], pair["forgotten_us"] = symbol, exchange, FORGOT_NOTHING
    window.pair_buckets[at] = index + 1
    return int(index)


@leaf_kernel
def _bare(text: Bytes, at: Whole, stop: Whole, is_number: bool) -> tuple[Whole, Whole]:
    """(begin, end) of an id without the blanks around it; of a number without zeros before it and a fraction too."""
    while at < stop and (text[at] == SPACE or text[at] == TAB):
        at += 1
    while at < stop and (text[stop - 1] == SPACE or text[stop - 1] == TAB):
        stop -= 1
    if is_number:
        while at < stop and text[at] == ZERO:
            at += 1
        end = at
        while end < stop and ZERO <= text[end] <= NINE:
            end += 1
        stop = end
    return at, stop


@kernel
def _fill_keys(rows: TradeRows, text: Bytes, symbols: Ints, exchanges: Ints, window: Window, keys: KeyRows) -> None:
    for index in range(len(rows)):
        row, key = rows[index], keys[index]
        is_number = row["trade_id_number"] != NO_ID
        if is_number and 0 <= row["trade_id_upper"] < _UPPER_END:
            key["lo"], key["hi"] = np.uint64(row["trade_id_number"]), np.uint64(row["trade_id_upper"])
            key["kind"] = NUMBER
        else:
            begin = np.int64(row["trade_id_at"])
            at, stop = _bare(text, begin, begin + np.int64(row["trade_id_len"]), is_number)
            if at == stop:
                continue
            key["lo"], key["hi"] = digest_text(text, at, stop)
            key["kind"] = LONG_NUMBER if is_number else TEXT
        key["pair"] = _pair_of(window, symbols[index], exchanges[index])


@kernel
def _add_pairs(window: Window, symbols: Ints, exchanges: Ints) -> None:
    for index in range(len(symbols)):
        _pair_of(window, symbols[index], exchanges[index])


@kernel
def _add_entries(window: Window, entries: EntryRows) -> None:
    """Remember what another window held, the oldest first."""
    for index in range(len(entries)):
        entry = entries[index]
        if entry["kind"] != NOTHING:
            _put(window, entry, entry["event_time_us"])
        else:
            slot = window.registers[IDS_PUT] % len(window.entries)
            if window.registers[IDS_PUT] >= len(window.entries) and window.entries[slot]["kind"] != NOTHING:
                _forget(window, _find(window, window.entries[slot]))
            window.registers[IDS_PUT] += 1


class SeenIds:
    """The last ``size`` ids of one shard; size 0: none is looked for. ``window`` is for the shard's kernel."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.window = Window(
            entries=np.zeros(max(size, 1), ENTRY),
            buckets=np.zeros(_buckets_of(size), np.int32),
            pairs=np.zeros(PAIRS_FIRST, PAIR),
            pair_buckets=np.zeros(_buckets_of(PAIRS_FIRST), np.int32),
            registers=np.array([0, 0, FORGOT_NOTHING, 0], np.int64),
        )

    def keys(self, batch: TradeBatch, symbols: Ints, exchanges: Ints) -> KeyRows:
        """KEY[n] of the batch's trades; symbols, exchanges: int32[n], the shard's numbers of them. Empty for size 0."""
        keys = np.zeros(len(batch.rows) if self.size else 0, KEY)
        if len(keys):
            self._make_room(len(keys))
            _fill_keys(batch.rows, np.frombuffer(batch.text, np.uint8), symbols, exchanges, self.window, keys)
        return keys

    def remembered(self) -> EntryRows:
        """ENTRY rows, the oldest first."""
        count = int(self.window.registers[IDS_PUT])
        if count <= len(self.window.entries):
            return self.window.entries[:count].copy()
        return np.roll(self.window.entries, -(count % len(self.window.entries)))

    def pairs(self) -> PairRows:
        """PAIR rows that entries index."""
        return self.window.pairs[: self.window.registers[PAIRS_KNOWN]]

    @property
    def unknown_us(self) -> int:
        return int(self.window.registers[UNKNOWN_US])

    def restore(self, entries: EntryRows, pairs: PairRows, unknown_us: int) -> None:
        """Take over what a new SeenIds of this or another size held. A smaller one forgets the oldest."""
        self._make_room(len(pairs))
        _add_pairs(self.window, pairs["symbol"], pairs["exchange"])
        self.window.pairs["forgotten_us"][: len(pairs)] = pairs["forgotten_us"]
        self.window.registers[UNKNOWN_US] = unknown_us
        _add_entries(self.window, entries)

    def _make_room(self, count: int) -> None:
        """For as many more pairs."""
        known = int(self.window.registers[PAIRS_KNOWN])
        needed = known + count
        if needed <= len(self.window.pairs):
            return
        pairs = np.zeros(max(needed, len(self.window.pairs) * 2), PAIR)
        pairs[:known] = self.window.pairs[:known]
        old = self.pairs()
        self.window = self.window._replace(pairs=pairs, pair_buckets=np.zeros(_buckets_of(len(pairs)), np.int32))
        self.window.registers[PAIRS_KNOWN] = 0
        _add_pairs(self.window, old["symbol"], old["exchange"])
        pairs["forgotten_us"][:known] = old["forgotten_us"]


def _buckets_of(count: int) -> int:
    """A power of two, at least twice as many."""
    return 1 << max(4, (2 * count - 1).bit_length())
