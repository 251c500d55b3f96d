"""The market of the hub's model: what the flow does to Redis and to its stream, one random step at a time.

tests.property.test_hub_consistency goes on from here with readers and clients of that Redis. Trades, bars that close,
begin early, are revised or grow late, and a flow that starts anew.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

__all__ = ["SYMBOL", "SYMBOLS", "MarketMachine"]

SYMBOLS = ("A", "B", "C")
SYMBOL = st.sampled_from(SYMBOLS)


class MarketMachine(RuleBasedStateMachine):
    """A Redis with tickers and bars, and one stream of the flow's batches."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 1_000_000
        self.redis: dict[str, dict[str, object]] = {}
        self.redis_bars: dict[str, dict[int, dict[str, object]]] = {symbol: {} for symbol in SYMBOLS}
        self.flow: dict[str, dict[str, object]] = {}
        self.stream: list[list[dict[str, object]]] = []
        self.sequence = 0

    @rule(symbol=SYMBOL, price=st.integers(1, 9), size=st.integers(1, 9))
    def trade(self, symbol: str, price: int, size: int) -> None:
        self.sequence += 1
        before = self.flow.get(symbol)
        volume = size + (before["volume"] if before else 0)
        after = {
            "symbol": symbol,
            "price": price,
            "volume": volume,
            "timestamp": self.now_ms,
            "sequence": self.sequence,
        }
        batch: list[dict[str, object]] = []
        if before is None:
            batch.append({"type": "snapshot", **after})
        else:
            changed = {name: after[name] for name in ("price", "volume") if after[name] != before[name]}
            head = {"type": "delta", "symbol": symbol, **changed, "timestamp": self.now_ms}
            batch.append({**head, "sequence": self.sequence, "previous": before["sequence"]})
        self.flow[symbol] = self.redis[symbol] = after
        batch.append(self._bar(symbol, price))
        self.stream.append(batch)

    def trade_once(self, symbol: str, price: int) -> None:
        self.trade(symbol, price + 1, 1)

    def _bar(self, symbol: str, price: int, *, close: bool = False, start: int = 0) -> dict[str, object]:
        bars = self.redis_bars[symbol]
        start = start or max(bars, default=0)
        if not bars or (start in bars and bars[start]["final"] and not close):
            start += 60_000
        held = bars.get(start, {"tradeCount": 0, "revision": 0})
        bar = {"type": "bar", "symbol": symbol, "interval": "1m", "time": start, "close": price}
        bar |= {"tradeCount": held["tradeCount"] + (not close), "final": close, "revision": 0}
        bars[start] = {**bar, "sequence": self.sequence}
        return bars[start]

    @rule(symbol=SYMBOL)
    def close_bar(self, symbol: str) -> None:
        still_open = [start for start, bar in self.redis_bars[symbol].items() if not bar["final"]]
        if still_open:
            first = min(still_open)
            price = int(self.redis_bars[symbol][first]["close"])
            self.stream.append([self._bar(symbol, price, close=True, start=first)])

    @rule(symbol=SYMBOL, price=st.integers(1, 9))
    def next_bar_begins(self, symbol: str, price: int) -> None:
        """While the one before is open still, as it is until the watermark has passed its end."""
        bars = self.redis_bars[symbol]
        if bars and len([start for start in bars if not bars[start]["final"]]) < 3:
            self.sequence += 1
            self.stream.append([self._bar(symbol, price, start=max(bars) + 60_000)])

    @rule(symbol=SYMBOL, price=st.integers(1, 9))
    def trade_in_an_older_bar(self, symbol: str, price: int) -> None:
        still_open = [start for start, bar in self.redis_bars[symbol].items() if not bar["final"]]
        if still_open:
            self.sequence += 1
            self.stream.append([self._bar(symbol, price, start=min(still_open))])

    @rule(symbol=SYMBOL)
    def revise_bar(self, symbol: str) -> None:
        closed = [bar for bar in self.redis_bars[symbol].values() if bar["final"]]
        if closed:
            self.sequence += 1
            old = closed[-1]
            new = {
                **old,
                "revision": old["revision"] + 1,
                "tradeCount": old["tradeCount"] + 1,
                "sequence": self.sequence,
            }
            self.redis_bars[symbol][old["time"]] = new
            self.stream.append([new])

    @rule(symbol=SYMBOL)
    def flow_restarts(self, symbol: str) -> None:
        self.flow.pop(symbol, None)
