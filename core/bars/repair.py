"""Late trades folded back into the bars that had refused them: what a replay does that live can't.

A RepairShard is a Shard that also hands out each bar's state when it is sealed, and each late trade; fold_late takes
both and gives the revised bars. Shard and fold together publish the bars that unlimited lateness would give, with the
same revisions. A bar that took a refused trade has a higher version than before, since a bar that has refused one trade
refuses all later ones. Memory stays that of live however long the log is: sealed bars leave the state, and only those
that late trades touch come back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from core.bars.bar_state import BAR_STATE, BarStateRows, add_trade, finish_bars
from core.bars.long_ids import BAR_ID_COLUMNS, rank_kept
from core.bars.neighbours import Neighbours
from core.bars.pool import Pool, bar_hash, find_bar, new_bar, rebuild_buckets
from core.bars.rules import Rules
from core.bars.shard import NO_BARS, Applied, Shard, new_pool, timing_of
from core.bars.shard_kernel import NEVER, OPEN_END, Timing
from kernels.kernel import kernel
from kernels.wide import multiply94
from schemas.columns import BAR, BUY, DUPLICATE, LATE, TRADE, BarBatch, BarRows, Bytes, Ints, Longs, TradeBatch, Words
from schemas.contract import first_sequence

__all__ = ["LATE_TRADE", "LateRows", "RepairShard", "fold_late"]

LATE_TRADE: Final = np.dtype(
    [("trade", TRADE), ("watermark_us", "i8"), ("symbol", "i4"), ("opens_alone", "u1"), ("_pad", "u1", (3,))]
)
"""A trade that some interval refused, the watermark that it met, its symbol's index in the shard, and whether it makes
its bar open at its first trade."""
LateRows = npt.NDArray[Any]
"""LATE_TRADE[n]."""
GROUP_TRADES: Final = 500_000
"""Late trades folded at a time, by symbol; each may bring a bar of 320 bytes of every interval back."""


class RepairShard(Shard):
    """A shard whose sealed bars and late trades can be taken and kept elsewhere."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self._sealed: list[BarStateRows] = []
        self._late: list[LateRows] = []

    def apply(self, batch: TradeBatch) -> Applied:
        before_us = self.max_event_time_us
        done = super().apply(batch)
        if done.late:
            self._late.append(self._late_trades(batch, before_us))
        return done

    def take_final(self) -> BarBatch:
        if not self._is_due:
            return BarBatch(self.symbols.names, NO_BARS)
        finals = self._finish(self._close())
        rows = self.pool.rows
        ends_us = rows["end_us"] + self._timing.lateness_us[rows["interval"]]
        sealed = np.flatnonzero((self.pool.deadline_us != NEVER) & (ends_us <= self.watermark_us))
        if len(sealed):
            left = rows[sealed]
            for name in BAR_ID_COLUMNS:
                self.long_ids.keep(left[name])
            self._sealed.append(left)
        self.seal()
        return finals

    def take_sealed(self) -> BarStateRows:
        """BAR_STATE rows sealed since the last call; ``symbol`` indexes the shard's names."""
        taken, self._sealed = self._sealed, []
        return np.concatenate(taken) if taken else np.zeros(0, BAR_STATE)

    def take_late(self) -> LateRows:
        """LATE_TRADE rows since the last call, in log order."""
        taken, self._late = self._late, []
        return np.concatenate(taken) if taken else np.zeros(0, LATE_TRADE)

    def _late_trades(self, batch: TradeBatch, before_us: int) -> LateRows:
        rows = batch.rows
        times = np.where(rows["outcome"] == DUPLICATE, before_us, rows["event_time_us"])
        seen = np.maximum.accumulate(np.concatenate([[before_us], times[:-1]]))
        late = np.flatnonzero(rows["outcome"] == LATE)
        out = np.zeros(len(late), LATE_TRADE)
        out["trade"] = rows[late]
        self.long_ids.keep(out["trade"]["trade_id_upper"])
        out["watermark_us"] = np.maximum(seen[late], before_us) - self.rules.out_of_order_us
        out["symbol"] = self.symbols.intern(batch.text, rows["symbol_at"][late], rows["symbol_len"][late])
        if self.rules.is_chained:
            exchanges = self.exchanges.intern(batch.text, rows["exchange_at"][late], rows["exchange_len"][late])
            out["opens_alone"] = self.lone_exchanges()[exchanges]
        return out


