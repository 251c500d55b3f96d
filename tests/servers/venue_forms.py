"""How a scripted venue speaks: its trades, answers and pages, as the venue's documentation has them.

A form is chosen by the venue's name. Numbers are texts of the script, untouched.
"""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

__all__ = ["FORMS", "IDS_FOLLOW", "Form", "ScriptedTrade", "is_end", "make_script"]


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
    beat: str
    """What is sent all the time; empty for nothing."""
    listing_path: str

    def asked(self, text: str) -> list[str] | None:
        """Names that a frame of a client subscribes to, or ends; None for any other frame."""

    def answers(self, text: str, known: set[str]) -> list[str]:
        """What a client is answered."""

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        """Frames of trades of one market."""

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        """A page of the history."""

    def listing(self, markets: Mapping[str, str]) -> str:
        """The list of ``markets``, by the venue's names and ours, all of them traded, and one that isn't."""


class BitgetForm:
    page_max = 1000
    sends_past = True
    beat = ""
    listing_path = "/api/v2/spot/public/symbols"

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
                found.append(json.dumps({"event": json.loads(text)["op"], "arg": arg}))
            else:
                words = f"instType:{arg['instType']},channel:{arg['channel']},instId:{arg['instId']} doesn't exist"
                found.append(json.dumps({"event": "error", "arg": arg, "code": 30001, "msg": words, "op": "subscribe"}))
        return found

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        arg = {"instType": "SPOT", "channel": "trade", "instId": trades[0].name}
        rows = [self._row(trade) for trade in reversed(trades)]
        return [json.dumps({"action": "snapshot" if past else "update", "arg": arg, "data": rows, "ts": 1})]

    def listing(self, markets: Mapping[str, str]) -> str:
        rows = [{"symbol": name, "status": "online"} for name in markets]
        rows.append({"symbol": "OLDUSDT", "status": "offline"})
        return json.dumps({"code": "00000", "msg": "success", "data": rows})

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        wanted = asked_in(path)
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
    beat = ""
    listing_path = "/api/v3/exchangeInfo"

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

    def listing(self, markets: Mapping[str, str]) -> str:
        rows = [{"symbol": name, "status": "TRADING"} for name in markets]
        return json.dumps({"timezone": "UTC", "symbols": [*rows, {"symbol": "OLDUSDT", "status": "BREAK"}]})

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        wanted = asked_in(path)
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


class KrakenForm:
    page_max = 1000
    sends_past = True
    beat = '{"channel":"heartbeat"}'
    listing_path = "/0/public/AssetPairs"

    def asked(self, text: str) -> list[str] | None:
        asked = json.loads(text)
        return [bare(name) for name in asked["params"]["symbol"]] if "params" in asked else None

    def answers(self, text: str, known: set[str]) -> list[str]:
        asked = json.loads(text)
        if asked["method"] == "ping":
            return ['{"method":"pong"}']
        found = []
        for name in asked["params"]["symbol"]:
            answer = {"method": asked["method"], "success": bare(name) in known}
            result = {"result": {"channel": "trade", "snapshot": True, "symbol": name}}
            refused = {"error": f"Currency pair not supported {name}", "symbol": name}
            found.append(json.dumps(answer | (result if bare(name) in known else refused)))
        return found

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        rows = ", ".join(self._row(trade) for trade in trades)
        kind = "snapshot" if past else "update"
        return [f'{{"channel": "trade", "type": "{kind}", "data": [{rows}]}}']

    def listing(self, markets: Mapping[str, str]) -> str:
        pairs = {
            name: {"altname": name, "wsname": symbol.replace("BTC", "XBT"), "status": "online"}
            for name, symbol in markets.items()
        }
        pairs["OLDUSDT"] = {"altname": "OLDUSDT", "wsname": "OLD/USDT", "status": "cancel_only"}
        return json.dumps({"error": [], "result": pairs})

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        wanted = asked_in(path)
        found = [trade for trade in happened if trade.name == bare(wanted["pair"])]
        found = [trade for trade in found if trade.time_ms * 10**6 > int(wanted["since"])]
        rows = [
            f'["{trade.price}", "{trade.size}", {trade.time_ms // 1000}.{trade.time_ms % 1000:03d}0004,'
            f' "{trade.side[0].lower()}", "m", "", {trade.trade_id}]'
            for trade in found[: min(self.page_max, int(wanted["count"]))]
        ]
        return f'{{"error": [], "result": {{"XXBTZUSD": [{", ".join(rows)}], "last": "1"}}}}'

    @staticmethod
    def _row(trade: ScriptedTrade) -> str:
        numbers = f'"price": {trade.price}, "qty": {trade.size}, "trade_id": {trade.trade_id}'
        return (
            f'{{"symbol": "{trade.symbol}", "side": "{trade.side.lower()}", {numbers},'
            f' "ord_type": "market", "timestamp": "{iso(trade.time_ms)}"}}'
        )


