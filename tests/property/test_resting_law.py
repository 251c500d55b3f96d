"""Whoever comes late sees what the oracle says, whatever passed while nobody followed the symbol.

The oracle is a plain dict of each symbol's newest state, as Redis holds it. Entries are read late, lost or forgotten
for want of memory; answers of Redis come late; clients come, go and return with the sequence that they have.
"""

import json
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from core.fanout.client import Client, HubLimits
from core.fanout.dialect import RoomKey, Subscribe, Unsubscribe
from core.fanout.hub import Hub, Load
from core.fanout.messages import decode_batch, decode_ticker
from tests.unit.core.fanout.words import PRICES, make_client, sent

SYMBOLS = ("A", "B", "C")


class Follower:
    """Applies what it is sent; a delta that doesn't apply is an error."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.client: Client = make_client(hub, PRICES)
        self.held: dict[str, dict[str, Any]] = {}

    def read(self, now_ms: int) -> None:
        for message in sent(self.hub, self.client, now_ms):
            kind = message.pop("type")
            if kind == "snapshot":
                self.held[message["symbol"]] = message
            elif kind == "delta":
                held = self.held[message["symbol"]]
                assert message.pop("previous") == held["sequence"], "a delta that does not apply"
                held |= message


class Market:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        limits = HubLimits(history_bytes=self.random.choice((600, 4_000, 100_000)), reload_ms=0, out_per_s=10**6)
        self.hub = Hub(limits)
        self.redis: dict[str, dict[str, Any]] = {}
        self.stream: deque[dict[str, Any]] = deque()
        self.answers: list[tuple[Load, bytes | None]] = []
        self.now_ms = 0
        self.sequence = 0
        self.follower = Follower(self.hub)

    def trade(self, symbol: str) -> None:
        self.sequence += 1
        before = self.redis.get(symbol)
        changed = {"price": self.random.randrange(9), self.random.choice("xyz"): self.sequence}
        head = {"symbol": symbol, **changed, "sequence": self.sequence}
        self.redis[symbol] = (before or {}) | head
        if before is None or self.random.random() < 0.02:
            self.stream.append({"type": "snapshot", **self.redis[symbol]})
        else:
            self.stream.append({"type": "delta", **head, "previous": before["sequence"]})

    def read(self, most: int) -> None:
        batch = [self.stream.popleft() for _ in range(min(most, len(self.stream)))]
        self.hub.apply(0, decode_batch(json.dumps(batch).encode()), 0)

    def lose(self) -> None:
        """Unseen: the next delta of that symbol has to show it, and follows soon."""
        if self.stream:
            self.trade(self.stream.popleft()["symbol"])

    def ask(self) -> None:
        for load in self.hub.take_loads(self.now_ms):
            held = self.redis.get(load.key[1])
            raw = None if held is None else json.dumps({"type": "snapshot", **held}).encode()
            self.answers.append((load, raw))

    def answer(self) -> None:
        for load, raw in self.answers:
            if self.random.random() < 0.1:
                self.hub.load_failed(load, self.now_ms)
            else:
                self.hub.loaded_ticker(load, None if raw is None else decode_ticker(raw), 0, self.now_ms)
                self.hub.quotes.loaded(load.key[1], None)
        self.answers.clear()

    def come(self, symbol: str) -> None:
        key: RoomKey = ("ticker", symbol)
        held = self.follower.held.get(symbol)
        since = {key: held["sequence"]} if held and self.random.random() < 0.5 else None
        self.hub.command(self.follower.client, Subscribe((key,), since), self.now_ms)

    def go(self, symbol: str) -> None:
        self.hub.command(self.follower.client, Unsubscribe((("ticker", symbol),)), self.now_ms)

    def flush(self) -> None:
        self.now_ms += 50
        self.follower.read(self.now_ms)

    def step(self) -> None:
        symbol = self.random.choice(SYMBOLS)
        does: list[Callable[[], object]] = [
            *[lambda: self.trade(symbol)] * 12,
            *[lambda: self.read(self.random.randrange(1, 8))] * 8,
            *[self.ask] * 3,
            *[self.answer] * 3,
            *[self.flush] * 4,
            *[lambda: self.come(symbol)] * 2,
            *[lambda: self.go(symbol)] * 3,
        ]
        rare: list[Callable[[], object]] = [self.lose, lambda: self.hub.reset(0)]
        self.random.choice(rare if self.random.random() < 0.01 else does)()

    def settle(self) -> None:
        """All come, and everything arrives."""
        for symbol in SYMBOLS:
            self.trade(symbol)
            self.come(symbol)
        for _ in range(60):
            self.read(len(self.stream))
            self.ask()
            self.answer()
            self.flush()


@pytest.mark.parametrize("seed", range(40))
def test_who_comes_late_has_the_state_of_the_oracle(seed: int) -> None:
    market = Market(seed)
    for _ in range(4):
        for _ in range(250):
            market.step()
        market.settle()
        assert market.follower.held == market.redis
        for symbol in SYMBOLS:
            market.go(symbol)
