"""Bytes of RFC 6455 and RFC 7692: frames for many clients at once, permessage-deflate, MessagePack.

A Packer turns the JSON messages of one flush into one ``bytes`` that is written to every client of a variant. Deflate
keeps no context between messages, so that the same compressed bytes fit every client, and never inflates more than the
inbound limit. Its window has 12 bits: messages are shorter than that, and it costs 1/8 of the memory of 15 bits.
``msgpack`` says what JSON says, number for number. In the exact encodings decimals are text (``"101.25"``, also
``"101"``); whole numbers such as sequence, timestamp and tradeCount stay numbers.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from gateway.messages.candles import CANDLES
from gateway.messages.channel import decimal_names
from gateway.messages.prices import PRICES
from gateway.messages.quotes import QUOTES

__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "InflateLimitError",
    "Packer",
    "encoder",
    "frame",
    "inflate",
    "is_binary",
    "negotiate_deflate",
    "to_json",
]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RSV1 = 0x80, 0x40
WINDOW_BITS: Final = 12
DEFLATE_MIN: Final = 128  # below, the bytes saved are fewer than the client's work is worth
TAIL: Final = b"\x00\x00\xff\xff"
DECIMALS: Final = decimal_names(PRICES, CANDLES, QUOTES)
_DIGITS: Final = msgspec.json.Decoder(float_hook=str)


def is_binary(encoding: str) -> bool:
    """Whether messages of an encoding are MessagePack."""
    return encoding.startswith("msgpack")


class InflateLimitError(ValueError):
    """A compressed message is larger than allowed, or no deflate stream."""


def frame(payload: bytes, opcode: int, *, compressed: bool = False) -> bytes:
    """One unfragmented frame from the server."""
    first = FIN | opcode | (RSV1 if compressed else 0)
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


class Packer:
    """JSON messages to frames, in one encoding, compressed or not. Shared by all clients of a variant."""

    __slots__ = ("_deflate", "_encode", "_opcode")

    def __init__(self, encoding: str, *, deflate: bool) -> None:
        self._opcode = BINARY if is_binary(encoding) else TEXT
        self._encode = encoder(encoding)
        self._deflate = deflate

    def __call__(self, messages: Sequence[bytes]) -> bytes:
        if self._encode is not None:
            messages = [self._encode(message) for message in messages]
        if self._deflate:
            return b"".join(map(self._compressed, messages))
        return b"".join([frame(message, self._opcode) for message in messages])

    def _compressed(self, payload: bytes) -> bytes:
        if len(payload) >= DEFLATE_MIN:
            deflater = zlib.compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, -WINDOW_BITS)
            data = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
            if len(data) - len(TAIL) < len(payload):
                return frame(data.removesuffix(TAIL), self._opcode, compressed=True)
        return frame(payload, self._opcode)


def inflate(data: bytes, limit: int) -> bytes:
    """One message as the client compressed it; at most ``limit`` bytes are ever produced."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        payload = inflater.decompress(data + TAIL, limit + 1)
    except zlib.error as error:
        raise InflateLimitError(f"not a deflate stream: {error}") from None
    if len(payload) > limit:
        raise InflateLimitError("too big when inflated")
    return payload


def negotiate_deflate(header: str) -> str | None:
    """The answer to ``Sec-WebSocket-Extensions``, or None to go without compression."""
    for offer in header.split(","):
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name != "permessage-deflate":
            continue
        asked = {key.strip(): value.strip().strip('"') for key, _, value in (p.partition("=") for p in parameters)}
        known = {"server_no_context_takeover", "client_no_context_takeover", "client_max_window_bits"}
        if len(asked) != len(parameters) or set(asked) - known - {"server_max_window_bits"}:
            continue
        answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        bits = asked.get("server_max_window_bits")
        if bits is None:
            return answer
        if bits.isdecimal() and WINDOW_BITS <= int(bits) <= zlib.MAX_WBITS:
            return f"{answer}; server_max_window_bits={WINDOW_BITS}"
    return None


def encoder(encoding: str) -> Callable[[bytes], bytes] | None:
    """What makes a dialect's JSON text the message of an encoding; None where it is that text."""
    return {"json": None, "json-exact": _to_exact_json, "msgpack": _to_msgpack, "msgpack-exact": _to_exact_msgpack}[
        encoding
    ]


def _to_msgpack(message: bytes) -> bytes:
    return msgspec.msgpack.encode(_fitting(msgspec.json.decode(message)))


def _to_exact_msgpack(message: bytes) -> bytes:
    return msgspec.msgpack.encode(_exact(_DIGITS.decode(message)))


def _to_exact_json(message: bytes) -> bytes:
    return msgspec.json.encode(_exact(_DIGITS.decode(message)))


def to_json(message: bytes) -> bytes:
    """A client's MessagePack as JSON; empty bytes where it is none, which every dialect refuses politely."""
    try:
        return msgspec.json.encode(msgspec.msgpack.decode(message))
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return b""


def _fitting(value: object) -> object:
    """MessagePack has whole numbers of 64 bits; JSON's larger ones become floating, as a browser has them."""
    if isinstance(value, dict):
        return {key: _fitting(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_fitting(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    return value


def _exact(value: object, *, all_numbers: bool = False) -> object:
    """Decimals as text. What a writer of a channel gave, under ``data``, has no fixed fields: there all numbers are."""
    if isinstance(value, dict):
        return {
            key: _exact(item, all_numbers=all_numbers or key in DECIMALS or (key == "data" and "symbol" not in value))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_exact(item, all_numbers=all_numbers) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and (all_numbers or not -(2**63) <= value < 2**64):
        return str(value)
    return value
