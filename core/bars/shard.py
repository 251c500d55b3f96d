"""The state of one shard (a Kafka partition) and the step that moves it: trades in; bars, tickers, outcomes out.

A flow holds one Shard per partition, applies each TradeBatch in offset order, and takes what became final or changed.
Everything here is a function of the records applied, in their order, however they are cut into batches. There is no
clock and no chance. Bars live in a pool of rows found by a hash of (symbol, interval, start). A scan for bars to close
runs only when the watermark passes the earliest end that some row waits for, so a quiet minute costs nothing.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from core.bars.bar_state import ANNOUNCED, BAR_STATE, CLOSED, OPEN, finish_bars
from core.bars.long_ids import LongIds
from core.bars.minutes import LEAST_START, grown_minutes, new_minutes
from core.bars.openings import CLOSE, CloseRows, grown_closes, new_chain, open_bars, unlink_bars
from core.bars.pool import FREE_SLOTS, LEAST_DEADLINE, Pool, rebuild_buckets
from core.bars.rules import Rules
from core.bars.seen_ids import SeenIds
from core.bars.shard_kernel import (
    COUNTS,
    NEVER,
    OPEN_END,
    SYMBOL_STATE,
    Arrivals,
    ShardTables,
    SymbolRows,
    Timing,
    apply_trades,
    close_bars,
    seal_bars,
    settle_minutes,
    store_days,
)
from kernels.names import NameTable
from schemas.columns import (
    BAR,
    LENGTHS_US,
    ORIGINS_US,
    TICKER,
    TICKER_STATE,
    BarBatch,
    BarRows,
    Bytes,
    Ints,
    Longs,
    Mask,
    TickerBatch,
    TickerRows,
    TradeBatch,
)
from schemas.contract import first_sequence
from schemas.intervals import INTERVALS

__all__ = ["NO_BARS", "Applied", "Shard"]

EVERY_INTERVAL: Final[Mask] = np.ones(len(INTERVALS), np.bool_)
NONE: Final[Longs] = np.empty(0, np.int64)
NO_BARS: Final[BarRows] = np.empty(0, BAR)
FIRST_ROWS: Final = 256
NO_FLOOR: Final = -(2**63)
NO_CHAIN: Final = new_chain(0)


class Applied(NamedTuple):
    """What one batch did, in trades; ``refused`` by interval. Each trade's outcome stands in its row.

    unjudged: applied or late trades that may be duplicates, too little being remembered to tell; 0 where none is
    looked for.
    """

    applied: int
    duplicate: int
    late: int
    refused: tuple[int, ...]
    unjudged: int = 0


class Shard:
    """State of one partition. ``counts`` sums every Applied since the shard was new, ``read`` and ``rejected`` what the
    batches say; so read = applied + duplicate + late + rejected, over crashes too.

    first_offset: of the log, as this shard saw it; -1 before the first batch.
    left_edge_us: where the log began before that, or before the topic was made anew, bars that start then or earlier
    may lack trades; NEVER: none do.
    floors_us: what rules of an earlier run had closed and sealed, see apply_trades.
    arrived, arrived_exchanges: the numbers of the symbols and of the exchanges of the last batch's rows.
    closes: of bars that were sealed, where bars open at the close before them.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.symbols = NameTable()
        self.exchanges = NameTable()
        self.counts = np.zeros(COUNTS, np.int64)
        self.max_event_time_us = NEVER
        self.next_offset = 0
        self.first_offset = -1
        self.left_edge_us = NEVER
        self.read = 0
        self.rejected = 0
        self.floors_us = np.full(1 + len(INTERVALS), NO_FLOOR, np.int64)
        self.per_symbol = np.zeros(0, SYMBOL_STATE)
        self.minutes = new_minutes(0)
        self.arrived: Ints = np.zeros(0, np.int32)
        self.arrived_exchanges: Ints = np.zeros(0, np.int32)
        self.seen = SeenIds(rules.dedupe_window if rules.dedupe else 0)
        self.long_ids = LongIds()
        self.closes: CloseRows = np.zeros((0, len(INTERVALS)), CLOSE)
        self.pool = new_pool(FIRST_ROWS, is_chained=rules.is_chained)
        self._opens_alone: Bytes = np.zeros(0, np.uint8)
        self._timing = timing_of(rules)

    @property
    def watermark_us(self) -> int:
        """No trade older than this is expected; far in the past before the first trade."""
        return max(self.max_event_time_us - self.rules.out_of_order_us, int(self.floors_us[0]))

    def apply(self, batch: TradeBatch) -> Applied:
        """Apply the batch's trades in order and write each one's outcome into its row."""
        rows = batch.rows
        self._find_left_edge(batch)
        before = self.counts.copy()
        symbols = self.arrived = self.symbols.intern(batch.text, rows["symbol_at"], rows["symbol_len"])
        exchanges = self.exchanges.intern(batch.text, rows["exchange_at"], rows["exchange_len"])
        self.arrived_exchanges = exchanges
        self.grow_symbols()
        keys = self.seen.keys(batch, symbols, exchanges)
        self.long_ids.rank(rows, batch.text, self.pool.rows, self.minutes.rows)
        arrivals = Arrivals(
            rows, symbols, exchanges, keys, first_sequence(self.rules.source_epoch), self.lone_exchanges()
        )
        done = 0
        while done < len(rows):
            done, self.max_event_time_us = apply_trades(
                arrivals, done, self._timing, self.max_event_time_us, self._tables()
            )
            if done < len(rows):
                self.pool = grow_pool(self.pool)
        self.next_offset = max(self.next_offset, batch.next_offset)
        self.read += batch.read
        self.rejected += len(batch.rejects)
        applied, duplicate, late, *refused, unjudged = (self.counts - before).tolist()
        return Applied(applied, duplicate, late, tuple(refused), unjudged)

    def take_final(self) -> BarBatch:
        """Bars that the watermark closed, or late trades revised, since the last call; then forget the sealed ones."""
        if not self._is_due:
            return BarBatch(self.symbols.names, NO_BARS)
        finals = self._finish(self._close())
        self.seal()
        return finals

    def settle(self) -> None:
        """Put every trade into its bars: some wait in core.bars.minutes. Before anybody looks at ``pool``."""
        done = settle_minutes(0, self._timing, self._tables())
        while done < len(self.minutes.filled):
            self.pool = grow_pool(self.pool)
            done = settle_minutes(done, self._timing, self._tables())

    @property
    def _is_due(self) -> bool:
        """Whether the watermark has come to where a bar waits for it; else there is nothing to close or to forget."""
        return self.watermark_us >= int(self.pool.registers[LEAST_DEADLINE])

    def _close(self) -> Longs:
        """Slots (int64[k]) of the bars to publish as final now."""
        self.settle()
        return close_bars(self.pool, self.watermark_us, self._timing.lateness_us)

    def seal(self) -> None:
        """Forget the bars that take no trade any more."""
        if self.rules.is_chained:
            sealed = np.flatnonzero((self.pool.deadline_us != NEVER) & (self.pool.deadline_us <= self.watermark_us))
            unlink_bars(self.pool.chain, self.pool.rows, sealed, self.closes)
        seal_bars(self.pool, self.watermark_us, self.per_symbol)

    def take_live(self, intervals: Mask = EVERY_INTERVAL) -> tuple[TickerBatch, BarBatch]:
        """Tickers and open bars that changed since last taken; bars only of ``intervals``, a mask, the others later."""
        self.settle()
        touched = np.flatnonzero(self.per_symbol["touched"])
        self.per_symbol["touched"] = 0
        store_days(self.per_symbol, touched, self.pool.rows)
        tickers = tickers_of(self.per_symbol, touched)
        slots = np.flatnonzero(self.pool.changed) if intervals.any() else NONE
        slots = slots[intervals[self.pool.rows["interval"][slots]]]
        self.pool.changed[slots] = 0
        # What the watermark closed has been given to take_final, or will be.
        live = self._finish(slots[self.pool.rows["closed"][slots] == OPEN])
        return TickerBatch(self.symbols.names, self.exchanges.names, tickers), live

    def publish_again(self) -> BarBatch:
        """For a store that may have lost what it was given: every ticker and open bar counts as changed again; the
        bars in state that were published as final are returned."""
        self.settle()
        self.per_symbol["touched"] = self.per_symbol["sequence"] >= 0
        in_state = self.pool.deadline_us != NEVER
        self.pool.changed[in_state] = 1
        return self._finish(np.flatnonzero(in_state & (self.pool.rows["closed"] != OPEN)))

    def announce(self, end_us_max: int) -> BarBatch:
        """Open bars that end at or before ``end_us_max``, as final, once: a quiet market's clock has passed their end.

        Numbers, revisions and what may still enter stay as they were; a trade that does enter publishes the bar anew.
        """
        self.settle()
        rows = self.pool.rows
        quiet = (self.pool.deadline_us != NEVER) & (rows["closed"] == OPEN) & (rows["end_us"] <= end_us_max)
        slots = np.flatnonzero(quiet)
        rows["closed"][slots] = ANNOUNCED
        self.minutes.registers[LEAST_START] = max(
            self.minutes.registers[LEAST_START], rows["end_us"][slots].max(initial=NO_FLOOR)
        )
        self.pool.changed[slots] = 0
        return self._finish(slots)

    def next_end_us(self) -> int:
        """Least end of the bars that are neither closed nor announced; OPEN_END if there is none."""
        self.settle()
        rows = self.pool.rows
        ends = rows["end_us"][(self.pool.deadline_us != NEVER) & (rows["closed"] == OPEN)]
        return int(ends.min()) if len(ends) else OPEN_END

    def open_bars(self, end_us_max: int = OPEN_END) -> BarBatch:
        """Bars in state that the watermark has not closed and that end at or before ``end_us_max``."""
        self.settle()
        rows = self.pool.rows
        open_now = (self.pool.deadline_us != NEVER) & (rows["closed"] != CLOSED) & (rows["end_us"] <= end_us_max)
        return self._finish(np.flatnonzero(open_now))

    def _find_left_edge(self, batch: TradeBatch) -> None:
        """Where the log begins later than its first record, or anew, trades of the same bars may have been before."""
        if self.first_offset < 0:
            firsts = [int(batch.rows["offset"][0])] if len(batch.rows) else []
            firsts += [batch.rejects[0].offset] if batch.rejects else []
            self.first_offset = min(firsts, default=batch.next_offset)
        # A state from before the epoch was raised has its beginning behind it: the log only went on.
        is_anew = self.rules.source_epoch > 0 and self.max_event_time_us == NEVER
        if (self.first_offset > 0 or is_anew) and self.left_edge_us == NEVER and len(batch.rows):
            # Kafka's time too: the first trade may itself be late, and what was before it was sent before it.
            newest_us = max(int(batch.rows["event_time_us"][0]), int(batch.rows["timestamp_ms"][0]) * 1000)
            # A Kafka time in nanoseconds would not fit the state.
            self.left_edge_us = min(newest_us + self.rules.out_of_order_us, OPEN_END)

    def _finish(self, slots: Longs) -> BarBatch:
        out = np.zeros(len(slots), BAR)
        finish_bars(self.pool.rows, slots, self.watermark_us, out)
        if self.rules.is_chained:
            open_bars(self.pool.chain, self.pool.rows, self.closes, slots, out)
        return BarBatch(self.symbols.names, out)

    def _tables(self) -> ShardTables:
        return ShardTables(
            self.pool,
            self.minutes,
            self.per_symbol,
            self.seen.window,
            self.rules.dedupe_span_us,
            self.floors_us,
            self.counts,
        )

    def grow_symbols(self) -> None:
        missing = len(self.symbols) - len(self.per_symbol)
        if missing > 0:
            fresh = np.zeros(max(missing, len(self.per_symbol) // 2), SYMBOL_STATE)
            fresh["current"] = -1
            fresh["sequence"] = -1
            fresh["exchange"] = -1
            fresh["day_start_us"] = NEVER
            fresh["previous_day_us"] = NEVER
            self.per_symbol = np.concatenate([self.per_symbol, fresh])
            self.minutes = grown_minutes(self.minutes, len(self.per_symbol))
            if self.rules.is_chained:
                self.closes = grown_closes(self.closes, len(self.per_symbol))

    def lone_exchanges(self) -> Bytes:
        """Of each exchange that was seen, whether its trades make bars open at their first trade."""
        if self.rules.is_chained and len(self._opens_alone) < len(self.exchanges):
            names = self.exchanges.names
            self._opens_alone = np.array([self.rules.opens_alone(name) for name in names], np.uint8)
        return self._opens_alone


def timing_of(rules: Rules) -> Timing:
    return Timing(LENGTHS_US, ORIGINS_US, np.array(rules.lateness_us, np.int64), rules.out_of_order_us)


def tickers_of(per_symbol: SymbolRows, touched: Longs) -> TickerRows:
    """TICKER[k] of the symbols ``touched`` (int64[k])."""
    states, tickers = per_symbol[touched], np.zeros(len(touched), TICKER)
    _numbers(tickers)[:] = _numbers(states)
    for name in ("exchange", "has_bid", "has_ask"):
        tickers[name] = states[name]
    tickers["symbol"] = touched
    tickers["has_previous_close"] = states["previous_day_us"] != NEVER
    return tickers


def _numbers(rows: TickerRows | SymbolRows) -> Longs:
    """The columns of TICKER_STATE, the first of either table, as int64[n, 20]: one copy instead of one of each."""
    numbers: Longs = rows.view(np.int64).reshape(len(rows), rows.dtype.itemsize // 8)[:, : len(TICKER_STATE)]
    return numbers


def new_pool(capacity: int, *, is_chained: bool = False) -> Pool:
    """An empty pool of ``capacity`` bars; its hash table has four slots a bar."""
    return Pool(
        rows=np.zeros(capacity, BAR_STATE),
        deadline_us=np.full(capacity, NEVER, np.int64),
        changed=np.zeros(capacity, np.uint8),
        pending=np.zeros(capacity, np.uint8),
        free=np.arange(capacity - 1, -1, -1, dtype=np.int32),
        buckets=np.full(capacity * 4, -1, np.int32),
        registers=np.array([capacity, OPEN_END], np.int64),
        chain=new_chain(capacity) if is_chained else NO_CHAIN,
    )


def grow_pool(old: Pool) -> Pool:
    """A pool of twice the capacity with the same bars at the same slots."""
    capacity = len(old.rows)
    pool: dict[str, Any] = new_pool(capacity * 2, is_chained=len(old.chain.before) > 0)._asdict()
    for name in ("rows", "deadline_us", "changed", "pending"):
        pool[name][:capacity] = getattr(old, name)
    for grown_column, column in zip(pool["chain"], old.chain, strict=True):
        grown_column[: len(column)] = column
    grown = Pool(**pool)
    spare = int(old.registers[FREE_SLOTS])
    fresh = np.arange(capacity * 2 - 1, capacity - 1, -1, dtype=np.int32)
    grown.free[: capacity + spare] = np.concatenate([fresh, old.free[:spare]])
    grown.registers[FREE_SLOTS] = capacity + spare
    grown.registers[LEAST_DEADLINE] = old.registers[LEAST_DEADLINE]
    rebuild_buckets(grown)
    return grown
