"""A shard's state as bytes and back: what recovery keeps at each epoch.

The flow's stateful step calls it. Law: restore(snapshot(shard)) continues exactly as the shard would have; a snapshot
of another version is refused with the way out, never guessed at. The surprise: tables travel as Arrow IPC so that any
tool can open them, and only bars in state are written, so slots are dealt anew on restore.
"""

import io
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
import numpy as np
import polars as pl

from core.names import NameTable
from core.rules import Rules
from core.shard import Shard, new_pool
from core.shard_kernel import NEVER, OPEN_END, rebuild_buckets
from schemas.columns import Rows
from schemas.errors import StateIncompatible

__all__ = ["SNAPSHOT_VERSION", "restore", "snapshot"]

SNAPSHOT_VERSION: Final = 1
SEEN_COLUMN: Final = "seen"
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


def to_arrow(rows: Rows) -> bytes:
    """Columns of a structured array as Arrow IPC; padding and nested arrays are left out."""
    columns = {name: rows[name].copy() for name in rows.dtype.names or () if rows.dtype[name].shape == ()}
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_ipc(buffer, compression="lz4")
    return buffer.getvalue()


def from_arrow(data: bytes, rows: Rows) -> None:
    """Fill the first rows of a structured array with the columns of to_arrow."""
    frame = pl.read_ipc(io.BytesIO(data))
    for name in frame.columns:
        rows[name][: len(frame)] = frame[name].to_numpy()


def snapshot(shard: Shard) -> bytes:
    """State of ``shard``, without its Rules, which come from the settings again."""
    pool = shard.pool
    slots = np.flatnonzero(pool.deadline_us != NEVER)
    bars = np.zeros(len(slots), [*pool.rows.dtype.descr, ("deadline_us", "i8"), ("changed", "u1"), ("pending", "u1")])
    for name in pool.rows.dtype.names or ():
        bars[name] = pool.rows[name][slots]
    bars["deadline_us"] = pool.deadline_us[slots]
    bars["changed"] = pool.changed[slots]
    bars["pending"] = pool.pending[slots]
    known = len(shard.symbols)
    frozen = Frozen(
        version=SNAPSHOT_VERSION,
        max_event_time_us=shard.max_event_time_us,
        next_offset=shard.next_offset,
        counts=shard.counts.tolist(),
        symbols=shard.symbols.names,
        exchanges=shard.exchanges.names,
        bars=to_arrow(bars),
        per_symbol=to_arrow(shard.per_symbol[:known]),
        seen=shard.seen[:known].tobytes() if shard.rules.dedupe else b"",
    )
    return msgspec.msgpack.encode(frozen)


def restore(data: bytes, rules: Rules, kind: Callable[[Rules], S] = Shard) -> S:  # type: ignore[assignment]
    """The shard that snapshot() saw, as ``kind``; raises StateIncompatible for bytes of another version or origin."""
    try:
        frozen = msgspec.msgpack.decode(data, type=Frozen)
    except msgspec.DecodeError as error:
        raise incompatible(str(error)) from error
    if frozen.version != SNAPSHOT_VERSION:
        raise incompatible(f"version {frozen.version}, this program reads {SNAPSHOT_VERSION}")
    shard = kind(rules)
    shard.symbols, shard.exchanges = NameTable(frozen.symbols), NameTable(frozen.exchanges)
    shard.max_event_time_us, shard.next_offset = frozen.max_event_time_us, frozen.next_offset
    shard.counts[:] = frozen.counts
    shard.grow_symbols()
    from_arrow(frozen.per_symbol, shard.per_symbol)
    if rules.dedupe and frozen.seen:
        seen = np.frombuffer(frozen.seen, np.uint64).reshape(-1, shard.seen.shape[1])
        shard.seen[: len(seen)] = seen
    restore_pool(shard, frozen.bars)
    return shard


def restore_pool(shard: Shard, data: bytes) -> None:
    frame = pl.read_ipc(io.BytesIO(data))
    count, capacity = len(frame), len(shard.pool.rows)
    while capacity < count + 16:
        capacity *= 2
    pool = new_pool(capacity)
    for name in frame.columns:
        target = getattr(pool, name) if name in ("deadline_us", "changed", "pending") else pool.rows[name]
        target[:count] = frame[name].to_numpy()
    pool.free[: capacity - count] = np.arange(capacity - 1, count - 1, -1)
    waiting = bool(pool.pending.any())
    pool.registers[:] = capacity - count, NEVER if waiting else int(pool.deadline_us[:count].min(initial=OPEN_END))
    rebuild_buckets(pool)
    shard.pool = pool
    newest_last = np.argsort(pool.rows["start_us"][:count], kind="stable")
    rows = pool.rows[:count][newest_last]
    shard.per_symbol["current"][rows["symbol"], rows["interval"]] = newest_last


def incompatible(why: str) -> StateIncompatible:
    return StateIncompatible(
        f"the recovery state can't be used: {why}",
        where="TAPEFLOW_RECOVERY_DIR",
        mend="move the folder away and start again; the state is rebuilt from Kafka",
    )
