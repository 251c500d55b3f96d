"""A client of the hub that believes what it is told, as a careful user would write it, and checks every step.

tests.property.test_hub_consistency gives it what the hub wrote and compares what it holds with the model. A delta must
apply to what is held, and nothing may go back.
"""

import json
from dataclasses import dataclass, field

from core.fanout.client import Client
from core.fanout.dialect import ALL_BARS

__all__ = ["MANY_BARS", "Receiver"]

MANY_BARS = 50


@dataclass
class Receiver:
    """A client that believes what it is told, as a careful user would write it."""

    client: Client
    view: str = ALL_BARS
    tickers: dict[str, dict[str, object]] = field(default_factory=dict)
    bars: dict[str, dict[str, dict[str, object]]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)  # initial bars, by symbol
    alerts: list[int] = field(default_factory=list)
    alerts_due: list[int] = field(default_factory=list)

    def read(self, epoch: int) -> None:
        data = b"".join(self.client.out)
        self.client.out.clear()
        for line in data.splitlines():
            message = json.loads(line)
            if isinstance(message, list):
                self.alerts += [each["data"]["n"] for each in message if each["type"] == "alert"]
                continue
            self.take(message, epoch)

    def take(self, message: dict[str, object], epoch: int) -> None:
        kind = message["type"]
        symbol = message.get("symbol")
        if kind == "snapshot":
            held = self.tickers.get(symbol)
            if held is not None and held["epoch"] == epoch:
                assert message["sequence"] >= held["sequence"], "a snapshot took the client back"
            self.tickers[symbol] = {**message, "epoch": epoch}
        elif kind == "delta":
            held = self.tickers[symbol]
            assert message["previous"] == held["sequence"], "a delta that does not apply"
            assert message["sequence"] > held["sequence"]
            held.update({name: value for name, value in message.items() if name not in ("type", "previous")})
        elif kind == "initial":
            whole = {bar["time"]: bar for bar in message["bars"]}
            few = self.asked[symbol] < MANY_BARS  # such a client goes on with the bars that it has
            self.bars[symbol] = {**self.bars.get(symbol, {}), **whole} if few else whole
        elif kind == "update":
            bar = message["bar"]
            if self.view == "":
                assert bar["time"] >= max(self.bars[symbol], default=""), "time went back"
            held = self.bars[symbol].get(bar["time"])
            if held is not None:
                assert bar["revision"] >= held["revision"], "a bar went back"
                assert bar["tradeCount"] >= held["tradeCount"], "a bar went back"
            self.bars[symbol][bar["time"]] = bar
