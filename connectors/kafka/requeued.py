"""Which records of a topic were put back on it as other records: the markers that ``dead-letters requeue`` leaves.

Flows and oracles read the markers when they start, and refuse the records that they name: the copy that stands later in
the topic counts. A marker and its copy were written in one transaction, so whoever sees the marker will find the copy.
A marker names its record by partition, offset and Kafka's timestamp. In a topic that was created anew, the same offset
is another record; its timestamp differs, so that it isn't refused by mistake.
"""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from connectors.kafka.options import KafkaReadOptions, Position
from connectors.kafka.range import ranges_between, read_records
from schemas.columns import PLACE, PlaceRows
from schemas.errors import MissingObject

__all__ = ["Marker", "places_by_partition", "read_markers"]

NO_MARKERS: Final[Mapping[str, "Marker"]] = {}


class Marker(NamedTuple):
    """One record that was put back. ``time``, ``reason``: when that was, and the label of why it had been refused."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    time: str = ""
    reason: str = ""

    @property
    def origin(self) -> str:
        """What the topic of markers is compacted by."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    def value(self) -> bytes:
        return json.dumps({"time": self.time, "reason": self.reason, "timestamp_ms": self.timestamp_ms}).encode()

    @classmethod
    def parse(cls, key: bytes, value: bytes) -> "Marker":
        """Raises ValueError, TypeError or KeyError when it is no marker."""
        topic, partition, offset = key.decode().rsplit("/", 2)
        told = json.loads(value)
        return cls(
            topic, int(partition), int(offset), int(told["timestamp_ms"]), str(told["time"]), str(told["reason"])
        )


def read_markers(options: KafkaReadOptions) -> Mapping[str, Marker]:
    """By origin, everything that was put back until now; none where the topic of markers doesn't exist."""
    try:
        ranges = ranges_between(options, Position("earliest"), Position("latest"))
    except MissingObject:
        return NO_MARKERS  # made by the first requeue
    found: dict[str, Marker] = {}
    for record in read_records(options, ranges):
        key = record.key or b""
        if record.value is None:
            found.pop(key.decode(errors="replace"), None)  # how a record of a compacted topic is taken back
            continue
        try:
            marker = Marker.parse(key, record.value)
        except (ValueError, TypeError, KeyError):
            continue
        found[marker.origin] = marker
    return found


def places_by_partition(markers: Mapping[str, Marker], topic: str) -> dict[int, PlaceRows]:
    """PLACE rows of the records of ``topic``, by partition and sorted by offset; only partitions that have some."""
    places: dict[int, list[tuple[int, int]]] = {}
    for marker in markers.values():
        if marker.topic == topic:
            places.setdefault(marker.partition, []).append((marker.offset, marker.timestamp_ms))
    return {partition: np.array(sorted(found), PLACE) for partition, found in places.items()}
