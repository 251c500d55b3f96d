"""What was last published of each symbol of one shard, and the calls that publish the next update.

Between sinks.redis.sink (which talks to the server) and sinks.redis.encode (which writes bytes). A delta is computed
against the row that this table published before, and the script checks that Redis holds the same. The table also keeps
each symbol's newest bars and a bounded number of final bars. So a Redis that lost its data or its last seconds is
filled again from here, without reading Kafka.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from schemas.columns import BAR, TICKER, BarBatch, BarRows, Ints, Longs, Mask, Rows, TickerBatch, TickerRows
from schemas.contract import SEQUENCE_BITS, SEQUENCE_MAX
from schemas.intervals import INTERVALS
from sinks.redis.encode import KeyParts, TextTable, pack_bars, pack_tickers
from sinks.redis.scripts import Call

__all__ = ["LiveUpdate", "ShardState"]

MESSAGES_MAX = 250
"""Messages of one script call: what Lua makes of them fits a processor's cache, and nobody else waits for it long."""


@dataclass(slots=True)
class LiveUpdate:
    """What changed in one shard: full rows, at most the newest per symbol (and interval); sinks make the deltas.

    again_below: tickers of a lower sequence are of an earlier run, which may have published them.
    traceparents: of the batches in it that are recorded; then made_ns says when it was made, by the clock.
    """

    shard: int
    tickers: TickerBatch
    live_bars: BarBatch
    final_bars: BarBatch
    again_below: int = 0
    traceparents: Sequence[str] = ()
    made_ns: int = 0


class ShardState:
    """Tables of one shard: TICKER[capacity], BAR[capacity, 7] by symbol number, and the last final bars."""

    def __init__(self, keys: KeyParts, *, finals_kept: int, shard: int = 0) -> None:
        self._keys, self._shard = keys, shard
        self._numbers: dict[str, int] = {}
        self._exchange_numbers: dict[str, int] = {}
        self._symbols = TextTable()
        self._exchanges = TextTable(), TextTable()
        self._tickers = np.zeros(64, TICKER)
        self._bars = np.zeros((64, len(INTERVALS)), BAR)
        self._known = np.zeros(64, np.bool_)
        self._bar_known = np.zeros((64, len(INTERVALS)), np.bool_)
        self._finals: deque[BarRows] = deque()
        self._finals_count = 0
        self._finals_kept = finals_kept
        self.source_epoch = 0
        """Of the newest ticker that was taken over."""

    @property
    def symbol_count(self) -> int:
        return len(self._symbols)

    def symbol(self, number: int) -> str:
        """Of those that were ever taken over, by the order in which they came."""
        return self._symbols.text(number).decode()

    def absorb(self, *updates: LiveUpdate) -> Iterator[Call]:
        """Take the rows over and yield the calls that publish them. Consume wholly, in order.

        Of several updates, handed over while Redis was busy, all final bars go out and the latest of the rest.
        """
        finals = _joined([self._own_bars(each.final_bars) for each in updates if len(each.final_bars)], BAR)
        live = _joined([self._own_bars(each.live_bars) for each in updates if len(each.live_bars)], BAR)
        tickers = _joined([self._own_tickers(each.tickers) for each in updates if len(each.tickers)], TICKER)
        if len(updates) > 1:
            live = _not_closed(_last_of_each(live, live["symbol"] * len(INTERVALS) + live["interval"]), finals)
            tickers = _last_of_each(tickers, tickers["symbol"])
        self._keep_finals(finals)
        self._keep_newest(finals)
        self._keep_newest(live)
        numbers = tickers["symbol"]
        old, known = self._tickers[numbers], self._known[numbers]
        self._tickers[numbers] = tickers
        self._known[numbers] = True
        yield from self._calls(finals, live, tickers, old, known)

    def everything(self) -> Iterator[Call]:
        """The calls that publish all that is held, tickers as snapshots."""
        finals = np.concatenate(list(self._finals)) if self._finals else np.empty(0, BAR)
        tickers = self._tickers[self._known]
        yield from self._calls(finals, self._bars[self._bar_known], tickers, tickers, np.zeros(len(tickers), np.bool_))

    def _calls(
        self, finals: BarRows, live: BarRows, tickers: TickerRows, old: TickerRows, known: Mask
    ) -> Iterator[Call]:
        """Cut into calls of MESSAGES_MAX, final bars first."""
        total = len(finals) + len(live) + len(tickers)
        for start in range(0, total, MESSAGES_MAX):
            stop = start + MESSAGES_MAX
            final_part = finals[start:stop]
            live_part = live[_window(start - len(finals), stop - len(finals))]
            before = len(finals) + len(live)
            part = _window(start - before, stop - before)
            ticker_part = tickers[part]
            yield (
                self._packed_bars(final_part, final=True) if len(final_part) else b"",
                self._packed_bars(live_part, final=False) if len(live_part) else b"",
                pack_tickers(
                    ticker_part, old[part], known[part], self._symbols, self._exchanges, self._keys, shard=self._shard
                )
                if len(ticker_part)
                else b"",
            )

    def _packed_bars(self, rows: BarRows, *, final: bool) -> bytes:
        return pack_bars(rows, self._symbols, self._keys, final=final, shard=self._shard)

    def _own_bars(self, batch: BarBatch) -> BarRows:
        """A copy of the rows, of which there are some, whose ``symbol`` is this table's number."""
        rows = batch.rows.copy()
        rows["symbol"] = self._own_symbols(batch.symbols, rows)
        _check_sequences(rows["version"])
        return rows

    def _own_tickers(self, batch: TickerBatch) -> TickerRows:
        rows = batch.rows.copy()
        rows["symbol"] = self._own_symbols(batch.symbols, rows)
        rows["exchange"] = [self._own_exchange(batch.exchanges[at]) for at in rows["exchange"].tolist()]
        _check_sequences(rows["sequence"])
        self.source_epoch = max(self.source_epoch, int(rows["sequence"][-1]) >> SEQUENCE_BITS)
        return rows

    def _own_symbols(self, symbols: Sequence[str], rows: BarRows | TickerRows) -> list[int]:
        numbers = self._numbers
        own = [numbers.get(symbols[at], -1) for at in rows["symbol"].tolist()]
        if -1 in own:
            own = [self._number(symbols[at]) for at in rows["symbol"].tolist()]
        return own

    def _number(self, symbol: str) -> int:
        number = self._numbers.get(symbol)
        if number is None:
            number = self._numbers[symbol] = self._symbols.add(symbol.encode())
            if number == len(self._tickers):
                self._tickers = _doubled(self._tickers)
                self._bars = _doubled(self._bars)
                self._known = _doubled(self._known)
                self._bar_known = _doubled(self._bar_known)
        return number

    def _own_exchange(self, exchange: str) -> int:
        number = self._exchange_numbers.get(exchange)
        if number is None:
            quoted, raw = self._exchanges
            number = self._exchange_numbers[exchange] = quoted.add(msgspec.json.encode(exchange))
            raw.add(exchange.encode())
        return number

    def _keep_newest(self, rows: BarRows) -> None:
        """Keep each (symbol, interval)'s newest row; a later row of the same batch wins a tie, as in the script."""
        if not len(rows):
            return
        order = np.lexsort((rows["version"], rows["start_us"]))
        rows = rows[order]
        at = rows["symbol"], rows["interval"]
        held = self._bars[at]
        newer = (rows["start_us"] > held["start_us"]) | (
            (rows["start_us"] == held["start_us"]) & (rows["version"] >= held["version"])
        )
        newer |= ~self._bar_known[at]
        at = at[0][newer], at[1][newer]
        self._bars[at] = rows[newer]
        self._bar_known[at] = True

    def _keep_finals(self, rows: BarRows) -> None:
        if not len(rows):
            return
        # A slice would keep all the rows in memory.
        self._finals.append(rows[-self._finals_kept :].copy() if len(rows) > self._finals_kept else rows)
        self._finals_count += len(self._finals[-1])
        while self._finals_count - len(self._finals[0]) >= self._finals_kept:
            self._finals_count -= len(self._finals.popleft())


