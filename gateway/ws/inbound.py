"""Frames that a client sends, as RFC 6455 §5 has them: bytes in, one frame at a time out, or what is wrong with it.

Connections feed it what they read. It keeps nothing: a frame that isn't whole yet is asked for again, from its first
byte. What is wrong is found before the payload is waited for, so nobody makes us hold more than ``payload_max``.
"""

from typing import Final, NamedTuple

from gateway.ws.frames import CLOSE, PONG
from schemas.contract import CLOSE_PROTOCOL, CLOSE_TOO_BIG

__all__ = ["Broken", "Inbound", "read_frame", "unmasked"]

RESERVED: Final = frozenset((3, 4, 5, 6, 7, *range(PONG + 1, 16)))
CONTROL_BYTES_MAX: Final = 125
CODES: Final = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))
"""That a close frame may carry (RFC 6455 §7.4)."""
NO_MASK: Final = bytes(4)


class Inbound(NamedTuple):
    """``end``: where the next frame begins; ``payload`` is unmasked."""

    opcode: int
    payload: bytes
    fin: bool
    rsv1: bool
    rsv23: bool
    end: int


class Broken(NamedTuple):
    """What the connection is to be closed with."""

    code: int
    reason: str


def read_frame(data: bytes | bytearray, at: int, payload_max: int) -> Inbound | Broken | None:
    """The frame that begins at ``at``; None where there is more to come of it."""
    left = len(data) - at
    if left < 2:
        return None
    first, second = data[at], data[at + 1]
    opcode, size, begin = first & 0x0F, second & 0x7F, at + 6
    if opcode in RESERVED:
        return Broken(CLOSE_PROTOCOL, "unknown opcode")
    if not second & 0x80:
        return Broken(CLOSE_PROTOCOL, "frames of clients must be masked")
    if opcode >= CLOSE:
        if not first & 0x80:
            return Broken(CLOSE_PROTOCOL, "fragmented control frame")
        if size > CONTROL_BYTES_MAX:
            return Broken(CLOSE_PROTOCOL, "control frame too long")
    elif size > CONTROL_BYTES_MAX:
        digits = 2 if size == 126 else 8
        if left < 2 + digits:
            return None
        size, begin = int.from_bytes(data[at + 2 : at + 2 + digits]), begin + digits
        if size < (126 if digits == 2 else 65_536) or size >> 63:
            return Broken(CLOSE_PROTOCOL, "length not in its shortest form")
        if size > payload_max:
            return Broken(CLOSE_TOO_BIG, f"more than {payload_max} bytes")
    end = begin + size
    if len(data) < end:
        return None
    payload = unmasked(bytes(data[begin:end]), bytes(data[begin - 4 : begin]))
    if opcode == CLOSE and payload and (size == 1 or int.from_bytes(payload[:2]) not in CODES):
        return Broken(CLOSE_PROTOCOL, "not a close code")
    return Inbound(opcode, payload, bool(first & 0x80), bool(first & 0x40), bool(first & 0x30), end)


def unmasked(payload: bytes, mask: bytes) -> bytes:
    """``payload`` with each byte turned by its one of the four of ``mask``, which also masks."""
    size = len(payload)
    if mask == NO_MASK:
        return payload
    turned = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(turned)).to_bytes(size)
