"""A shard's state as bytes and back: what recovery keeps at each epoch.

The flow's stateful step calls it. restore(snapshot(shard)) continues exactly as the shard would have. A snapshot of
another version is refused, saying what to do, and never guessed at. Tables travel as Arrow IPC, so that any tool can
open them. Only bars in state are written, so their rows in the pool are numbered anew on restore.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
import polars as pl

from core.bars.bar_state import ANNOUNCED, CLOSED
from core.bars.long_ids import LongIds
from core.bars.minutes import LEAST_START
from core.bars.openings import chain_bars
from core.bars.pool import rebuild_buckets
from core.bars.rules import Rules
from core.bars.seen_ids import ENTRY, PAIR
from core.bars.shard import Shard, new_pool
from core.bars.shard_kernel import NEVER, OPEN_END
from kernels.names import NameTable
from schemas.columns import Rows
from schemas.errors import StateIncompatible
from schemas.intervals import INTERVALS

__all__ = ["SNAPSHOT_VERSION", "restore", "snapshot"]

SNAPSHOT_VERSION: Final = 4
READABLE_VERSIONS: Final = (2, 3, SNAPSHOT_VERSION)
"""Version 2 kept ids in bits by symbol (``seen``), which say nothing about exchanges: they are not taken over.
Version 3 didn't say of each bar whether it opens alone; its readers fail at a state that does."""
CLOCKS: Final = ("deadline_us", "changed", "pending")
"""Columns of a pool beside its rows that are written with them."""
NAMES: Final = tuple(interval.name for interval in INTERVALS)
S = TypeVar("S", bound=Shard)


class Frozen(msgspec.Struct, array_like=True):
    """The envelope: scalars and Arrow tables."""

    version: int
    max_event_time_us: int
    next_offset: int
    counts: list[int]
    symbols: list[str]
    exchanges: list[str]
    bars: bytes
    per_symbol: bytes
    seen: bytes
    first_offset: int = -1
    left_edge_us: int = NEVER
    read: int = 0
    rejected: int = 0
    floors_us: list[int] = []
    out_of_order_us: int = 0
    lateness_us: list[int] = []
    source_epoch: int = 0
    ids: bytes = b""
    id_pairs: bytes = b""
    unknown_us: int = NEVER
    long_ids: list[bytes] = []
    kept_long_ids: list[bytes] = []
    intervals: tuple[str, ...] = ("1m", "5m", "15m", "1h", "4h", "1D", "1W")
    """What the indices in ``bars``, ``counts`` and ``floors_us`` mean; a state that doesn't say it means these."""
    previous_close: bool = False
    exceptions: tuple[str, ...] = ()
    closes: bytes = b""


def columns_of(rows: Rows, at: Any = slice(None)) -> dict[str, Rows]:
    """Columns of a structured array, of its rows ``at``; padding and nested arrays are left out."""
    return {name: rows[name][at] for name in rows.dtype.names or () if rows.dtype[name].shape == ()}


def to_arrow(columns: Mapping[str, Rows]) -> bytes:
    """As Arrow IPC."""
    buffer = io.BytesIO()
    pl.DataFrame({name: np.ascontiguousarray(column) for name, column in columns.items()}).write_ipc(
        buffer, compression="lz4"
    )
    return buffer.getvalue()


def from_arrow(data: bytes, rows: Rows) -> None:
    """Fill the first rows of a structured array with those columns of to_arrow that it still has."""
    frame = pl.read_ipc(io.BytesIO(data))
    for name in set(frame.columns) & set(rows.dtype.names or ()):
        rows[name][: len(frame)] = frame[name].to_numpy()


def rows_of(data: bytes, dtype: np.dtype[np.void]) -> Rows:
    """A structured array of the columns of to_arrow."""
    frame = pl.read_ipc(io.BytesIO(data))
    rows = np.zeros(len(frame), dtype)
    for name in frame.columns:
        rows[name] = frame[name].to_numpy()
    return rows


def snapshot(shard: Shard) -> bytes:
    """State of ``shard``. Of its Rules only those that bound time, so that restore sees when they were changed."""
    shard.settle()
    pool = shard.pool
    slots = np.flatnonzero(pool.deadline_us != NEVER)
    clocks = {name: getattr(pool, name)[slots] for name in CLOCKS}
    known, seen = len(shard.symbols), shard.seen
    frozen = Frozen(
        version=SNAPSHOT_VERSION,
        max_event_time_us=shard.max_event_time_us,
        next_offset=shard.next_offset,
        counts=shard.counts.tolist(),
        symbols=shard.symbols.names,
        exchanges=shard.exchanges.names,
        bars=to_arrow(columns_of(pool.rows, slots) | clocks),
        per_symbol=to_arrow(columns_of(shard.per_symbol, slice(known))),
        seen=b"",
        first_offset=shard.first_offset,
        left_edge_us=shard.left_edge_us,
        read=shard.read,
        rejected=shard.rejected,
        floors_us=shard.floors_us.tolist(),
        out_of_order_us=shard.rules.out_of_order_us,
        lateness_us=list(shard.rules.lateness_us),
        source_epoch=shard.rules.source_epoch,
        ids=to_arrow(columns_of(seen.remembered())) if seen.size else b"",
        id_pairs=to_arrow(columns_of(seen.pairs())) if seen.size else b"",
        unknown_us=seen.unknown_us,
        long_ids=shard.long_ids.digits,
        kept_long_ids=shard.long_ids.kept,
        intervals=NAMES,
        previous_close=shard.rules.previous_close,
        exceptions=shard.rules.exceptions,
        closes=to_arrow(columns_of(shard.closes[:known].reshape(-1))) if shard.rules.is_chained else b"",
    )
    return msgspec.msgpack.encode(frozen)