class CoinbaseForm:
    page_max = 1000
    sends_past = True
    beat = '{"type":"heartbeat","sequence":1,"last_trade_id":1,"product_id":"X","time":"2026-01-01T00:00:00.0Z"}'
    listing_path = "/products"

    def asked(self, text: str) -> list[str] | None:
        return [bare(name) for name in json.loads(text)["product_ids"]]

    def answers(self, text: str, known: set[str]) -> list[str]:
        wrong = [name for name in json.loads(text)["product_ids"] if bare(name) not in known]
        if wrong:
            reason = f"{wrong[0]} is not a valid product"
            return [json.dumps({"type": "error", "message": "Failed to subscribe", "reason": reason})]
        channels = [] if is_end(text) else [{"name": "matches", "product_ids": json.loads(text)["product_ids"]}]
        return [json.dumps({"type": "subscriptions", "channels": channels})]

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        kind = "last_match" if past else "match"
        rows = trades[-1:] if past else trades
        name = trades[0].symbol.replace("/", "-")
        return [json.dumps({"type": kind, "product_id": name, "sequence": 1, **self._row(trade)}) for trade in rows]

    def listing(self, markets: Mapping[str, str]) -> str:
        rows = [{"id": symbol.replace("/", "-"), "status": "online"} for symbol in markets.values()]
        return json.dumps([*rows, {"id": "OLD-USDT", "status": "delisted"}])

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        wanted, name = asked_in(path), bare(urlsplit(path).path.split("/")[2])
        found = [trade for trade in happened if trade.name == name]
        if "after" in wanted:
            found = [trade for trade in found if trade.trade_id < int(wanted["after"])]
        newest = found[-min(self.page_max, int(wanted["limit"])) :]
        return json.dumps([self._row(trade) for trade in reversed(newest)])

    @staticmethod
    def _row(trade: ScriptedTrade) -> dict[str, Any]:
        makers = "sell" if trade.side == "BUY" else "buy"
        numbers = {"trade_id": trade.trade_id, "price": trade.price, "size": trade.size}
        return {**numbers, "side": makers, "time": iso(trade.time_ms)}


class OkxForm:
    page_max = 100
    sends_past = False
    beat = ""
    listing_path = "/api/v5/public/instruments"

    def asked(self, text: str) -> list[str] | None:
        if not text.startswith("{"):
            return None
        return [bare(arg["instId"]) for arg in json.loads(text)["args"] if arg["channel"] == "trades-all"]

    def answers(self, text: str, known: set[str]) -> list[str]:
        if text == "ping":
            return ["pong"]
        found = []
        for arg in json.loads(text)["args"]:
            words = (
                f"Wrong URL or channel:{arg['channel']},instId:{arg['instId']} doesn't exist. Please use the correct"
            )
            refused = {"event": "error", "code": "60018", "msg": words, "connId": "a"}
            known_one = {"event": json.loads(text)["op"], "arg": arg, "connId": "a"}
            found.append(json.dumps(known_one if bare(arg["instId"]) in known else refused))
        return found

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        name = trades[0].symbol.replace("/", "-")
        arg = {"channel": "trades-all", "instId": name}
        return [json.dumps({"arg": arg, "data": [self._row(trade)]}) for trade in trades]

    def listing(self, markets: Mapping[str, str]) -> str:
        rows = [{"instId": symbol.replace("/", "-"), "state": "live"} for symbol in markets.values()]
        return json.dumps({"code": "0", "msg": "", "data": [*rows, {"instId": "OLD-USDT", "state": "suspend"}]})

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        wanted = asked_in(path)
        found = [trade for trade in happened if trade.name == bare(wanted["instId"])]
        if wanted.get("type") == "2":
            found = [trade for trade in found if trade.time_ms < int(wanted["after"])]
        elif "after" in wanted:
            found = [trade for trade in found if trade.trade_id < int(wanted["after"])]
        newest = found[-min(self.page_max, int(wanted["limit"])) :]
        return json.dumps({"code": "0", "msg": "", "data": [self._row(trade) for trade in reversed(newest)]})

    @staticmethod
    def _row(trade: ScriptedTrade) -> dict[str, Any]:
        ids = {"instId": trade.symbol.replace("/", "-"), "tradeId": str(trade.trade_id), "ts": str(trade.time_ms)}
        return {**ids, "px": trade.price, "sz": trade.size, "side": trade.side.lower()}


