"""Puts a tape of trades on the trades topic, at its pace: what ``tapeflow produce`` and the demo share.

A tape is TradeBatches, recorded or synthetic; they are encoded whole and sent record by record, keyed by symbol.
``sent`` counts what was handed over, and ``finish`` returns only when the broker has answered for each of them.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from connectors.files.reader import TradeFile, read_trades
from connectors.synthetic import SyntheticMarket
from jobs.produce.bad_records import BadRecord
from jobs.produce.kafka_writer import RecordWriter
from schemas.columns import TradeBatch
from schemas.rejects import Reason

__all__ = ["Encode", "FileTape", "TapeSender", "market_tape", "record_times_ms", "symbol_keys"]

Encode = Callable[[TradeBatch], list[bytes]]
BATCH_TRADES: Final = 5_000


class TapeSender:
    """Sends batches through ``writer``; after every ``bad_every`` trades one record of ``bad`` (0: never).

    event_times: record timestamps are the trades' own times, as far as those are not in the future.
    """

    def __init__(
        self,
        writer: RecordWriter,
        encode: Encode,
        bad: Iterator[BadRecord] | None = None,
        bad_every: int = 0,
        *,
        event_times: bool = False,
    ) -> None:
        self._writer = writer
        self._event_times = event_times
        self._encode = encode
        self._bad = bad
        self._bad_every = bad_every
        self.sent = 0
        self.bad: Counter[Reason] = Counter()

    def send(self, batch: TradeBatch) -> None:
        """Hand over the trades of one batch. Raises WriteFailed when an earlier record couldn't be delivered."""
        values: list[bytes | None] = list(self._encode(batch))
        keys: list[bytes | None] = list(symbol_keys(batch))
        if self._event_times:
            self._writer.send(values, keys, record_times_ms(batch, time.time_ns() // 1_000_000))
        else:
            self._writer.send(values, keys)
        trades_before = self.sent - self.bad.total()
        self.sent += len(values)
        if self._bad is not None and self._bad_every:
            due = (trades_before + len(values)) // self._bad_every - trades_before // self._bad_every
            for _ in range(due):
                record = next(self._bad)
                self._writer.send([record.value], [b"BAD/USDT"])
                self.bad[record.reason] += 1
                self.sent += 1

    @property
    def delivered(self) -> int:
        """Records that the broker has acknowledged so far, of those that were sent."""
        return self._writer.delivered

    def look(self) -> None:
        """Take the broker's answers so far. Raises as ``send`` does."""
        self._writer.send([], [])

    def finish(self) -> int:
        """Wait for the broker's answers; the number delivered."""
        return self._writer.finish()


class FileTape:
    """The trades of files, one after the other. What breaks a rule is sent all the same, for the flows to refuse.

    ``left_out``: rows so far that aren't trades at all, such as a price that is no number, and can't be encoded.
    """

    def __init__(self, files: Sequence[TradeFile]) -> None:
        self.files = files
        self.left_out = 0

    def __iter__(self) -> Iterator[TradeBatch]:
        for file in self.files:
            for batch in read_trades(file):
                self.left_out += len(batch.rejects)
                yield batch


def record_times_ms(batch: TradeBatch, now_ms: int) -> list[int]:
    """Record timestamps by which a topic is found by event time. A trade from the future is stamped ``now_ms``: flows
    refuse it by the distance of the two. So is one from before 1970, which Kafka has no timestamp for."""
    times_ms = np.minimum(batch.rows["event_time_us"] // 1000, now_ms)
    times: list[int] = np.where(times_ms > 0, times_ms, now_ms).tolist()
    return times


def symbol_keys(batch: TradeBatch) -> list[bytes]:
    """Record keys: the symbol's bytes."""
    text, rows = batch.text, batch.rows
    ats, lengths = rows["symbol_at"].tolist(), rows["symbol_len"].tolist()
    return [text[at : at + length] for at, length in zip(ats, lengths, strict=True)]


def market_tape(market: SyntheticMarket, trades: int | None, trades_per_market_second: float) -> Iterable[TradeBatch]:
    """A synthetic tape of ``trades`` (None: without end), so dense on its own clock."""
    left = trades
    while left is None or left > 0:
        count = BATCH_TRADES if left is None else min(BATCH_TRADES, left)
        yield market.take(count, int(count / trades_per_market_second * 1_000_000))
        left = None if left is None else left - count
