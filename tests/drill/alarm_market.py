"""Producers of a small system that can go wrong on purpose: trades, quotes and a desk's decisions, until ``end``.

A thread sends fifty trades, ten quotes and ten decisions a second. What is wrong with them is an attribute that
tests.drill.alarms sets for a while.
"""

import json
import threading
import time
from itertools import count
from typing import Final

from confluent_kafka import Producer

from jobs.produce.desk import DeskMarket, desk_encoder

__all__ = ["PARTITIONS", "SYMBOLS", "Market", "trade"]

SYMBOLS: Final = ("A/USDT", "B/USDT")
PARTITIONS: Final = 3
"""Of the topic of trades: each symbol has its own, and the last one is that of a backfill."""
BURST: Final = 120_000
DAY_MS: Final = 86_400_000
MINUTE_MS: Final = 60_000


class Market:
    """``topics``: those of trades, quotes and decisions.

    refused, late, old, doubled: what is wrong with trades; outdated: with quotes; desk_late: with decisions;
    mute: quotes and decisions don't come; backfill: trades of a month ago come too, a minute apart.
    """

    def __init__(self, bootstrap: str, trades: str, quotes: str, decisions: str) -> None:
        self._trades, self._quotes, self._decisions = trades, quotes, decisions
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 2})
        self._desk, self._encode = DeskMarket("routing", 4, seed=1), desk_encoder("routing", "json")
        self._turns, self._past_ms, self._ended = count(), time.time_ns() // 1_000_000 - 30 * DAY_MS, threading.Event()
        self.refused = self.late = self.old = self.doubled = False
        self.outdated = self.desk_late = self.mute = self.backfill = False
        self._send_past()
        self._producer.flush(10)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._producer.flush(10)

    def burst(self) -> None:
        """Trades by the thousand, all alike."""
        value = trade(SYMBOLS[0], 0, time.time_ns() // 1_000_000)
        for _ in range(BURST // 10_000):
            for _ in range(10_000):
                self._producer.produce(self._trades, value, SYMBOLS[0].encode(), partition=0)
            self._producer.flush(30)

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            turn = next(self._turns)
            self._send_trade(turn)
            if turn % 5 == 0:
                if not self.mute:
                    self._send_quote(turn)
                    self._send_decision()
                if self.backfill:
                    self._send_past()

    def _send_trade(self, turn: int) -> None:
        is_odd, now_ms, number = turn % 10 == 0, time.time_ns() // 1_000_000, turn // 10 % 2
        value = trade(SYMBOLS[number], turn, now_ms - DAY_MS * (self.late and is_odd))
        self._producer.produce(
            self._trades, b"{" if self.refused and is_odd else value, SYMBOLS[number].encode(),
            partition=1 - number if self.doubled and is_odd else number,
            timestamp=now_ms - 1_500 if self.old else now_ms,
        )  # fmt: skip
        self._producer.poll(0)

    def _send_past(self) -> None:
        self._past_ms += MINUTE_MS
        value = trade("OLD/USDT", self._past_ms, self._past_ms)
        self._producer.produce(self._trades, value, b"OLD/USDT", partition=PARTITIONS - 1)

    def _send_quote(self, turn: int) -> None:
        time_ms = time.time_ns() // 1_000_000 - MINUTE_MS * (self.outdated and turn % 10 == 0)
        fields = {"symbol": SYMBOLS[0], "bid": "1.4", "ask": "1.6", "bid_size": "1", "ask_size": "1"}
        self._producer.produce(self._quotes, json.dumps({**fields, "event_time": time_ms}), SYMBOLS[0], partition=0)

    def _send_decision(self) -> None:
        time_us = time.time_ns() // 1000 - DAY_MS * 1000 * self.desk_late
        (record,) = self._desk.take(1, time_us, 0)
        self._producer.produce(self._decisions, self._encode(record), record.key, partition=0)


def trade(symbol: str, number: int, time_ms: int) -> bytes:
    fields = {"symbol": symbol, "price": "1.5", "size": "1", "side": "BUY", "trade_id": str(number), "exchange": "X"}
    return json.dumps({**fields, "event_time": time_ms}).encode()
