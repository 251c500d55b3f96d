"""Reads a desk's topics for the oracles: every record of one kind, and how many could not be used.

``verify``, the demo and the killer call it with the settings of the kind (flows.analytics_reading.desk_settings).
Records come from the plain reader, so neither Bytewax nor the decoder of the flow takes part.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.kafka.range import OffsetRange, read_records
from flows.reading import read_options, registry_of
from jobs.verify import requeued_records
from oracle.desk_records import DeskReader
from runtime.settings.whole import Settings
from schemas.avro import WriterSchema, shipped_schema
from schemas.desk import DeskKind

__all__ = ["DeskTopic", "read_desk"]

PROGRESS_RECORDS: Final = 1_000
Progress = Callable[[int, int], None]
"""(records done, records in all)."""


@dataclass(slots=True)
class DeskTopic:
    """``records``: by partition and offset, each as the oracle has it. refused: places of those that can't be used."""

    kind: DeskKind
    ranges: Mapping[int, OffsetRange]
    records: list[Any] = field(default_factory=list)
    refused: set[tuple[int, int]] = field(default_factory=set)

    def of(self, partition: int) -> list[Any]:
        return [each for each in self.records if each.partition == partition]


def read_desk(settings: Settings, kind: DeskKind, ranges: Mapping[int, OffsetRange], progress: Progress) -> DeskTopic:
    """``settings``: those of the kind's topic. Raises what the readers raise."""
    schema_of: Callable[[int], WriterSchema | None] = shipped_schema
    if settings.schema_registry_url:
        schema_of = registry_of(settings)
    reader = DeskReader(
        kind,
        schema_of=schema_of,
        future_us=settings.future_ms * 1000,
        value_bytes_max=settings.value_bytes_max,
        requeued=requeued_records(settings),
    )
    found = DeskTopic(kind, ranges)
    total = sum(end - start for start, end in ranges.values())
    for done, record in enumerate(read_records(read_options(settings), ranges)):
        made = reader.read(record.partition, record.offset, record.timestamp_ms, record.value)
        if made is None:
            found.refused.add((record.partition, record.offset))
        else:
            found.records.append(made)
        if done % PROGRESS_RECORDS == 0:
            progress(done, total)
    progress(total, total)
    found.records.sort(key=lambda each: (each.partition, each.offset))
    return found
