"""Refuses the records that were put back on their topic: the copy counts, so the original must not.

Flows run it on TRADE rows after validation. Law: a record that was put back is refused as REQUEUED whatever else is
wrong or has been mended since, so each trade counts once however often the log is read. The surprise: it costs nothing
but two binary searches where no record of the batch was put back, and a batch of a partition without any isn't shown.
"""

from typing import Final

import numpy as np

from schemas.columns import Rows
from schemas.rejects import Reason

__all__ = ["refuse_requeued"]

_REQUEUED: Final = int(Reason.REQUEUED)


def refuse_requeued(rows: Rows, places: Rows) -> None:
    """Sets ``reason`` of the rows (TRADE) that stand at one of ``places`` (PLACE); both are sorted by offset."""
    if not len(rows):
        return
    first, end = np.searchsorted(places["offset"], [rows["offset"][0], rows["offset"][-1] + 1])
    if first == end:
        return
    near = places[first:end]
    at = np.searchsorted(rows["offset"], near["offset"])
    found = rows[at]
    is_same = (found["offset"] == near["offset"]) & (found["timestamp_ms"] == near["timestamp_ms"])
    rows["reason"][at[is_same]] = _REQUEUED
