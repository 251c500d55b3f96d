"""Values of a desk's topics to a table: JSON, and Avro in Confluent framing, told apart by the first byte.

Flows hand over the RawBatches of one topic and get DeskBatches. Each record ends in the table or among the rejects,
with its reason and its original bytes; one bad record harms no other. What a record must hold is said by the reader of
its kind, beside this file.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from connectors.avro.decoder import Resolver
from connectors.desk.avro_values import FRAME, AvroValues
from connectors.desk.exposure import ExposureRecord, exposure_row
from connectors.desk.lp import LpRecord, lp_row
from connectors.desk.routing import RoutingRecord, routing_row
from connectors.desk.values import RecordRefused, event_time_us
from schemas.columns import RawBatch
from schemas.desk import TABLE_OF, DeskBatch, DeskKind
from schemas.rejects import Reason, Reject

__all__ = ["DeskDecoder"]

TIME: Final = "eventTime"
MISSING: Final = "missing required field"
NOTHING: Final[frozenset[tuple[int, int]]] = frozenset()


class _Reader(NamedTuple):
    """A kind's record as a struct, and what makes its row."""

    struct: Any
    row: Callable[..., tuple[Any, ...]]


READERS: Final[dict[DeskKind, _Reader]] = {
    "routing": _Reader(RoutingRecord, routing_row),
    "lp": _Reader(LpRecord, lp_row),
    "exposure": _Reader(ExposureRecord, exposure_row),
}


class DeskDecoder:
    """Of one kind. future_us: how far event time may be ahead of the record's timestamp."""

    def __init__(
        self, kind: DeskKind, resolver: Resolver | None = None, *, future_us: int, value_bytes_max: int
    ) -> None:
        self._kind = kind
        self._reader = READERS[kind]
        self._json = msgspec.json.Decoder(self._reader.struct)
        self._avro = AvroValues(resolver)
        self._future_us = future_us
        self._value_bytes_max = value_bytes_max

    def decode(self, raw: RawBatch, requeued: Collection[tuple[int, int]] = NOTHING) -> DeskBatch:
        """``requeued``: (offset, timestamp) of records that were put back on the topic: their copies count instead."""
        words: dict[str, int] = {}
        rows: list[tuple[Any, ...]] = []
        rejects: list[Reject] = []
        nulls = frozenset(raw.nulls)

        def number_of(word: str) -> int:
            return words.setdefault(word, len(words))

        places = zip(raw.offsets.tolist(), raw.timestamps_ms.tolist(), strict=True)
        for index, (offset, timestamp_ms) in enumerate(places):
            value = None if index in nulls else raw.value(index)
            try:
                if (offset, timestamp_ms) in requeued:
                    raise RecordRefused(Reason.REQUEUED, "put back on the topic as another record: see the marker")
                record, time = self._read(value)
                time_us = event_time_us(time, timestamp_ms, self._future_us)
                rows.append(self._reader.row(record, offset, timestamp_ms, time_us, number_of))
            except RecordRefused as refused:
                rejects.append(
                    Reject(
                        refused.reason, refused.detail, raw.topic, raw.partition, offset, timestamp_ms,
                        raw.keys[index], value,
                    )
                )  # fmt: skip
        table = np.array(rows, TABLE_OF[self._kind])
        next_offset = int(raw.offsets[-1]) + 1
        return DeskBatch(
            self._kind, raw.topic, raw.partition, table, tuple(words), len(raw), next_offset, rejects=rejects
        )

    def _read(self, value: bytes | None) -> tuple[Any, object]:
        """The record and its time."""
        if not value:
            empty = "the value is null" if value is None else "the value is empty"
            raise RecordRefused(Reason.EMPTY_VALUE, empty)
        if len(value) > self._value_bytes_max:
            raise RecordRefused(Reason.TOO_LARGE, f"{len(value)} bytes")
        try:
            if value[0] != FRAME:
                record = self._json.decode(value)
                return record, record.event_time
            fields = self._avro.read(value)
            time = fields.pop(TIME, None)
            return msgspec.convert(fields, self._reader.struct), time
        except msgspec.ValidationError as error:
            reason = Reason.MISSING_FIELD if MISSING in str(error) else Reason.BAD_VALUE
            raise RecordRefused(reason, str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordRefused(Reason.CORRUPT, str(error)) from None