class BybitForm:
    page_max = 60
    sends_past = False
    beat = ""
    listing_path = "/v5/market/instruments-info"

    def asked(self, text: str) -> list[str] | None:
        asked = json.loads(text)
        if asked["op"] == "ping":
            return None
        return [name.removeprefix("publicTrade.") for name in asked["args"] if name.startswith("publicTrade.")]

    def answers(self, text: str, known: set[str]) -> list[str]:
        if json.loads(text)["op"] == "ping":
            return ['{"success":true,"ret_msg":"pong","conn_id":"a","op":"ping"}']
        wrong = [topic for topic in json.loads(text)["args"] if topic.rpartition(".")[2] not in known]
        words = f"Invalid symbol :[{wrong[0]}]" if wrong else ""
        return [json.dumps({"success": not wrong, "ret_msg": words, "conn_id": "a", "op": json.loads(text)["op"]})]

    def trades(self, trades: Sequence[ScriptedTrade], *, past: bool = False) -> list[str]:
        rows = [self._row(trade) for trade in trades]
        return [json.dumps({"topic": f"publicTrade.{trades[0].name}", "type": "snapshot", "ts": 1, "data": rows})]

    def listing(self, markets: Mapping[str, str]) -> str:
        rows = [{"symbol": name, "status": "Trading"} for name in markets]
        rows.append({"symbol": "OLDUSDT", "status": "PreLaunch"})
        return json.dumps({"retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": rows}})

    def page(self, path: str, happened: Sequence[ScriptedTrade]) -> str:
        wanted = asked_in(path)
        found = [trade for trade in happened if trade.name == wanted["symbol"]]
        newest = found[-min(self.page_max, int(wanted["limit"])) :]
        rows = [
            {"execId": str(trade.trade_id), "symbol": trade.name, "price": trade.price, "size": trade.size,
             "side": trade.side.title(), "time": str(trade.time_ms), "isBlockTrade": False}
            for trade in reversed(newest)
        ]  # fmt: skip
        return json.dumps({"retCode": 0, "retMsg": "OK", "result": {"category": "spot", "list": rows}})

    @staticmethod
    def _row(trade: ScriptedTrade) -> dict[str, Any]:
        numbers = {"T": trade.time_ms, "v": trade.size, "p": trade.price, "i": str(trade.trade_id)}
        return {**numbers, "s": trade.name, "S": trade.side.title(), "L": "PlusTick", "BT": False}


def is_end(text: str) -> bool:
    """Whether a frame of a client ends subscriptions."""
    return "unsubscribe" in text.lower()


def bare(name: str) -> str:
    """A market's name without what venues put between and instead of currencies."""
    return name.replace("/", "").replace("-", "").replace("XBT", "BTC")


def asked_in(path: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}


def iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


FORMS: Final[dict[str, type[Form]]] = {
    "bitget": BitgetForm,
    "binance": BinanceForm,
    "kraken": KrakenForm,
    "coinbase": CoinbaseForm,
    "okx": OkxForm,
    "bybit": BybitForm,
}
IDS_FOLLOW: Final = frozenset({"binance", "kraken", "coinbase"})
