"""``/ws/quotes``: the whole ticker at every change, with ISO 8601 times.

Each message is complete in itself, so a client needs no state. Several changes of a symbol within one flush become one
message with the newest. What a client must be told of several symbols at once comes as one ``batch_update``.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import msgspec

from core.fanout.dialect import Command, Dialect, Follow, Ping, Problem, Subscribe, Unfollow, Unsubscribe
from core.fanout.messages import TickerMessage
from gateway.messages.quotes import BATCH_MAX, QUOTES, QuotesConnected, QuotesError, QuotesPong, QuotesWatchlist
from gateway.ws.dialects.words import encode, iso, read_object, read_wanted, ticker_rooms, unknown_action

__all__ = ["QuotesDialect"]

FIELDS: Final = ("price", "change", "changePercent", "volume", "high", "low", "open", "previousClose")
BEST: Final = ("bid", "ask")
"""There where they are known."""
GREETING: Final = "Connected to tapeflow"
_NULL: Final = msgspec.Raw(b"null")


class QuotesDialect(Dialect):
    """Words: action = subscribe, unsubscribe, ping."""

    name: ClassVar[str] = QUOTES.name
    path: ClassVar[str] = QUOTES.path

    def parse(self, data: bytes) -> Sequence[Command]:
        message = read_object(data)
        if isinstance(message, Problem):
            return (message,)
        action = message.get("action")
        if action == "ping":
            sent = message.get("timestamp")
            plain = isinstance(sent, int | float | str) and not (isinstance(sent, str) and len(sent) > 64)
            return (Ping(encode(sent) if plain else b""),)
        if action not in ("subscribe", "unsubscribe"):
            return (unknown_action("action", action, "subscribe, unsubscribe, ping"),)
        wanted = read_wanted(message)
        if isinstance(wanted, Problem):
            return (wanted,)
        symbols, lists, problems = wanted
        rooms, begins = ticker_rooms(symbols), action == "subscribe"
        commands: list[Command] = [*problems]
        if rooms:
            commands.append(Subscribe(rooms) if begins else Unsubscribe(rooms))
        if lists:
            commands.append(Follow(lists) if begins else Unfollow(lists))
        return commands

    def greeting(self, client_id: str, now_ms: int) -> Sequence[bytes]:
        return (encode(QuotesConnected(message=GREETING, client_id=client_id, timestamp=iso(now_ms))),)

    def error(self, problem: Problem, now_ms: int) -> bytes:
        return encode(QuotesError(code=problem.code, message=problem.text, timestamp=iso(now_ms)))

    def pong(self, ping: Ping, now_ms: int) -> bytes:
        if not ping.echo:
            return encode(QuotesPong(timestamp=iso(now_ms)))
        return encode(QuotesPong(timestamp=iso(now_ms), client_timestamp=msgspec.Raw(ping.echo)))

    def watchlist(self, list_id: str, name: str, symbols: Sequence[str] | None, now_ms: int) -> bytes:
        held, deleted = list(symbols or ()), symbols is None
        return encode(QuotesWatchlist(id=list_id, name=name, symbols=held, deleted=deleted, timestamp=iso(now_ms)))

    def state(self, fields: Mapping[str, msgspec.Raw]) -> bytes:
        data = {"symbol": fields["symbol"], **{name: fields.get(name, _NULL) for name in FIELDS}}
        data |= {name: fields[name] for name in BEST if bytes(fields.get(name, _NULL)) != b"null"}
        return encode({**data, "timestamp": _time(fields), "source": fields.get("exchange", _NULL)})

    def states(self, parts: Sequence[bytes], now_ms: int) -> Sequence[bytes]:
        return [_message(parts[at : at + BATCH_MAX], now_ms) for at in range(0, len(parts), BATCH_MAX)]

    def changes(
        self,
        fields: Mapping[str, msgspec.Raw],
        messages: Sequence[TickerMessage],
        now_ms: int,
    ) -> Sequence[bytes]:
        if not any(map(_is_seen, messages)):
            return ()  # a quote that changed nothing of what these messages have
        return (_message((self.state(fields),), now_ms),)


def _is_seen(message: TickerMessage) -> bool:
    is_quote_alone = message.previous == message.sequence
    return not is_quote_alone or not message.fields().keys().isdisjoint(BEST)


def _message(parts: Sequence[bytes], now_ms: int) -> bytes:
    if len(parts) == 1:
        head = {"type": "price_update", "symbol": _symbol(parts[0]), "data": msgspec.Raw(parts[0])}
        return encode({**head, "timestamp": iso(now_ms)})
    updates = [{"symbol": _symbol(part), "data": msgspec.Raw(part)} for part in parts]
    return encode({"type": "batch_update", "updates": updates, "timestamp": iso(now_ms)})


class _Named(msgspec.Struct):
    symbol: str


def _symbol(part: bytes) -> str:
    return msgspec.json.decode(part, type=_Named).symbol


def _time(fields: Mapping[str, msgspec.Raw]) -> str | None:
    time_ms = msgspec.json.decode(fields.get("timestamp", _NULL))
    return iso(time_ms) if isinstance(time_ms, int) else None