def fold_late(
    late: LateRows,
    sealed: Callable[[], Iterable[BarStateRows]],
    rules: Rules,
    group_trades: int = GROUP_TRADES,
    kept_ids: Sequence[bytes] = (),
) -> Iterator[BarRows]:
    """Bars (BAR) with the trades of ``late`` that they had refused; those that no other trade made are new.

    late: LATE_TRADE in log order, all of the shard. sealed: every BAR_STATE row taken from it, in pieces; asked for
    once per group of symbols, so that memory is bounded. kept_ids: the shard's ``long_ids.kept``.
    """
    groups = max(1, -(-len(late) // group_trades))
    timing = timing_of(rules)
    for group in range(groups):
        chosen = late[late["symbol"] % groups == group] if groups > 1 else late
        if len(chosen):
            neighbours = Neighbours(chosen, timing) if rules.is_chained else None
            sequence_base = first_sequence(rules.source_epoch)
            yield _fold_group(chosen.copy(), sealed(), timing, sequence_base, kept_ids, neighbours)


def _fold_group(
    late: LateRows,
    sealed: Iterable[BarStateRows],
    timing: Timing,
    sequence_base: int,
    kept_ids: Sequence[bytes],
    neighbours: Neighbours | None,
) -> BarRows:
    wanted = np.unique(_keys_of_late(late, timing))
    parts = [np.zeros(0, BAR_STATE)]
    for piece in sealed:
        parts.append(piece[np.isin(_keys_of_bars(piece), wanted)])
        if neighbours is not None:
            neighbours.look(piece)
    bars = np.concatenate(parts)
    rank_kept(kept_ids, late["trade"]["trade_id_upper"], *(bars[name] for name in BAR_ID_COLUMNS))
    capacity = 16
    while capacity < len(bars) + len(wanted) + 1:
        capacity *= 2
    pool = new_pool(capacity)
    pool.rows[: len(bars)] = bars
    pool.deadline_us[: len(bars)] = bars["end_us"]
    free = np.arange(capacity - 1, len(bars) - 1, -1)
    pool.free[: len(free)] = free
    pool.registers[:] = len(free), OPEN_END
    rebuild_buckets(pool)
    add_refused(late, timing, sequence_base, pool)
    slots = np.flatnonzero(pool.changed)
    out = np.zeros(len(slots), BAR)
    finish_bars(pool.rows, slots, OPEN_END, out)
    if neighbours is not None:
        neighbours.open(pool.rows, slots, out)
    return out


@kernel
def keys_of(symbols: Ints, intervals: Bytes, starts_us: Longs, out: Words) -> None:
    # Two bars may share a key: then one more is looked at than is needed, and find_bar tells them apart.
    for i in range(symbols.shape[0]):
        out[i] = bar_hash(symbols[i], intervals[i], starts_us[i])


def _keys_of_bars(bars: BarStateRows) -> Words:
    out = np.empty(len(bars), np.uint64)
    symbols, intervals, starts_us = (np.ascontiguousarray(bars[name]) for name in ("symbol", "interval", "start_us"))
    keys_of(symbols, intervals, starts_us, out)
    return out


def _keys_of_late(late: LateRows, timing: Timing) -> Words:
    out = np.empty(len(late) * len(timing.lengths_us), np.uint64)
    return out[: refused_keys(late, timing, out)]


@kernel
def refused_keys(late: LateRows, timing: Timing, out: Words) -> int:
    """Keys of the bars that refused a trade of ``late``; returns how many were written to out."""
    count = 0
    for i in range(late.shape[0]):
        time = late[i].trade.event_time_us
        for k in range(timing.lengths_us.shape[0]):
            start = time - (time - timing.origins_us[k]) % timing.lengths_us[k]
            if start + timing.lengths_us[k] + timing.lateness_us[k] <= late[i].watermark_us:
                out[count] = bar_hash(late[i].symbol, k, start)
                count += 1
    return count


@kernel
def add_refused(late: LateRows, timing: Timing, sequence_base: int, pool: Pool) -> None:
    """What apply_trades does, for the intervals that refused: the watermark had passed each bar's end."""
    for i in range(late.shape[0]):
        trade = late[i].trade
        time = trade.event_time_us
        price_hi, price_lo = np.uint64(trade.price_hi), trade.price_lo
        notional = multiply94(price_hi, price_lo, np.uint64(trade.size_hi), trade.size_lo)
        square = multiply94(price_hi, price_lo, price_hi, price_lo)
        for k in range(timing.lengths_us.shape[0]):
            start = time - (time - timing.origins_us[k]) % timing.lengths_us[k]
            end = start + timing.lengths_us[k]
            if end + timing.lateness_us[k] > late[i].watermark_us:
                continue
            slot = find_bar(pool, late[i].symbol, k, start)
            if slot < 0:
                slot = new_bar(pool, late[i].symbol, k, start, end)
            else:
                pool.rows[slot].revision += 1
            add_trade(pool.rows[slot], trade, notional, square, trade.side == BUY, sequence_base + trade.offset)
            pool.rows[slot].opens_alone |= late[i].opens_alone
            pool.changed[slot] = 1
