"""Values of rows of venues as one batch of records, for the decoders that read a topic's records.

TradeBatches and QuoteBatches make the values. The decoders refuse here what they would refuse on the topic.
"""

from collections.abc import Sequence

import numpy as np

from schemas.columns import NO_TIMESTAMP, RawBatch

__all__ = ["raw_batch"]


def raw_batch(values: Sequence[bytes]) -> RawBatch:
    """RawBatch of ``values``; offsets are their positions, as no topic has them yet."""
    count = len(values)
    return RawBatch(
        topic="",
        partition=0,
        data=b"".join(values),
        ends=np.cumsum([len(value) for value in values], dtype=np.int64),
        offsets=np.arange(count, dtype=np.int64),
        timestamps_ms=np.full(count, NO_TIMESTAMP, np.int64),
        keys=[None] * count,
    )
