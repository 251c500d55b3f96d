"""Why a record was refused: the named branch on which bad data travels.

Decoders and validation make a Reject; the dead-letter sink writes it. A record that can't be used is a value with a
reason and an origin. It is never an exception and never dropped in silence. The numbers of the reasons are stored in
columns and metrics: they may be added to, never reused.
"""

from enum import IntEnum
from typing import NamedTuple

__all__ = ["Reason", "Reject"]


class Reason(IntEnum):
    """The label (``reason.label``) is what users see in headers, metrics and CSV files.

    REQUEUED: nothing is wrong with the record, but it was put back on its topic as another one, which counts instead.
    NO_TRADE: a row of a file that holds other events too, such as a new order.
    UNCLEAR_TIME: a plain number that would be read as a time of the seventies and hardly means one.
    """

    NONE = 0
    EMPTY_VALUE = 1
    BAD_FRAME = 2
    UNKNOWN_SCHEMA = 3
    CORRUPT = 4
    MISSING_FIELD = 5
    BAD_SYMBOL = 6
    PRICE_NOT_POSITIVE = 7
    SIZE_NEGATIVE = 8
    OUT_OF_RANGE = 9
    FUTURE_TIME = 10
    BEFORE_1970 = 11
    BAD_VALUE = 12
    TOO_LARGE = 13
    REQUEUED = 14
    UNCLEAR_TIME = 15
    NO_TRADE = 16

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


class Reject(NamedTuple):
    """One refused record with its original bytes (``value`` None for a Kafka tombstone)."""

    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
