"""The messages of streams and keys in Redis as msgspec structs: tickers, their deltas, bars, and batches of them.

Written by sinks (byte by byte, see sinks.redis.json), read here by msgspec as a client would. Numbers are exact
Decimals, plain JSON numbers; times are milliseconds; a value that is absent is null in a snapshot and left out of a
delta. ``apply`` is the whole of the client's duty: a delta applies only to the sequence in ``previous``.
"""

from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

__all__ = ["BarMessage", "Delta", "Message", "Snapshot", "apply", "decode_batch", "decode_message", "encode"]

Number = Decimal | None


class Snapshot(msgspec.Struct, tag="snapshot", tag_field="type", rename="camel"):
    """A symbol's whole ticker: ``price:S``, and a symbol's first message in a stream. ``timestamp``: event time, ms."""

    symbol: str
    price: Decimal
    bid: Number
    ask: Number
    volume: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    previous_close: Number
    change: Number
    change_percent: Number
    timestamp: int
    sequence: int
    exchange: str


class Delta(msgspec.Struct, tag="delta", tag_field="type", rename="camel", omit_defaults=True):
    """The fields that changed since ``previous``, the sequence that it applies to."""

    symbol: str
    timestamp: int
    sequence: int
    previous: int
    price: Decimal | UnsetType = UNSET
    bid: Decimal | UnsetType = UNSET
    ask: Decimal | UnsetType = UNSET
    volume: Decimal | UnsetType = UNSET
    open: Decimal | UnsetType = UNSET
    high: Decimal | UnsetType = UNSET
    low: Decimal | UnsetType = UNSET
    previous_close: Decimal | UnsetType = UNSET
    change: Decimal | UnsetType = UNSET
    change_percent: Decimal | UnsetType = UNSET
    exchange: str | UnsetType = UNSET


class BarMessage(msgspec.Struct, tag="bar", tag_field="type", rename="camel"):
    """``candle:S:I``, the members of ``candles:S:I``, and bars in streams. ``time``: the bar's start, ms."""

    symbol: str
    interval: str
    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    vwap: Number
    trade_count: int
    buy_volume: Decimal
    stddev: Decimal
    final: bool
    revision: int
    sequence: int


Message = Snapshot | Delta | BarMessage

_message: Final[msgspec.json.Decoder[Message]] = msgspec.json.Decoder(Message)
_batch: Final[msgspec.json.Decoder[list[Message]]] = msgspec.json.Decoder(list[Message])
_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_STATE: Final = tuple(name for name in Snapshot.__struct_fields__ if name != "symbol")


def decode_message(data: bytes) -> Message:
    """One message; raises msgspec.MsgspecError when it is none."""
    return _message.decode(data)


def decode_batch(data: bytes) -> list[Message]:
    """The field ``batch`` of a stream's entry; raises msgspec.MsgspecError when it is none."""
    return _batch.decode(data)


def encode(message: Message) -> bytes:
    """JSON as sinks write it, field order aside."""
    return _encoder.encode(message)


def apply(state: Snapshot, delta: Delta) -> Snapshot:
    """The ticker after ``delta``; raises ValueError when it doesn't apply to ``state`` (a gap: take a snapshot)."""
    if delta.symbol != state.symbol or delta.previous != state.sequence:
        raise ValueError(f"delta of {delta.symbol} applies to {delta.previous}, not to {state.symbol} {state.sequence}")
    changes: dict[str, Any] = {name: value for name in _STATE if (value := getattr(delta, name, UNSET)) is not UNSET}
    return msgspec.structs.replace(state, **changes)
