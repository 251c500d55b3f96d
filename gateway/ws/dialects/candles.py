"""``/ws/candles`` (and ``/``): bars by room, a room being one symbol and one interval.

The hub gives bars as the flow wrote them; here their time becomes ISO 8601 and the fields are put in the contract's
order. Digits of numbers are copied, never computed.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import msgspec

from core.fanout.dialect import ALL_BARS, FINAL_BARS, Command, Dialect, Ping, Problem, Subscribe, Unsubscribe
from core.fanout.messages import BarMessage
from gateway.messages.candles import CANDLES, INITIAL_BARS, INITIAL_BARS_MAX, CandlesError, CandlesPong
from gateway.ws.dialects.words import encode, iso, read_object, shown, unknown_action
from kernels.symbols import is_symbol
from schemas.intervals import INTERVALS, parse_interval

__all__ = ["CandlesDialect"]

FIELDS: Final = (
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quoteVolume",
    "final",
    "revision",
    "tradeCount",
    "vwap",
)
VIEWS: Final = ("", FINAL_BARS, ALL_BARS)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL: Final = msgspec.Raw(b"null")


class CandlesDialect(Dialect):
    """Words: type = subscribe, unsubscribe, ping."""

    name: ClassVar[str] = CANDLES.name
    path: ClassVar[str] = CANDLES.path

    def parse(self, data: bytes) -> Sequence[Command]:
        message = read_object(data)
        if isinstance(message, Problem):
            return (message,)
        kind = message.get("type")
        if kind == "ping":
            return (Ping(),)
        if kind not in ("subscribe", "unsubscribe"):
            return (unknown_action("type", kind, "subscribe, unsubscribe, ping"),)
        symbol, interval = message.get("symbol"), message.get("interval")
        if not isinstance(symbol, str) or not is_symbol(symbol):
            return (Problem("INVALID_SYMBOL", f"Invalid symbol: {shown(symbol)}"),)
        try:
            name = INTERVALS[parse_interval(shown(interval))].name
        except ValueError as error:
            return (Problem("INVALID_INTERVAL", str(error)),)
        if kind == "unsubscribe":
            return (Unsubscribe(tuple(("bars", symbol, name, view) for view in VIEWS)),)
        view = _view(message)
        if isinstance(view, Problem):
            return (view,)
        bars = message.get("initialBars", INITIAL_BARS)
        if not isinstance(bars, int) or isinstance(bars, bool) or not 0 <= bars <= INITIAL_BARS_MAX:
            return (Problem("INVALID_MESSAGE", f"Invalid initialBars: {shown(bars)}. Valid: 0 to {INITIAL_BARS_MAX}"),)
        others = tuple(("bars", symbol, name, each) for each in VIEWS if each != view)
        return (Unsubscribe(others), Subscribe((("bars", symbol, name, view),), bars=bars))

    def error(self, problem: Problem, now_ms: int) -> bytes:  # noqa: ARG002
        return encode(CandlesError(message=problem.text))

    def pong(self, ping: Ping, now_ms: int) -> bytes:  # noqa: ARG002
        return encode(CandlesPong())

    def initial(self, symbol: str, interval: str, bars: Sequence[BarMessage]) -> bytes:
        rendered = [msgspec.Raw(_bar(bar)) for bar in bars]
        return encode({"type": "initial", "symbol": symbol, "interval": interval, "bars": rendered})

    def update(self, bar: BarMessage) -> bytes:
        rendered = msgspec.Raw(_bar(bar))
        return encode({"type": "update", "symbol": bar.symbol, "interval": bar.interval, "bar": rendered})


def _view(message: Mapping[str, object]) -> str | Problem:
    """How bars end for a subscriber; whoever wants revisions wants what they revise."""
    asked = {name: message.get(name, False) for name in (FINAL_BARS, ALL_BARS)}
    for name, value in asked.items():
        if not isinstance(value, bool):
            return Problem("INVALID_MESSAGE", f"Invalid {name}: {shown(value)}. Valid: true, false")
    return ALL_BARS if asked[ALL_BARS] else FINAL_BARS if asked[FINAL_BARS] else ""


def _bar(bar: BarMessage) -> bytes:
    fields = _FIELDS.decode(bar.raw)
    return encode({"time": iso(bar.start_ms), **{name: fields.get(name, _NULL) for name in FIELDS}})
