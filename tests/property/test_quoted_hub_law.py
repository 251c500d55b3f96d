"""Law of a ticker of two logs: however trades, quotes, loads and clients meet, a client ends with the oracle's choice.

The model is a Redis with one ticker and one quote, and a stream of each that is read when it is read. Clients come,
resume, go and are slow. Nobody sees a sequence or a quote's sequence go back, or a delta that doesn't apply.
"""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.fanout.client import HELD_BY_TRANSPORT, Client, HubLimits
from core.fanout.dialect import Subscribe, Unsubscribe
from core.fanout.hub import Hub
from core.fanout.messages import decode_batch, decode_quote, decode_quotes, decode_ticker
from oracle.quotes import shows_quote
from tests.unit.core.fanout.words import make_client

ROOM = ("ticker", "A")
STEPS = (
    "trade",
    "quote",
    "read trades",
    "read quotes",
    "load",
    "flush",
    "join",
    "resume",
    "leave",
    "slow",
    "lost",
    "away",
    "turn",
)


class World:
    def __init__(self) -> None:
        self.hub = Hub(HubLimits(reload_ms=0, resume_wait_ms=0))
        self.clients = [make_client(self.hub) for _ in range(2)]
        self.held: list[dict[str, Any]] = [{}, {}]
        self.ticker: dict[str, Any] = {}
        self.quote: dict[str, Any] = {}
        self.trades: list[dict[str, Any]] = []
        self.quotes: list[dict[str, Any]] = []
        self.now_ms = 0

    def trade(self, value: int) -> None:
        before = dict(self.ticker)
        sides = {"bid": value, "ask": value + 1} if value % 3 else {}
        time_ms = before.get("timestamp", 0) + value % 4
        state = {"symbol": "A", "price": value, "bid": before.get("bid"), "ask": before.get("ask"), **sides}
        self.ticker = {**state, "timestamp": time_ms, "sequence": before.get("sequence", 0) + 1 + value % 2}
        if before:
            changed = {name: each for name, each in self.ticker.items() if each != before.get(name)}
            kept = {name: self.ticker[name] for name in ("symbol", "timestamp", "sequence")}
            self.trades.append({"type": "delta", **changed, **kept, "previous": before["sequence"]})
        else:
            self.trades.append({"type": "snapshot", **self.ticker})

    def tell_quote(self, value: int) -> None:
        time_ms = self.quote.get("quoteTimestamp", 0) + value % 4
        self.quote = {
            "symbol": "A", "bid": value + 0.25, "ask": value + 0.75, "bidSize": value, "askSize": 1, "mid": value + 0.5,
            "spread": 0.5, "quoteTimestamp": time_ms, "quoteSequence": self.quote.get("quoteSequence", 0) + 1,
        }  # fmt: skip
        self.quotes.append(self.quote)

    def load(self) -> None:
        for load in self.hub.take_loads(self.now_ms):
            if load.generation == self.hub.generation:
                self.hub.quotes.loaded("A", decode_quote(json.dumps(self.quote).encode()) if self.quote else None)
            held = {"type": "snapshot", **self.ticker}
            ticker = decode_ticker(json.dumps(held).encode()) if self.ticker else None
            self.hub.loaded_ticker(load, ticker, 0, self.now_ms)

    def read_trades(self) -> None:
        self.hub.apply(0, decode_batch(json.dumps(self.trades).encode()), 1)
        self.trades.clear()

    def read_quotes(self) -> None:
        self.hub.quotes.apply(decode_quotes(json.dumps(self.quotes).encode()), 1)
        self.quotes.clear()

    def flush(self) -> None:
        self.now_ms += 16
        self.hub.flush(self.now_ms)
        for number, client in enumerate(self.clients):
            for line in b"".join(client.out).splitlines():
                self.hears(number, json.loads(line))
            client.out.clear()

    def hears(self, number: int, message: dict[str, Any]) -> None:
        held = self.held[number]
        if message["type"] == "error":
            return
        assert message["sequence"] >= held.get("sequence", 0)
        assert message.get("quoteSequence", held.get("quoteSequence", 0)) >= held.get("quoteSequence", 0)
        if message["type"] == "snapshot":
            self.held[number] = message
            return
        assert message["previous"] == held["sequence"]
        del message["type"], message["previous"]
        held.update(message)

    def step(self, name: str, value: int) -> None:
        number = value % 2
        client: Client = self.clients[number]
        if name == "trade":
            self.trade(value)
        elif name == "quote":
            self.tell_quote(value)
        elif name == "read trades":
            self.read_trades()
        elif name == "read quotes":
            self.read_quotes()
        elif name == "load":
            self.load()
        elif name == "join":
            self.hub.command(client, Subscribe((ROOM,)), self.now_ms)
        elif name == "resume" and self.held[number]:
            self.hub.command(client, Unsubscribe((ROOM,)), self.now_ms)
            self.hub.command(client, Subscribe((ROOM,), {ROOM: self.held[number]["sequence"]}), self.now_ms)
        elif name == "leave":
            self.hub.command(client, Unsubscribe((ROOM,)), self.now_ms)
        elif name == "slow":
            self.hub.delivery.hold(client, HELD_BY_TRANSPORT, self.now_ms)
        elif name == "away":
            for each in ("flush", "leave", "quote", "read quotes", "flush", "resume", "flush"):
                self.step(each, value)
        elif name == "turn":
            for each in ("load", "read quotes", "read trades", "flush"):
                self.step(each, value)
        elif name == "lost":
            self.trades.clear()
            self.quotes.clear()
            self.hub.reset()
        else:
            self.flush()

    def expected(self) -> dict[str, Any]:
        ticker, quote = self.ticker, self.quote
        if not quote:
            return ticker
        of_quote = {name: each for name, each in quote.items() if name != "symbol"}
        has_both = ticker["bid"] is not None and ticker["ask"] is not None
        if shows_quote(ticker["timestamp"], has_both, quote["quoteTimestamp"] * 1000):
            return {**ticker, **of_quote}
        sides = {"bidSize": None, "askSize": None, "quoteTimestamp": ticker["timestamp"]}
        middle = {"mid": (ticker["bid"] + ticker["ask"]) / 2, "spread": ticker["ask"] - ticker["bid"]}
        return {**ticker, **of_quote, **sides, **middle, "bid": ticker["bid"], "ask": ticker["ask"]}


@settings(max_examples=600)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 6)), max_size=60))
def test_a_client_ends_with_what_the_oracle_shows(steps: list[tuple[str, int]]) -> None:
    world = World()
    for name, value in [("trade", 1), *steps]:
        world.step(name, value)
    for client in world.clients:
        if not client.rooms:  # who is in the room has to be right without asking again
            world.hub.command(client, Subscribe((ROOM,)), world.now_ms)
        world.hub.delivery.release(client, HELD_BY_TRANSPORT)
    for _ in range(4):
        world.read_trades()
        world.read_quotes()
        world.load()
        world.flush()
    for held in world.held:
        assert {name: each for name, each in held.items() if name != "type"} == world.expected()
