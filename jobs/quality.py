"""Quality figures of a range of the trades topic, for ``tapeflow quality``.

Reads the range with the flows' own decoder and shard, so late means late under the settings. Every record of the range
is read once and refused ones are counted by reason; nothing is written. A range that begins in the middle counts no
trade of its beginning as late or out of order, since nothing older was seen.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.kafka.range import read_range
from core.bars.shard import Shard
from flows.quality import Watched, in_two_partitions
from flows.reading import decode_trades, decoder_of, read_options, requeued_places, rules_of
from jobs.topic_range import asked_ranges
from runtime.settings.whole import Settings

__all__ = ["QualityReport", "assess_range"]


@dataclass
class QualityReport:
    """``watched`` by partition; ``rejected`` by partition and reason's label; ``read``: trades and refused records.

    rounded: trades with a number that was rounded. unknown_sides: trades by the word of their side, where nobody knows
    it. unseen_fields: names of the field map that no record had.
    """

    watched: dict[int, Watched] = field(default_factory=dict)
    rejected: dict[int, Counter[str]] = field(default_factory=dict)
    read: int = 0
    rounded: int = 0
    unknown_sides: Counter[str] = field(default_factory=Counter)
    unseen_fields: list[str] = field(default_factory=list)

    @property
    def in_two_partitions(self) -> dict[str, list[int]]:
        return in_two_partitions(self.watched)

    def as_plain(self) -> dict[str, Any]:
        """For JSON: partitions, symbols and what is wrong with the keys."""
        return {
            "read": self.read,
            "partitions": {
                partition: {**each.quality.total()._asdict(), "rejected": dict(self.rejected[partition])}
                for partition, each in sorted(self.watched.items())
            },
            "symbols": [
                {"symbol": name, "partition": partition, **figures._asdict()}
                for partition, each in sorted(self.watched.items())
                for name, figures in each.by_symbol()
            ],
            "in_two_partitions": self.in_two_partitions,
            "rounded": self.rounded,
            "unknown_sides": dict(self.unknown_sides),
            "unseen_fields": self.unseen_fields,
        }


def assess_range(settings: Settings, start: str, end: str, progress: Callable[[int, int], None]) -> QualityReport:
    """Figures of [start, end); ``progress`` is told records done and in all. Raises InputError for an empty range."""
    options = read_options(settings)
    ranges = asked_ranges(options, start, end)
    total = sum(last - first for first, last in ranges.values())
    decoder = decoder_of(settings)
    decode = decode_trades(settings, None, requeued_places(settings), decoder)
    rules, report, done = rules_of(settings), QualityReport(), 0
    for raw in read_range(options, ranges):
        batch = decode(raw)
        if batch.partition not in report.watched:
            report.watched[batch.partition] = Watched(Shard(rules))
            report.rejected[batch.partition] = Counter()
        watched = report.watched[batch.partition]
        watched.shard.apply(batch)
        watched.shard.take_final()
        watched.observe(batch)
        report.rejected[batch.partition].update(reject.reason.label for reject in batch.rejects)
        report.read += batch.read
        report.rounded += batch.rounded
        report.unknown_sides.update(batch.unknown_sides)
        done += len(raw)
        progress(done, total)
    report.unseen_fields = decoder.unseen_fields()
    return report