def restore(data: bytes, rules: Rules, kind: Callable[[Rules], S] = Shard) -> S:  # type: ignore[assignment]
    """The shard that snapshot() saw, as ``kind``; raises StateIncompatible for bytes of another version or origin.

    Other ``rules`` than before hold from here on: what the old ones closed and sealed stays closed and sealed, since
    the trades of a forgotten bar are gone. Duplicates are looked for from here on if they weren't before, or if they
    were by a state of version 2: what was seen until now is then unknown, not unseen.
    """
    try:
        frozen = msgspec.msgpack.decode(data, type=Frozen)
    except msgspec.DecodeError as error:
        raise incompatible(str(error)) from error
    if frozen.version not in READABLE_VERSIONS:
        raise incompatible(f"version {frozen.version}, this program reads {', '.join(map(str, READABLE_VERSIONS))}")
    if frozen.intervals != NAMES:
        raise incompatible(f"its bars are of {','.join(frozen.intervals)}, this program's of {','.join(NAMES)}")
    if rules.source_epoch < frozen.source_epoch:
        raise incompatible(f"it has source_epoch {frozen.source_epoch}, the settings say {rules.source_epoch}")
    if (frozen.previous_close, frozen.exceptions) != (rules.previous_close, rules.exceptions):
        raise incompatible("its bars opened by another TAPEFLOW_CANDLE_OPEN")
    shard = kind(rules)
    shard.symbols, shard.exchanges = NameTable(frozen.symbols), NameTable(frozen.exchanges)
    shard.max_event_time_us, shard.next_offset = frozen.max_event_time_us, frozen.next_offset
    shard.first_offset, shard.left_edge_us = frozen.first_offset, frozen.left_edge_us
    shard.counts[: len(frozen.counts)], shard.read, shard.rejected = frozen.counts, frozen.read, frozen.rejected
    shard.grow_symbols()
    from_arrow(frozen.per_symbol, shard.per_symbol)
    if rules.is_chained:
        from_arrow(frozen.closes, shard.closes.reshape(-1))
    shard.floors_us[:] = floors_of(frozen, rules)
    shard.long_ids = LongIds(frozen.long_ids, frozen.kept_long_ids)
    if rules.dedupe:
        restore_seen(shard, frozen)
    restore_pool(shard, frozen.bars)
    return shard


def restore_seen(shard: Shard, frozen: Frozen) -> None:
    if not frozen.ids:
        shard.seen.restore(np.zeros(0, ENTRY), np.zeros(0, PAIR), frozen.max_event_time_us)
        return
    shard.seen.restore(rows_of(frozen.ids, ENTRY), rows_of(frozen.id_pairs, PAIR), frozen.unknown_us)


def floors_of(frozen: Frozen, rules: Rules) -> list[int]:
    if (frozen.out_of_order_us, tuple(frozen.lateness_us)) == (rules.out_of_order_us, rules.lateness_us):
        return frozen.floors_us
    watermark_us = max(frozen.max_event_time_us - frozen.out_of_order_us, frozen.floors_us[0])
    sealed_us = [watermark_us - lateness_us for lateness_us in frozen.lateness_us]
    return [max(pair) for pair in zip([watermark_us, *sealed_us], frozen.floors_us, strict=True)]


def restore_pool(shard: Shard, data: bytes) -> None:
    frame = pl.read_ipc(io.BytesIO(data))
    count, capacity = len(frame), len(shard.pool.rows)
    while capacity < count + 16:
        capacity *= 2
    pool = new_pool(capacity, is_chained=shard.rules.is_chained)
    for name in frame.columns:
        target = getattr(pool, name) if name in CLOCKS else pool.rows[name]
        target[:count] = frame[name].to_numpy()
    closed = np.flatnonzero(pool.rows["closed"][:count] == CLOSED)
    lateness_us = np.array(shard.rules.lateness_us, np.int64)[pool.rows["interval"][closed]]
    pool.deadline_us[closed] = pool.rows["end_us"][closed] + lateness_us
    pool.free[: capacity - count] = np.arange(capacity - 1, count - 1, -1)
    waiting = bool(pool.pending.any())
    pool.registers[:] = capacity - count, NEVER if waiting else int(pool.deadline_us[:count].min(initial=OPEN_END))
    rebuild_buckets(pool)
    if shard.rules.is_chained:
        chain_bars(pool.chain, pool.rows[:count])
    shard.pool = pool
    announced = pool.rows["closed"][:count] == ANNOUNCED
    published_us = pool.rows["end_us"][:count][announced].max(initial=NEVER)
    shard.minutes.registers[LEAST_START] = max(published_us, shard.floors_us.max())
    newest_last = np.argsort(pool.rows["start_us"][:count], kind="stable")
    rows = pool.rows[:count][newest_last]
    shard.per_symbol["current"][rows["symbol"], rows["interval"]] = newest_last


def incompatible(why: str) -> StateIncompatible:
    return StateIncompatible(
        f"the recovery state can't be used: {why}",
        where="TAPEFLOW_RECOVERY_DIR",
        mend="move the folder away and start again; the state is rebuilt from Kafka",
    )
