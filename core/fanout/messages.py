"""What the hub takes in: ticker, bar and channel messages, cut out of stream entries without touching a number.

The reader of the Redis streams hands over the bytes of an entry's ``batch``; rooms get one object per message. A number
is never parsed as a float. Prices stay the bytes that the flow wrote (``msgspec.Raw``), so every digit reaches the
client. Only what orders messages (sequence, previous, start, final) is read as a value.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

__all__ = [
    "BarMessage",
    "ChannelMessage",
    "Fields",
    "QuoteMessage",
    "TickerMessage",
    "decode_bar",
    "decode_batch",
    "decode_moved",
    "decode_quote",
    "decode_quotes",
    "decode_ticker",
]

Fields = dict[str, msgspec.Raw]
"""Of a message, by name, as the flow wrote them."""


class TickerMessage(msgspec.Struct, eq=False, gc=False):
    """A snapshot (``previous`` None) or a delta; ``link`` is the sequence of the state that it was applied to."""

    symbol: str
    sequence: int
    previous: int | None
    raw: bytes
    link: int = -1

    def fields(self) -> Fields:
        return _FIELDS.decode(self.raw)


class QuoteMessage(msgspec.Struct, eq=False, gc=False):
    """The newest quote of a symbol, as a whole; ``sequence`` is of quotes."""

    symbol: str
    sequence: int
    raw: bytes

    def fields(self) -> Fields:
        return _FIELDS.decode(self.raw)


class BarMessage(msgspec.Struct, eq=False, gc=False):
    """The full state of one bar; ``start_ms`` since the epoch."""

    symbol: str
    interval: str
    start_ms: int
    sequence: int
    final: bool
    raw: bytes
    revision: int = 0

    def newer_than(self, other: "BarMessage") -> bool:
        """The same sequence counts as newer where it only closes the bar."""
        return (self.sequence, self.final) > (other.sequence, other.final)


class ChannelMessage(msgspec.Struct, eq=False, gc=False):
    """``data`` is a JSON object. ``user`` and ``symbols`` narrow who may see it; empty: all in the channel."""

    channel: str
    kind: str
    data: bytes
    timestamp_ms: int
    user: str = ""
    symbols: tuple[str, ...] = ()


class _Head(msgspec.Struct, gc=False):
    type: str
    symbol: str
    sequence: int
    previous: int | None = None
    interval: str = ""
    time: int = 0
    final: bool = False
    revision: int = 0


class _QuoteHead(msgspec.Struct, gc=False, rename="camel"):
    symbol: str
    quote_sequence: int


_QUOTE: Final = msgspec.json.Decoder(_QuoteHead)
_BATCH: Final = msgspec.json.Decoder(list[msgspec.Raw])
_HEAD: Final = msgspec.json.Decoder(_Head)
_HEADS: Final = msgspec.json.Decoder(list[_Head])
_FIELDS: Final = msgspec.json.Decoder(Fields)
_MOVED: Final = msgspec.json.Decoder(dict[str, list[str]])


def decode_batch(batch: bytes) -> Sequence[TickerMessage | BarMessage]:
    """Messages of one stream entry, in order; unknown types are passed over. Raises ValueError for what is no batch."""
    messages: list[TickerMessage | BarMessage] = []
    for head, part in zip(_HEADS.decode(batch), _BATCH.decode(batch), strict=True):
        raw = bytes(part)  # a copy: a Raw would keep the whole batch in memory as long as one of its messages lives
        if head.type == "delta" and head.previous is not None:
            messages.append(TickerMessage(head.symbol, head.sequence, head.previous, raw))
        elif head.type == "snapshot":
            messages.append(TickerMessage(head.symbol, head.sequence, None, raw))
        elif head.type == "bar":
            messages.append(_bar(head, raw))
    return messages


def decode_moved(moved: bytes) -> Mapping[str, Sequence[str]]:
    """Symbols by interval whose open bar has a newer state in its key. Raises ValueError."""
    return _MOVED.decode(moved) if moved else {}


def decode_ticker(raw: bytes) -> TickerMessage:
    """The snapshot that ``price:S`` holds. Raises ValueError."""
    head = _HEAD.decode(raw)
    return TickerMessage(head.symbol, head.sequence, None, raw)


def decode_quote(raw: bytes) -> QuoteMessage:
    """The quote that ``md:quote:S`` holds. Raises ValueError."""
    head = _QUOTE.decode(raw)
    return QuoteMessage(head.symbol, head.quote_sequence, raw)


def decode_quotes(batch: bytes) -> Sequence[QuoteMessage]:
    """Messages of one entry of a stream of quotes. Raises ValueError for what is no batch."""
    return [decode_quote(bytes(part)) for part in _BATCH.decode(batch)]


def decode_bar(raw: bytes) -> BarMessage:
    """A bar as ``candle:S:I`` or a member of ``candles:S:I`` holds it. Raises ValueError."""
    head = _HEAD.decode(raw)
    return _bar(head, raw)


def _bar(head: _Head, raw: bytes) -> BarMessage:
    return BarMessage(head.symbol, head.interval, head.time, head.sequence, head.final, raw, head.revision)
