"""Numbers that users meet and several layers go by: sequences, bounds of values, close codes of WebSocket.

Core, connectors, sinks and the gateway take them from here; the oracle says its own again. None of them is a setting:
stored data, clients and other versions of tapeflow rely on each.
"""

from typing import Final

__all__ = [
    "CLOSE_AWAY",
    "CLOSE_FORBIDDEN",
    "CLOSE_FULL",
    "CLOSE_NO_PONG",
    "CLOSE_PROTOCOL",
    "CLOSE_RATE",
    "CLOSE_SLOW",
    "CLOSE_TEXT",
    "CLOSE_TOKEN",
    "CLOSE_TOO_BIG",
    "SEQUENCE_BITS",
    "SEQUENCE_MAX",
    "UNITS_LIMIT",
    "YEAR_2300_US",
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

# What a client is told when its connection is closed (docs/gateway.md says what to do about each).
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


def first_sequence(source_epoch: int) -> int:
    """The sequence of offset 0; an offset is added to it."""
    return source_epoch << SEQUENCE_BITS
