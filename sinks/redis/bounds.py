"""How much of Redis the live flow may fill, and what follows from it for each script call.

From settings to sinks.redis.sink, which hands ``arguments`` to the script, and to ``doctor``, which compares
``expected_bytes`` with the server's memory. A fan-out stream is cut by bytes and by minutes, whichever is the tighter.
Final bars are cut by their number per series, and by bytes that all symbols share alike: twice the symbols keep half
the bars each. What a symbol needs beside these (its price, its newest bar of every interval, its names) is never cut.
"""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from schemas.intervals import INTERVALS

__all__ = ["BAR_BYTES", "MB", "SHARES", "SYMBOL_BYTES", "RedisBounds"]

BAR_BYTES: Final = 512
"""Of Redis's memory for one final bar: up to 380 bytes of JSON, nodes of the sorted set, the allocator's rounding."""
SYMBOL_BYTES: Final = 9_500
"""Likewise for what a symbol needs apart from final bars: ten keys, and a sorted set for each interval."""
HOUR_US: Final = 3_600_000_000
SHARES_UP_TO_US: Final = ((HOUR_US, 8), (4 * HOUR_US, 4), (24 * HOUR_US, 2))
SHARES: Final = {
    interval.name: next((share for length_us, share in SHARES_UP_TO_US if interval.length_us <= length_us), 1)
    for interval in INTERVALS
}
"""Parts of a symbol's final bars by interval: who looks at weeks wants years of them, not a thousand."""
MB: Final = 1_000_000
"""As the settings count; Redis's own ``mb`` is 1,048,576 bytes."""


@dataclass(frozen=True, slots=True)
class RedisBounds:
    """``stream_mb`` and ``candles_mb`` (of 10**6 bytes) are for all shards and symbols together; ``candles_kept`` is
    the most bars of one series."""

    stream_mb: float = 200
    stream_minutes: float = 10
    candles_kept: int = 1000
    candles_mb: float = 400

    def arguments(self, shards: int, *, alone: bool = False) -> tuple[int, int, int, bytes]:
        """For the script of one of ``shards``: bytes and ms of its stream, bars of a series at most, and for each
        interval how many bars all symbols may have together, as a msgpack map. ``alone``: all of its own shard, where
        it sees no others."""
        bars = self.candles_mb * MB / BAR_BYTES / sum(SHARES.values()) / (max(shards, 1) if alone else 1)
        together = {name: int(bars * share) for name, share in SHARES.items()}
        stream_bytes = int(self.stream_mb * MB / max(shards, 1))
        return stream_bytes, int(self.stream_minutes * 60_000), self.candles_kept, msgspec.msgpack.encode(together)

    def of_one(self, servers: int) -> "RedisBounds":
        """The part of one of so many servers that share shards alike."""
        return replace(self, stream_mb=self.stream_mb / servers, candles_mb=self.candles_mb / servers)

    def kept(self, interval: str, symbols: int) -> int:
        """Final bars of each series of ``interval`` while Redis holds so many symbols, as the script computes it."""
        together = int(self.candles_mb * MB / BAR_BYTES / sum(SHARES.values()) * SHARES[interval])
        return max(1, min(self.candles_kept, together // max(symbols, 1)))

    def expected_bytes(self, symbols: int) -> int:
        """Redis's memory once every bound is reached."""
        bars = sum(self.kept(name, symbols) for name in SHARES) * symbols
        return int(self.stream_mb * MB) + bars * BAR_BYTES + symbols * SYMBOL_BYTES
