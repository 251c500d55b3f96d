"""Law of the hub: whatever happens, every client ends with the model's state, and never sees a sequence out of order.

The model is a Redis with tickers, bars, one stream and its trimming. Random steps: trades, reads of the stream, loads,
subscribe, resume, unsubscribe, disconnect, slow and recovering clients, trimmed streams, pauses, an emptied Redis.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from core.fanout.client import HELD_BY_TRANSPORT, Client, HubLimits
from core.fanout.dialect import ALL_BARS, FINAL_BARS, RoomKey, Subscribe, Unsubscribe, Variant
from core.fanout.hub import Hub, Load
from core.fanout.messages import ChannelMessage, decode_bar, decode_batch, decode_ticker
from gateway.ws.dialects.analytics import AnalyticsDialect
from gateway.ws.dialects.candles import CandlesDialect
from gateway.ws.dialects.prices import PricesDialect
from tests.property.hub_market import SYMBOL, SYMBOLS, MarketMachine
from tests.property.hub_receiver import MANY_BARS, Receiver

WHO = st.integers(0, 7)
VIEWS = ("", FINAL_BARS, ALL_BARS)
LIMITS = HubLimits(
    history_bytes=2_000, buffer=6, slow_ms=10**9, reload_ms=0, resume_wait_ms=0, catch_up_bytes=400, out_per_s=200
)
VARIANTS = {
    dialect.name: Variant(dialect.name, dialect, lambda messages: b"\n".join(messages) + b"\n")
    for dialect in (PricesDialect(), CandlesDialect(), AnalyticsDialect())
}


class HubMachine(MarketMachine):
    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(LIMITS)
        self.read_to = 0
        self.epoch = 0
        self.loads: list[tuple[Load, object]] = []
        self.receivers: list[Receiver] = []
        self.alerts = 0

    @initialize()
    def somebody_is_there(self) -> None:
        for name in VARIANTS:
            for view in VIEWS if name == "candles" else VIEWS[:1]:
                self.connect(name, view)
        for receiver in self.receivers:
            self._subscribe(receiver, list(SYMBOLS), resume=False)

    # What happens most: everything in turn.

    @rule(symbols=st.lists(SYMBOL, min_size=1, max_size=4), price=st.integers(1, 9))
    def live(self, symbols: list[str], price: int) -> None:
        for symbol in symbols:
            self.trade(symbol, price, 1)
        self.read_stream(10)
        self.flush(16)

    @rule()
    def load(self) -> None:
        self.load_starts()
        self.load_ends()
        self.flush(16)

    # Stories that single steps would seldom tell.

    @rule(who=WHO, symbol=SYMBOL, times=st.integers(1, 3))
    def slow_spell(self, who: int, symbol: str, times: int) -> None:
        held = self._chosen(who)
        for receiver in held:
            self.hub.delivery.hold(receiver.client, HELD_BY_TRANSPORT, self.now_ms)
        for _ in range(times):
            self.close_bar(symbol)
            self.alert()
            self.live([symbol], 4)
        for receiver in held:
            self.hub.delivery.release(receiver.client, HELD_BY_TRANSPORT)

    @rule(who=WHO, symbol=SYMBOL, times=st.integers(0, 6))
    def away_and_back(self, who: int, symbol: str, times: int) -> None:
        for receiver in self._chosen(who):
            self.hub.command(receiver.client, Unsubscribe((("ticker", symbol),)), self.now_ms)
            for _ in range(times):
                self.live([symbol], 6)
            if receiver in self.receivers:
                self._subscribe(receiver, [symbol], resume=True)

    @rule(symbol=SYMBOL, emptied=st.booleans())
    def answer_from_before(self, symbol: str, emptied: bool) -> None:
        self.trim()
        self.hub.reset(0)
        self.load_starts()
        for _ in range(3):
            self.live([symbol], 7)
        if emptied:
            self.redis_is_emptied()
            self.live([symbol], 7)
        self.load_ends()

    @rule()
    def alert(self) -> None:
        self.alerts += 1
        data = json.dumps({"n": self.alerts}).encode()
        for receiver in self.receivers:
            if ("channel", "alerts") in _keys(receiver.client):
                receiver.alerts_due.append(self.alerts)
        self.hub.publish(ChannelMessage("alerts", "alert", data, self.now_ms))

    # The reader of the stream.

    @rule(most=st.integers(1, 5))
    def read_stream(self, most: int) -> None:
        """Of an open bar that is the newest the stream says only that it moved; the reader takes it from its key."""
        moved: set[str] = set()
        for batch in self.stream[self.read_to : self.read_to + most]:
            here = {each["symbol"] for each in batch if self._stands_in_its_key(each)}
            messages = [each for each in batch if not self._stands_in_its_key(each)]
            self.hub.apply(0, decode_batch(json.dumps(messages).encode()), self.now_ms)
            moved |= here
        self.read_to = min(len(self.stream), self.read_to + most)
        for symbol in moved:
            bars = self.redis_bars[symbol]
            self.hub.apply(0, [decode_bar(json.dumps(bars[max(bars)]).encode())], self.now_ms)

    def _stands_in_its_key(self, message: Mapping[str, object]) -> bool:
        if message["type"] != "bar" or message["final"]:
            return False
        return bool(message["time"] == max(self.redis_bars[message["symbol"]]))

    @rule(symbol=SYMBOL, emptied=st.sampled_from((False, False, False, True)))
    def trimmed_or_emptied(self, symbol: str, emptied: bool) -> None:
        self.trade(symbol, 1, 1)
        if emptied:
            self.redis_is_emptied()
        else:
            self.trim()

    def trim(self) -> None:
        lost = len(self.stream) - self.read_to
        self.read_to = len(self.stream)
        if lost:
            self.hub.reset(0)

    @rule(symbol=SYMBOL)
    def hidden_loss(self, symbol: str) -> None:
        """An entry vanishes and nothing tells; the next delta of the symbol must show it."""
        self.read_stream(len(self.stream))
        self.trade(symbol, 2, 2)
        if self.read_to < len(self.stream):
            self.stream[self.read_to] = [message for message in self.stream[self.read_to] if message["type"] == "bar"]

    def redis_is_emptied(self) -> None:
        self.redis.clear()
        self.flow.clear()
        self.redis_bars = {symbol: {} for symbol in SYMBOLS}
        self.stream.clear()
        self.read_to = 0
        self.sequence = 0
        self.epoch += 1
        for receiver in self.receivers:
            receiver.bars.clear()
        self.hub.reset(new_epoch=True)

    @rule()
    def load_starts(self) -> None:
        for load in self.hub.take_loads(self.now_ms):
            self.loads.append((load, self._answer(load)))

    def _answer(self, load: Load) -> object:
        symbol = load.key[1]
        if load.key[0] == "ticker":
            held = self.redis.get(symbol)
            return None if held is None else json.dumps({"type": "snapshot", **held}).encode()
        bars = self.redis_bars[symbol]
        return [json.dumps(bars[start]).encode() for start in sorted(bars)[-(load.bars + 1) :]]

    @rule()
    def load_ends(self) -> None:
        for load, answer in self.loads:
            if load.key[0] == "ticker":
                snapshot = None if answer is None else decode_ticker(answer)
                self.hub.loaded_ticker(load, snapshot, 0, self.now_ms)
            else:
                self.hub.loaded_bars(load, map(decode_bar, answer), self.now_ms)
        self.loads.clear()

    @precondition(lambda self: self.loads)
    @rule()
    def load_fails(self) -> None:
        for load, _answer in self.loads:
            self.hub.load_failed(load, self.now_ms)
        self.loads.clear()

    # Clients.

    @rule(name=st.sampled_from(tuple(VARIANTS)), view=st.sampled_from(VIEWS))
    def connect(self, name: str, view: str) -> None:
        if len(self.receivers) < 8:
            client = Client(f"c{len(self.receivers)}", VARIANTS[name], self.now_ms, LIMITS)
            self.hub.connect(client, self.now_ms)
            self.receivers.append(Receiver(client, view))
            if name == "analytics":
                self.hub.command(client, Subscribe((("channel", "alerts"),)), self.now_ms)

    @rule(
        who=WHO,
        symbols=st.lists(SYMBOL, min_size=1, unique=True),
        resume=st.booleans(),
        bars=st.sampled_from((MANY_BARS, 0, 1)),
    )
    def subscribe(self, who: int, symbols: list[str], resume: bool, bars: int) -> None:
        for receiver in self._chosen(who):
            self._subscribe(receiver, symbols, resume=resume, bars=bars)

    def _subscribe(self, receiver: Receiver, symbols: list[str], *, resume: bool, bars: int = MANY_BARS) -> None:
        if receiver.client.variant.name == "candles":
            for symbol in symbols:
                receiver.bars.pop(symbol, None)
                receiver.asked[symbol] = bars
            rooms: tuple[RoomKey, ...] = tuple(("bars", symbol, "1m", receiver.view) for symbol in symbols)
            self.hub.command(receiver.client, Subscribe(rooms, bars=bars), self.now_ms)
        elif receiver.client.variant.name == "prices":
            rooms = tuple(("ticker", symbol) for symbol in symbols)
            held = {s: r["sequence"] for s, r in receiver.tickers.items() if r["epoch"] == self.epoch}
            since = {("ticker", symbol): held[symbol] for symbol in symbols if symbol in held} if resume else None
            self.hub.command(receiver.client, Subscribe(rooms, since), self.now_ms)

    @rule(who=WHO, symbol=SYMBOL)
    def unsubscribe(self, who: int, symbol: str) -> None:
        for receiver in self._chosen(who):
            rooms = (("ticker", symbol), ("bars", symbol, "1m", receiver.view))
            self.hub.command(receiver.client, Unsubscribe(rooms), self.now_ms)

    @rule(who=WHO)
    def disconnect(self, who: int) -> None:
        for receiver in self._chosen(who):
            self.hub.disconnect(receiver.client)
            self.receivers.remove(receiver)

    @rule(who=WHO)
    def becomes_slow(self, who: int) -> None:
        for receiver in self._chosen(who):
            self.hub.delivery.hold(receiver.client, HELD_BY_TRANSPORT, self.now_ms)

    @rule()
    def all_recover(self) -> None:
        for receiver in self.receivers:
            self.hub.delivery.release(receiver.client, HELD_BY_TRANSPORT)

    def _chosen(self, who: int) -> list[Receiver]:
        return [self.receivers[who % len(self.receivers)]] if self.receivers else []

    @rule(symbols=st.lists(SYMBOL, max_size=3))
    def pause_a_while(self, symbols: list[str]) -> None:
        self.hub.pause()
        self.live(symbols, 3)
        self.hub.resume()

    @rule(passed_ms=st.integers(0, 1500))
    def flush(self, passed_ms: int) -> None:
        self.now_ms += passed_ms
        ready = dict.fromkeys(self.hub.flush(self.now_ms, grouped=True))
        for frame, clients in reversed(self.hub.take_groups()):
            for client in clients:
                client.out.insert(0, frame)
                ready[client] = None
        for client in ready:
            receiver = next(each for each in self.receivers if each.client is client)
            assert not client.held or client.held != HELD_BY_TRANSPORT, "bytes for a client that is full"
            receiver.read(self.epoch)
        for client, code, _reason in self.hub.take_closes():
            assert code == 4009
            receiver = next(each for each in self.receivers if each.client is client)
            self.receivers.remove(receiver)

    @invariant()
    def backlogs_are_bounded(self) -> None:
        for receiver in self.receivers:
            assert len(receiver.client.backlog or ()) <= LIMITS.buffer

    def teardown(self) -> None:
        """When all is quiet, what a client holds equals Redis."""
        for receiver in list(self.receivers):
            self.hub.delivery.release(receiver.client, HELD_BY_TRANSPORT)
        for symbol in SYMBOLS:
            self.trade(symbol, 5, 5)
        for _ in range(40):
            self.read_stream(len(self.stream))
            self.load_starts()
            self.load_ends()
            self.flush(1100)
        assert not self.hub.delivery.behind, "someone is still behind"
        assert not any(receiver.client.lags for receiver in self.receivers), "someone was forgotten"
        for receiver in self.receivers:
            for key in _keys(receiver.client):
                if key[0] == "ticker":
                    held = {
                        name: value for name, value in receiver.tickers[key[1]].items() if name not in ("type", "epoch")
                    }
                    assert held == self.redis[key[1]]
                elif key[0] == "bars":
                    self._same_bars(receiver, key[1])
            # One that was published just before it joined, in the same flush, may come too.
            assert set(receiver.alerts_due) <= set(receiver.alerts)
            assert receiver.alerts == sorted(set(receiver.alerts)), "an alert came twice or out of order"

    def _same_bars(self, receiver: Receiver, symbol: str) -> None:
        held = receiver.bars[symbol]
        if receiver.view == "":
            self._has_every_bar(symbol, {_ms(time): bar for time, bar in held.items()})
            return
        if receiver.view == FINAL_BARS:
            self._has_every_end(symbol, {_ms(time): bar for time, bar in held.items()})
            return
        if receiver.asked[symbol] < MANY_BARS:
            self._has_every_end(symbol, {_ms(time): bar for time, bar in held.items()})
            return
        for bar in list(self.redis_bars[symbol].values())[-40:]:
            seen = held[next(time for time in held if _ms(time) == bar["time"])]
            for name in ("close", "final", "revision", "tradeCount"):
                assert seen[name] == bar[name], (name, seen, bar)

    def _has_every_bar(self, symbol: str, held: dict[int, dict[str, object]]) -> None:
        """A client of the plain view misses no bar from its first one on, and its newest is as Redis has it."""
        if not held:
            return  # it asked for none at first, and nothing changed since
        starts = [start for start in self.redis_bars[symbol] if start >= min(held)]
        assert starts == sorted(held)
        newest = self.redis_bars[symbol][starts[-1]]
        for name in ("close", "final", "revision", "tradeCount"):
            assert held[starts[-1]][name] == newest[name], (name, held[starts[-1]], newest)

    def _has_every_end(self, symbol: str, held: dict[int, dict[str, object]]) -> None:
        """From the first bar that it saw, the client has all; an old one's revision may have passed it in a gap."""
        for start, bar in self.redis_bars[symbol].items():
            if held and start >= min(held):
                seen = held[start]
                assert seen["final"] == bar["final"], (seen, bar)
                assert seen["revision"] <= bar["revision"]
                if seen["revision"] == bar["revision"]:
                    assert (seen["close"], seen["tradeCount"]) == (bar["close"], bar["tradeCount"])


def _keys(client: Client) -> list[RoomKey]:
    return [room.key for room in client.rooms]


def _ms(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1000)


HubMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=60)
TestHub = HubMachine.TestCase