def _joined(parts: Sequence[Rows], dtype: np.dtype[np.void]) -> Rows:
    """All rows in their order; those of one part as they are, which are many where the past is read."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def _last_of_each(rows: Rows, keys: Ints) -> Rows:
    """The last row of each key, in the order that the rows had."""
    _, from_behind = np.unique(keys[::-1], return_index=True)
    return rows[np.sort(len(rows) - 1 - from_behind)]


def _not_closed(live: BarRows, finals: BarRows) -> BarRows:
    """``live`` without what an equal or later version in ``finals`` replaces: a table must not fall back to it."""
    if not len(live) or not len(finals):
        return live
    names = ("symbol", "interval", "start_us", "version")
    closed: dict[tuple[int, int, int], int] = {}
    for symbol, interval, start, version in zip(*(finals[name].tolist() for name in names), strict=True):
        closed[symbol, interval, start] = max(version, closed.get((symbol, interval, start), -1))
    places = zip(*(live[name].tolist() for name in names), strict=True)
    return live[[version > closed.get((symbol, interval, start), -1) for symbol, interval, start, version in places]]


def _check_sequences(sequences: Longs) -> None:
    assert int(sequences.max()) < SEQUENCE_MAX, "sequence over 2**53: the source epoch must stay below 512"


def _window(start: int, stop: int) -> slice:
    """A slice whose bounds may fall before the table."""
    return slice(max(start, 0), max(stop, 0))


def _doubled(table: Rows) -> Rows:
    return np.concatenate([table, np.zeros_like(table)])
