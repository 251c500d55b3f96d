"""The settings that decide what a trade does: bounds, lateness, duplicates, sequence numbers.

Flows make one Rules from the settings and hand it to every shard. With equal Rules, equal records give equal outputs. A
snapshot therefore depends on the Rules only through what they did to records, never through a clock.
"""

from dataclasses import dataclass

from schemas.contract import first_sequence
from schemas.intervals import INTERVALS

__all__ = ["Rules", "unjudged_note"]


@dataclass(frozen=True, slots=True)
class Rules:
    """All times in microseconds. ``lateness_us``: one per interval, in the order of schemas.intervals.INTERVALS.

    out_of_order_us: how far behind the newest trade the watermark stays.
    dedupe: drop a trade whose id was seen, for its symbol and exchange, among the partition's last ``dedupe_window``
    ids and less than ``dedupe_span_us`` of event time away.
    previous_close: bars open at the close of the bar before them, else at their first trade; exceptions: exchanges, in
    capitals, whose bars do the contrary.
    source_epoch: raise by one when the topic was re-created, so that its offsets sort above the old ones.
    """

    out_of_order_us: int = 5_000_000
    lateness_us: tuple[int, ...] = (60_000_000,) * len(INTERVALS)
    future_us: int = 60_000_000
    dedupe: bool = False
    dedupe_window: int = 100_000
    dedupe_span_us: int = 3_600_000_000
    source_epoch: int = 0
    previous_close: bool = False
    exceptions: tuple[str, ...] = ()

    @property
    def is_chained(self) -> bool:
        """Whether any bar opens at the close before it."""
        return self.previous_close or bool(self.exceptions)

    def opens_alone(self, exchange: str) -> bool:
        """Whether a trade of ``exchange`` makes its bar open at its first trade."""
        return self.previous_close == (exchange.upper() in self.exceptions)

    def sequence(self, offset: int) -> int:
        """Sequence number of the record at a Kafka offset."""
        return first_sequence(self.source_epoch) + offset


def unjudged_note(count: int) -> str:
    """What an account adds about trades that may be duplicates, where too little is remembered to tell."""
    return f" ({count} unjudged)" if count else ""
