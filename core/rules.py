"""The settings that decide what a trade does: bounds, lateness, duplicates, sequence numbers.

Flows make one Rules from the settings and hand it to every shard. Law: with equal Rules, equal records give equal
outputs; so Rules are part of a snapshot's identity only through their effects, never through a clock.
"""

from dataclasses import dataclass
from typing import Final

from schemas.intervals import INTERVALS

__all__ = ["SEQUENCE_BITS", "Rules"]

SEQUENCE_BITS: Final = 44
"""Offsets take the low 44 bits of a sequence, so that epochs below 512 keep it an exact JavaScript number (2**53)."""


@dataclass(frozen=True, slots=True)
class Rules:
    """All times in microseconds. ``lateness_us``: one per interval, in the order of schemas.intervals.INTERVALS.

    out_of_order_us: how far behind the newest trade the watermark stays.
    dedupe: drop trades whose numeric id was seen in the symbol's last 4096 ids, or lies below them.
    source_epoch: raise by one when the topic was re-created, so that its offsets sort above the old ones.
    """

    out_of_order_us: int = 5_000_000
    lateness_us: tuple[int, ...] = (60_000_000,) * len(INTERVALS)
    future_us: int = 60_000_000
    dedupe: bool = False
    source_epoch: int = 0

    def sequence(self, offset: int) -> int:
        """Sequence number of the record at a Kafka offset."""
        return (self.source_epoch << SEQUENCE_BITS) + offset
