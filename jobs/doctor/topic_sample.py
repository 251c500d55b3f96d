"""The newest records of the topics of trades and quotes, decoded as the flows do, for ``tapeflow doctor``.

Shows where settings and records disagree before a flow has read them all: refused records, unknown words of sides,
mapped fields that no record has. It reads a bounded number of records and writes nothing.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from connectors.kafka.options import Position
from connectors.kafka.range import ranges_between, read_range
from flows.quotes_reading import decode_quotes, quotes_decoder
from flows.reading import decode_trades, decoder_of, read_options
from runtime.settings.whole import Settings
from schemas.columns import RawBatch

__all__ = ["TopicSample", "sample_quotes", "sample_topic"]

RECORDS_MAX: Final = 500
"""Of one partition."""
PARTITIONS_MAX: Final = 8


@dataclass
class TopicSample:
    """``read``: trades or quotes, and records that were refused. ``unseen_fields``: names of the field map that no
    record had."""

    read: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unknown_sides: Counter[str] = field(default_factory=Counter)
    unseen_fields: list[str] = field(default_factory=list)


def sample_topic(settings: Settings) -> TopicSample:
    """What is found in the newest records. Raises what Kafka's or the registry's connection raises."""
    sample, decoder = TopicSample(), decoder_of(settings)
    decode = decode_trades(settings, decoder=decoder)
    for raw in _newest(settings):
        batch = decode(raw)
        sample.read += batch.read
        sample.rejected.update(reject.reason.label for reject in batch.rejects)
        sample.unknown_sides.update(batch.unknown_sides)
    sample.unseen_fields = decoder.unseen_fields() if sample.read else []
    return sample


def sample_quotes(settings: Settings) -> TopicSample:
    """Likewise of quotes; ``settings``: those of flows.quotes_reading.quotes_settings."""
    sample, decoder = TopicSample(), quotes_decoder(settings)
    decode = decode_quotes(settings, decoder)
    for raw in _newest(settings):
        batch = decode(raw)
        sample.read += batch.read
        sample.rejected.update(reject.reason.label for reject in batch.rejects)
    sample.unseen_fields = decoder.unseen_fields() if sample.read else []
    return sample


def _newest(settings: Settings) -> Iterator[RawBatch]:
    options = read_options(settings)
    ranges = ranges_between(options, Position.parse("earliest"), Position.parse("latest"))
    newest = {
        partition: (max(start, end - RECORDS_MAX), end) for partition, (start, end) in ranges.items() if end > start
    }
    yield from read_range(options, dict(sorted(newest.items())[:PARTITIONS_MAX]))
