"""Refuses the records that were put back on their topic: the copy counts, so the original must not.

Flows run it on TRADE rows after validation. A record that was put back is refused as REQUEUED, whatever else is wrong
with it or has been mended since. So each trade counts once however often the log is read. A batch costs two binary
searches when none of its records was put back; the batches of a partition in which nothing was put back aren't looked
at.
"""

from typing import Final

import numpy as np

from schemas.columns import PlaceRows, TradeRows
from schemas.rejects import Reason

__all__ = ["refuse_requeued"]

_REQUEUED: Final = int(Reason.REQUEUED)


def refuse_requeued(rows: TradeRows, places: PlaceRows) -> None:
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
