"""How a scripted venue speaks: its trades, answers and pages, as the venue's documentation has them.

A form is chosen by the venue's name. Numbers are texts of the script, untouched.
"""

import json
import random
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

__all__ = ["FORMS", "BinanceForm", "BitgetForm", "Form", "ScriptedTrade", "make_script"]


class ScriptedTrade(NamedTuple):
    """``name``: the venue's of the market; ``symbol``: as the topic should have it."""

    name: str
    symbol: str
    trade_id: int
    price: str
    size: str
    side: str
    time_ms: int


def make_script(
    seed: int, symbols: Sequence[str], count: int, start_ms: int, *, ids_follow: bool
) -> list[ScriptedTrade]:
    """Trades in the order in which they happen, several of one ms among them, with prices of up to 20 digits."""
    chance = random.Random(seed)
    ids = {symbol: chance.randrange(10**6) for symbol in symbols}
    every, time_ms, script = chance.randrange(10**12), start_ms, []
    for _ in range(count):
        symbol = chance.choice(symbols)
        time_ms += chance.choice((0, 0, 1, 7))
        every += chance.randrange(1, 5)
        ids[symbol] += 1
        price = f"{chance.randrange(1, 10**9)}.{chance.randrange(10**10):010d}"
        size = f"0.{chance.randrange(1, 10**10):010d}"
        trade_id = ids[symbol] if ids_follow else every
        side = chance.choice(("BUY", "SELL"))
        script.append(ScriptedTrade(symbol.replace("/", ""), symbol, trade_id, price, size, side, time_ms))
    return script


class Form(Protocol):
    """What the scripted venue asks of a venue's language."""

    page_max: int
    sends_past: bool

    def asked(self, text: str) -> list[str] | None:
        """Names that a frame of a client subscribes to; None for any other frame."""

    def answers(self, text: str, known: set[str]) -> list[str]:
        """What a client is answered."""

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        """Frames of trades of one market."""

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        """A page of the history."""


class BitgetForm:
    page_max = 1000
    sends_past = True

    def asked(self, text: str) -> list[str] | None:
        if not text.startswith("{"):
            return None
        return [arg["instId"] for arg in json.loads(text)["args"] if arg["channel"] == "trade"]

    def answers(self, text: str, known: set[str]) -> list[str]:
        if text == "ping":
            return ["pong"]
        found = []
        for arg in json.loads(text)["args"]:
            if arg["instId"] in known:
                found.append(json.dumps({"event": "subscribe", "arg": arg}))
            else:
                words = f"instType:{arg['instType']},channel:{arg['channel']},instId:{arg['instId']} doesn't exist"
                found.append(json.dumps({"event": "error", "arg": arg, "code": 30001, "msg": words, "op": "subscribe"}))
        return found

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        arg = {"instType": "SPOT", "channel": "trade", "instId": trades[0].name}
        rows = [self._row(trade) for trade in reversed(trades)]
        return [json.dumps({"action": "snapshot" if past else "update", "arg": arg, "data": rows, "ts": 1})]

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        wanted = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        found = [trade for trade in happened if trade.name == wanted["symbol"]]
        if "idLessThan" in wanted:
            found = [trade for trade in found if trade.trade_id < int(wanted["idLessThan"])]
        if "startTime" in wanted:
            found = [trade for trade in found if int(wanted["startTime"]) <= trade.time_ms <= int(wanted["endTime"])]
        newest = found[-min(self.page_max, int(wanted["limit"])) :]
        rows = [{**self._row(trade), "symbol": trade.name, "side": trade.side.title()} for trade in reversed(newest)]
        return json.dumps({"code": "00000", "msg": "success", "requestTime": 1, "data": rows})

    @staticmethod
    def _row(trade: ScriptedTrade) -> dict[str, Any]:
        ids = {"tradeId": str(trade.trade_id), "ts": str(trade.time_ms)}
        return {**ids, "price": trade.price, "size": trade.size, "side": trade.side.lower()}


class BinanceForm:
    page_max = 1000
    sends_past = False

    def asked(self, text: str) -> list[str] | None:
        names = [each.split("@")[0].upper() for each in json.loads(text)["params"] if each.endswith("@aggTrade")]
        return names or None

    def answers(self, text: str, known: set[str]) -> list[str]:
        return [json.dumps({"result": None, "id": json.loads(text)["id"]})]

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        frames = []
        for trade in trades:
            row = {"e": "aggTrade", "E": trade.time_ms, "s": trade.name, "f": 1, "l": 1, **self._row(trade)}
            frames.append(json.dumps({"stream": f"{trade.name.lower()}@aggTrade", "data": row}))
        return frames

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        wanted = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        found = [trade for trade in happened if trade.name == wanted["symbol"]]
        if "fromId" in wanted:
            found = [trade for trade in found if trade.trade_id >= int(wanted["fromId"])]
        elif "startTime" in wanted:
            found = [trade for trade in found if trade.time_ms >= int(wanted["startTime"])]
        return json.dumps([self._row(trade) for trade in found[: min(self.page_max, int(wanted["limit"]))]])

    @staticmethod
    def _row(trade: ScriptedTrade) -> dict[str, Any]:
        numbers = {"a": trade.trade_id, "p": trade.price, "q": trade.size, "T": trade.time_ms}
        return {**numbers, "m": trade.side == "SELL", "M": True}


FORMS: Final[dict[str, type[Form]]] = {"bitget": BitgetForm, "binance": BinanceForm}
