"""``/ws/prices``: a snapshot of each symbol, then the fields that changed.

Snapshots and deltas go out as the flow wrote them to Redis, byte by byte, so a client's state equals ``price:S``: the
contract's fields, and previousClose, change and changePercent beside them. ``previous`` of every delta is the
``sequence`` of what the client got before it for that symbol.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from core.fanout.dialect import Command, Dialect, Follow, Ping, Problem, RoomKey, Subscribe, Unfollow, Unsubscribe
from core.fanout.messages import TickerMessage
from gateway.messages.prices import PRICES, PricesError, PricesPong, PricesWatchlist
from gateway.ws.dialects.words import encode, read_object, read_wanted, shown, ticker_rooms, unknown_action

__all__ = ["PricesDialect"]


class PricesDialect(Dialect):
    """Words: type = subscribe, unsubscribe, ping."""

    name: ClassVar[str] = PRICES.name
    path: ClassVar[str] = PRICES.path

    def parse(self, data: bytes) -> Sequence[Command]:
        message = read_object(data)
        if isinstance(message, Problem):
            return (message,)
        kind = message.get("type")
        if kind == "ping":
            return (Ping(),)
        if kind not in ("subscribe", "unsubscribe"):
            return (unknown_action("type", kind, "subscribe, unsubscribe, ping"),)
        wanted = read_wanted(message)
        if isinstance(wanted, Problem):
            return (wanted,)
        symbols, lists, problems = wanted
        rooms = ticker_rooms(symbols)
        if kind == "unsubscribe":
            return (*problems, *([Unsubscribe(rooms)] if rooms else []), *([Unfollow(lists)] if lists else []))
        timeframe = message.get("timeframe", "real-time")
        if timeframe != "real-time":
            return (Problem("INVALID_TIMEFRAME", f"Invalid timeframe: {shown(timeframe)}. Valid: real-time"),)
        if not isinstance(message.get("includeDepth", False), bool):
            return (Problem("INVALID_MESSAGE", "includeDepth must be true or false; bid and ask are always sent"),)
        since = _since(message.get("since"), symbols)
        if isinstance(since, Problem):
            return (since,)
        return (*problems, *([Subscribe(rooms, since)] if rooms else []), *([Follow(lists, since)] if lists else []))

    def error(self, problem: Problem, now_ms: int) -> bytes:
        return encode(PricesError(code=problem.code, message=problem.text, timestamp=now_ms))

    def pong(self, ping: Ping, now_ms: int) -> bytes:  # noqa: ARG002
        return encode(PricesPong(timestamp=now_ms))

    def watchlist(self, list_id: str, name: str, symbols: Sequence[str] | None, now_ms: int) -> bytes:
        held, deleted = list(symbols or ()), symbols is None
        return encode(PricesWatchlist(id=list_id, name=name, symbols=held, deleted=deleted, timestamp=now_ms))

    def state(self, fields: Mapping[str, msgspec.Raw]) -> bytes:
        return encode({"type": "snapshot", **{name: value for name, value in fields.items() if name != "type"}})

    def states(self, parts: Sequence[bytes], now_ms: int) -> Sequence[bytes]:  # noqa: ARG002
        return parts

    def changes(
        self,
        fields: Mapping[str, msgspec.Raw],  # noqa: ARG002
        messages: Sequence[TickerMessage],
        now_ms: int,  # noqa: ARG002
    ) -> Sequence[bytes]:
        return [message.raw for message in messages]


def _since(given: object, symbols: Sequence[str]) -> Mapping[RoomKey, int] | Problem | None:
    """One number for every symbol of the message, or an object {symbol: number}."""
    if given is None:
        return None
    per_symbol = given if isinstance(given, dict) else dict.fromkeys(symbols, given)
    since: dict[RoomKey, int] = {}
    for symbol, value in per_symbol.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return Problem("INVALID_MESSAGE", "since must be the last sequence received, or one by symbol")
        since["ticker", symbol] = value
    return since
