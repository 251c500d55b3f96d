"""Trades that no venue made: a seeded market of many symbols, as columns, for ``produce``, the demo and the benches.

Hands out TradeBatches such as a decoder makes; an encoder turns them into records. Seed, symbols and the sequence of
calls decide every byte; no clock is read. The trades are as untidy as real tapes: some come out of order, a few very
late, a few twice, each share given by ``Disorder``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.columns import (
    BUY,
    NO_TIMESTAMP,
    SELL,
    TRADE,
    Longs,
    TradeBatch,
    TradeRows,
)

__all__ = ["Disorder", "SyntheticMarket", "symbol_names"]

BASES: Final = (
    *("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "TRX", "LTC", "DOT", "LINK"),
    *("AVAX", "ATOM", "UNI", "XLM", "NEAR", "APT", "ARB", "OP", "FIL", "AAVE"),
)
QUOTES: Final = ("USDT", "USD", "EUR")
EXCHANGE: Final = b"SYNTH"
ID_DIGITS: Final = 10
FIRST_ID: Final = 10 ** (ID_DIGITS - 1)
TICK: Final = 10**8  # 0.01 at scale 10
LOT: Final = 10**6  # 0.0001 at scale 10
LEAST_TICKS: Final = 100
LARGEST_STEP: Final = 1_000
"""Part of its price that a symbol may move by at most from one trade to the next, where steps grow with time."""


@dataclass(frozen=True, slots=True)
class Disorder:
    """Shares of all trades (0..1) and how far they go. The default is a tidy tape.

    swapped: come up to ``swapped_ms`` late, within what a flow waits for.
    late: come up to ``late_ms`` late, beyond what short bars wait for.
    repeated: come a second time, byte for byte.
    """

    swapped: float = 0.0
    swapped_ms: int = 3_000
    late: float = 0.0
    late_ms: int = 180_000
    repeated: float = 0.0


def symbol_names(count: int) -> list[str]:
    """``count`` different names such as ``BTC/USDT``; the first are the most traded."""
    names = [f"{base}/{quote}" for quote in QUOTES for base in BASES]
    return [*names, *(f"S{number:05}/USDT" for number in range(len(names), count))][:count]


class SyntheticMarket:
    """A random walk per symbol in ticks of 0.01, with bid and ask around it; popularity falls like 1/rank**0.7.

    pace_us: market time from one trade to the next at which steps and sizes are as they are. Trades further apart then
    stand for all those between them: they move by the root of that many, and are that much larger. 0: all are alike.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        *,
        seed: int = 1,
        start_us: int = 0,
        disorder: Disorder | None = None,
        pace_us: float = 0,
    ) -> None:
        count = len(symbols)
        self._pace_us = pace_us
        self.symbols = list(symbols)
        self.now_us = start_us
        self._disorder = disorder or Disorder()
        self._random = np.random.default_rng(seed)
        weights = 1 / np.arange(1, count + 1) ** 0.7
        self._popularity = np.cumsum(weights / weights.sum())
        self._ticks = self._random.integers(1_000, 500_000, count)
        self._next_id = np.full(count, FIRST_ID, np.int64)
        encoded = [name.encode() for name in self.symbols]
        self._lengths = np.array([len(name) for name in encoded], np.uint16)
        self._ats = np.cumsum(self._lengths, dtype=np.uint32) - self._lengths
        self._names = b"".join(encoded) + EXCHANGE
        self._made = 0

    def take(self, count: int, span_us: int) -> TradeBatch:
        """The next ``count`` trades, spread over the next ``span_us`` of market time."""
        random = self._random
        symbols = np.minimum(np.searchsorted(self._popularity, random.random(count)), len(self.symbols) - 1)
        rows = np.zeros(count, TRADE)
        rows["offset"] = np.arange(self._made, self._made + count)
        rows["timestamp_ms"] = NO_TIMESTAMP
        rows["event_time_us"] = np.sort(self.now_us + random.integers(0, max(span_us, 1), count))
        each = max(span_us / (count * self._pace_us), 1.0) if self._pace_us else 1.0
        self._price(rows, symbols, each**0.5)
        lots = np.maximum(random.lognormal(8.0, 1.5, count) * each, 1)
        rows["size_lo"] = (lots.astype(np.int64) * LOT).astype(np.uint64)
        rows["exchange_at"] = len(self._names) - len(EXCHANGE)
        rows["exchange_len"] = len(EXCHANGE)
        rows["symbol_at"], rows["symbol_len"] = self._ats[symbols], self._lengths[symbols]
        rows["trade_id_at"] = len(self._names) + ID_DIGITS * np.arange(count)
        rows["trade_id_len"] = ID_DIGITS
        text = self._names + _digits(rows["trade_id_number"])
        self._disturb(rows)
        self.now_us += span_us
        self._made += count
        return TradeBatch("synthetic", 0, rows, text, count, self._made)

    def _price(self, rows: TradeRows, symbols: Longs, stretch: float) -> None:
        """Prices, bids, asks, sides and ids: walks and counts per symbol, done on rows sorted by symbol."""
        random, count = self._random, len(rows)
        order = np.argsort(symbols, kind="stable")
        sorted_symbols = symbols[order]
        first = np.flatnonzero(np.r_[True, sorted_symbols[1:] != sorted_symbols[:-1]])[:count]
        sizes = np.diff(np.r_[first, count])
        steps = random.integers(-2, 3, count)
        if stretch > 1:
            steps = (steps * np.clip(self._ticks[sorted_symbols] / LARGEST_STEP / 2, 1, stretch)).astype(np.int64)
        walk = np.cumsum(steps)
        # The running sum starts anew at each symbol: take away what it was just before.
        walk -= np.repeat(np.r_[0, walk[first[1:] - 1]] if len(first) else walk[:0], sizes)
        middle = np.maximum(self._ticks[sorted_symbols] + walk, LEAST_TICKS)
        rank = np.arange(count) - np.repeat(first, sizes)
        ids = self._next_id[sorted_symbols] + rank
        present = sorted_symbols[first]
        self._ticks[present] = middle[first + sizes - 1]
        self._next_id[present] += sizes
        half_spread = random.integers(1, 4, count)
        buys = random.random(count) < 0.5
        for name, ticks in (
            ("bid", middle - half_spread),
            ("ask", middle + half_spread),
            ("price", np.where(buys, middle + half_spread, middle - half_spread)),
        ):
            rows[f"{name}_lo"][order] = (ticks * TICK).astype(np.uint64)
        rows["has_bid"] = rows["has_ask"] = 1
        rows["side"][order] = np.where(buys, BUY, SELL)
        rows["trade_id_number"][order] = ids

    def _disturb(self, rows: TradeRows) -> None:
        random, count, plan = self._random, len(rows), self._disorder
        for share, reach_ms in ((plan.swapped, plan.swapped_ms), (plan.late, plan.late_ms)):
            chosen = np.flatnonzero(random.random(count) < share)
            rows["event_time_us"][chosen] -= random.integers(0, reach_ms * 1000 + 1, len(chosen))
        repeated = np.flatnonzero(random.random(count) < plan.repeated)
        repeated = repeated[repeated > 0]
        offsets = rows["offset"][repeated]
        rows[repeated] = rows[repeated - 1]
        rows["offset"][repeated] = offsets


def _digits(numbers: Longs) -> bytes:
    """Each number as ID_DIGITS ASCII digits, joined."""
    out = np.empty((len(numbers), ID_DIGITS), np.uint8)
    rest = numbers.astype(np.int64)
    for column in range(ID_DIGITS - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, column] = digit + ord("0")
    return out.tobytes()
