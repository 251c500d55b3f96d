"""Numbers that users meet and several layers go by: sequences, bounds of values, close codes and bounds of WebSocket.

Core, connectors, sinks and the gateway take them from here; the oracle says its own again. None of them is a setting:
stored data, clients and other versions of tapeflow rely on each.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

__all__ = [
    "CLOSE_AWAY",
    "CLOSE_FORBIDDEN",
    "CLOSE_FULL",
    "CLOSE_MEANINGS",
    "CLOSE_NO_PONG",
    "CLOSE_PROTOCOL",
    "CLOSE_RATE",
    "CLOSE_SLOW",
    "CLOSE_TEXT",
    "CLOSE_TOKEN",
    "CLOSE_TOO_BIG",
    "INBOUND_BYTES_MAX",
    "PING_MS",
    "PONG_MS",
    "SEQUENCE_BITS",
    "SEQUENCE_MAX",
    "UNITS_LIMIT",
    "YEAR_2300_US",
    "CloseMeaning",
    "first_sequence",
]

SEQUENCE_BITS: Final = 44
"""Offsets take the low bits of a sequence, the source epoch the rest."""
SEQUENCE_MAX: Final = 1 << 53
"""JavaScript and Lua compare sequences as doubles; a source epoch below 512 stays below this."""
UNITS_LIMIT: Final = 10**28
"""Prices and sizes are below 10**18, in units of 10**-10."""
YEAR_2300_US: Final = 10_413_792_000_000_000
"""Where ClickHouse's DateTime64 ends. Times of trades are before it."""

# What a client is told when its connection is closed.
CLOSE_AWAY: Final = 1001
CLOSE_PROTOCOL: Final = 1002
CLOSE_TEXT: Final = 1007
CLOSE_TOO_BIG: Final = 1009
CLOSE_NO_PONG: Final = 1011
CLOSE_FULL: Final = 1013
CLOSE_TOKEN: Final = 4001
CLOSE_FORBIDDEN: Final = 4003
CLOSE_RATE: Final = 4008
CLOSE_SLOW: Final = 4009

INBOUND_BYTES_MAX: Final = 65_536
"""Of one message from a WebSocket client; a longer one is CLOSE_TOO_BIG."""
PING_MS: Final = 30_000
PONG_MS: Final = 60_000
"""A client is pinged every PING_MS, and closed with CLOSE_NO_PONG when nothing came back for PONG_MS."""


class CloseMeaning(NamedTuple):
    """``name`` is for programs; ``why`` and ``advice`` are for people."""

    name: str
    why: str
    advice: str


CLOSE_MEANINGS: Final[Mapping[int, CloseMeaning]] = MappingProxyType(
    {
        CLOSE_AWAY: CloseMeaning(
            "AWAY", "this gateway stops; the reason says `reconnect in N ms`", "reconnect after that, with `since`"
        ),
        CLOSE_PROTOCOL: CloseMeaning("PROTOCOL", "broken frames", "mend the client"),
        CLOSE_TEXT: CloseMeaning("TEXT", "text that isn't UTF-8, or bytes that don't inflate", "mend the client"),
        CLOSE_TOO_BIG: CloseMeaning("TOO_BIG", f"a message over {INBOUND_BYTES_MAX // 1024} KiB", "send less"),
        CLOSE_NO_PONG: CloseMeaning("NO_PONG", f"no pong for {PONG_MS // 1000} s", "reconnect"),
        CLOSE_FULL: CloseMeaning("FULL", "over capacity, in all or for this address", "try again later"),
        CLOSE_TOKEN: CloseMeaning("TOKEN", "token missing, bad or expired", "get a new one"),
        CLOSE_FORBIDDEN: CloseMeaning(
            "FORBIDDEN",
            "origin not allowed; without a token secret, also a host name that isn't local",
            "don't retry",
        ),
        CLOSE_RATE: CloseMeaning("RATE", "too many messages or too much rubbish", "back off"),
        CLOSE_SLOW: CloseMeaning("SLOW", "too slow: what may not be dropped no longer fits", "reconnect with `since`"),
    }
)
"""By code: what each CLOSE_ says, and what a client should do."""


def first_sequence(source_epoch: int) -> int:
    """The sequence of offset 0; an offset is added to it."""
    return source_epoch << SEQUENCE_BITS
